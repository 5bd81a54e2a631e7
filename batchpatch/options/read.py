"""The options of reading and of finding: how an input is understood, and who is meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from batchpatch.errors import SettingsError
from batchpatch.options.fields import criteria

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchpatch.model import Criterion


Ambiguous = Literal["refuse", "first", "last", "all"]


Ended = Literal["skip", "warn", "send"]


MOST_AT_ONCE = 1000
"""Ids in one request: more would make its first line longer than servers read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindOptions:
    """What to look up at once, and what to do with what is found.

    Raises:
        SettingsError: one of them cannot be used.
    """

    lookup_batch: int = 100
    """Conversations in one request to analytics, 1 to 1000."""
    ambiguous: Ambiguous = "refuse"
    """Where several participants fit: no row, the one that joined first or last, or all."""
    ended: Ended = "warn"
    """Rows of a conversation that is known to have ended: `skip` makes them invalid; `warn` and
    `send` differ for those who warn, not here."""
    learn_ended: bool = False
    """Ask analytics about rows that name their participant by id as well, only to know which of
    their conversations have ended."""

    def __post_init__(self) -> None:
        if not 1 <= self.lookup_batch <= MOST_AT_ONCE:
            raise SettingsError(
                f"--lookup-batch must be from 1 to {MOST_AT_ONCE}, not {self.lookup_batch}."
            )
        _check("--ambiguous", self.ambiguous, get_args(Ambiguous))
        _check("--ended", self.ended, get_args(Ended))


def _check(flag: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SettingsError(f"{flag} must be one of {', '.join(choices)}, not {value!r}.")


InputFormat = Literal["csv", "jsonl"]


NO_DELIMITERS = '"\r\n\0'
"""What means something else in a CSV."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """Options of the reading room. Every default is the contract's.

    Raises:
        SettingsError: where a value can never work, whatever the input.
    """

    write: str | None = None
    """Name of the kind of write, which decides what columns mean; None is the usual one."""
    format: InputFormat | None = None
    """None: by extension, else by the first character."""
    encoding: str | None = None
    """A Python text codec; None: UTF-8, or what a byte order mark says."""
    delimiter: str | None = None
    """One character; None: detected from the header."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Field to column: `conversation`, `participant`, `purpose`, `externalContactId`, `userId`,
    `address`, `match.NAME`, and those of the kind of write."""
    participant: tuple[Criterion, ...] = ()
    """Who is meant by rows that do not say it; see `parse_participant`."""
    attributes: tuple[str, ...] = ()
    """Columns to send as attributes under their own names."""
    all_columns: bool = False
    """Send every column that has no other use."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Attributes added to every row; they win over the row's own."""
    only_keys: frozenset[str] | None = None
    """Any other attribute name makes the row invalid."""
    empty: Literal["leave", "set"] = "leave"
    """What an empty CSV cell or a JSON null does to its attribute."""
    nested: Literal["refuse", "json"] = "refuse"
    """What an object or array as a value becomes."""
    limit: int | None = None
    """Read this many rows, over all inputs together."""

    def __post_init__(self) -> None:
        # As lists of lists, too, which is how `run.json` gives it back.
        object.__setattr__(self, "participant", criteria(self.participant))
        _check_choice("--format", self.format or "csv", get_args(InputFormat))
        _check_choice("--empty", self.empty, ("leave", "set"))
        _check_choice("--nested", self.nested, ("refuse", "json"))
        for name, value in self.constants.items():
            _check_constant(name, value)
            if self.only_keys is not None and name not in self.only_keys:
                raise SettingsError(f"--set names {name!r}, which --only-keys does not list.")
        delimiter = self.delimiter
        if delimiter is not None and (len(delimiter) != 1 or delimiter in NO_DELIMITERS):
            raise SettingsError("--delimiter takes a single character, no quote or line break.")
        if self.limit is not None and self.limit < 1:
            raise SettingsError("--limit takes a number of rows, from 1.")


def _check_choice(flag: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingsError(f"{flag} is one of {', '.join(allowed)}.")


def _check_constant(name: str, value: str) -> None:
    if not name.strip():
        raise SettingsError("--set needs a name before the '=': --set NAME=VALUE.")
    try:
        (name + value).encode()
    except UnicodeEncodeError:
        raise SettingsError(f"--set {name!a} holds bytes that are not UTF-8 text.") from None
    if "\0" in name + value:
        raise SettingsError(f"--set {name!a} holds a NUL character.")
