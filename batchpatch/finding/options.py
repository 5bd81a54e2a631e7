"""How participants are looked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from batchpatch.errors import SettingsError

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
