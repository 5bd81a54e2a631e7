"""The options of reading and of finding: how an input is understood, and who is meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
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
    fresh: bool = False
    """Read each conversation that a selector is about: analytics costs fewer requests, and lags
    behind what goes on."""

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
Multiline = Literal["records", "any"]
NO_QUOTE = "none"
"""What `quote` is where a quote is a character like any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """Options of reading. Every default is the contract's.

    Raises:
        SettingsError: where a value can never work, whatever the input.
    """

    write: str | None = None
    """Name of the kind of write, which decides what columns mean; None is the usual one."""
    names_file: str | None = None
    """Path of a file of ids and names, for rows that name what the platform knows by an id; None:
    the platform is asked."""
    format: InputFormat | None = None
    """None: by extension, else by the first character."""
    sheet: str | None = None
    """Title of the sheet of a workbook; None is the first that is not hidden."""
    encoding: str | None = None
    """A Python text codec; None: UTF-8, or what a byte order mark says."""
    delimiter: str | None = None
    """One character; None: detected from the header."""
    quote: str = '"'
    """The character that cells are put in; `none`: a quote is a character like any other."""
    escape: str | None = None
    """The character that takes its meaning from the one behind it, such as a backslash."""
    comment: str | None = None
    """Lines that begin with this character are no records."""
    skip_lines: int = 0
    """Lines above the header of each CSV, such as a title."""
    columns_given: tuple[str, ...] = ()
    """Names of the columns of a CSV that has no header; an empty one is a column without a use."""
    multiline: Multiline = "records"
    """What a quoted cell over several lines may hold: `any` text, or none that looks like a record
    of its own, which a quote that nobody closed has swallowed."""
    null: tuple[str, ...] = ()
    """Texts that stand for an empty cell, such as NULL."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Field to column: `conversation`, `participant`, `purpose`, `externalContactId`, `userId`,
    `address`, `match.NAME`, those of the kind of write, and what a row says of itself: `id`,
    `priority`, `deadline`."""
    deadline_s: float | None = None
    """Of rows that name none: seconds after a row's arrival from which on it is not sent."""
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
    rules_file: str | None = None
    """Path of a file of rules for values."""
    rules_sha256: str | None = None
    """Of that file when the work was begun; with other rules it does not go on."""
    empty: Literal["leave", "set"] = "leave"
    """What an empty CSV cell or a JSON null does to its attribute."""
    nested: Literal["refuse", "json"] = "refuse"
    """What an object or array as a value becomes."""
    limit: int | None = None
    """Read this many rows, over all inputs together."""

    def __post_init__(self) -> None:
        # As lists of lists, too, which is how `run.json` gives it back.
        object.__setattr__(self, "participant", criteria(self.participant))
        for name in ("columns_given", "null"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        _check_choice("--format", self.format or "csv", get_args(InputFormat))
        _check_choice("--empty", self.empty, ("leave", "set"))
        _check_choice("--nested", self.nested, ("refuse", "json"))
        for name, value in self.constants.items():
            _check_constant(name, value)
            if self.only_keys is not None and name not in self.only_keys:
                raise SettingsError(f"--set names {name!r}, which --only-keys does not list.")
        _check_choice("--multiline", self.multiline, get_args(Multiline))
        _check_marks(self)
        if isinstance(self.skip_lines, bool) or self.skip_lines < 0:
            raise SettingsError("--skip-lines takes a number of lines, from 0.")
        if self.deadline_s is not None and not 0 < self.deadline_s < inf:
            raise SettingsError("--deadline takes a duration above 0, such as 30s.")
        if self.limit is not None and self.limit < 1:
            raise SettingsError("--limit takes a number of rows, from 1.")


def _check_choice(flag: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingsError(f"{flag} is one of {', '.join(allowed)}.")


def _texts(name: str, given: object) -> tuple[str, ...]:
    """Texts as a list, too, which is how `run.json` gives them back."""
    flag = {"columns_given": "--columns", "null": "--null"}[name]
    usable = isinstance(given, (tuple, list)) and all(isinstance(one, str) for one in given)
    blank = usable and [not one.strip() for one in given]  # type: ignore[attr-defined]
    if not usable or (blank and (all(blank) or (any(blank) and name == "null"))):
        raise SettingsError(f"{flag} takes text that is not blank.")
    texts: tuple[str, ...] = tuple(given)  # type: ignore[arg-type]
    _check_text("".join(texts), flag)
    return texts


def _check_text(text: str, flag: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SettingsError(f"{flag} holds bytes that are not UTF-8 text.") from None


def _check_marks(options: ReadOptions) -> None:
    """Each of the characters that mean something in a CSV means one thing."""
    delimiter = options.delimiter
    if delimiter is not None and (len(delimiter) != 1 or delimiter in NO_DELIMITERS):
        raise SettingsError("--delimiter takes a single character, no quote or line break.")
    quote = None if options.quote == NO_QUOTE else options.quote
    marks = {"--quote": quote, "--escape": options.escape, "--comment": options.comment}
    for flag, mark in marks.items():
        if mark is not None and (len(mark) != 1 or mark.isspace() or mark == "\0"):
            or_none = f", or {NO_QUOTE}" if flag == "--quote" else ""
            raise SettingsError(
                f"{flag} takes a single character, no blank or line break{or_none}."
            )
    given = [mark for mark in (delimiter, *marks.values()) if mark is not None]
    if len(set(given)) < len(given):
        raise SettingsError(
            "--delimiter, --quote, --escape and --comment must be different characters; "
            f"the quote is {options.quote} unless --quote says otherwise."
        )


def _check_constant(name: str, value: str) -> None:
    if not name.strip():
        raise SettingsError("--set needs a name before the '=': --set NAME=VALUE.")
    _check_text(name + value, f"--set {name!a}")
    if "\0" in name + value:
        raise SettingsError(f"--set {name!a} holds a NUL character.")
