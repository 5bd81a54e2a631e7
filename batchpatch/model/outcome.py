"""Outcomes of rows, and the one table of what each of them means."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Outcome(StrEnum):
    """What became of a row. The words are part of the contract of `results.jsonl`."""

    UPDATED = "updated"
    PLANNED = "planned"
    """In plans only: the change that the row asks for is a line of the plan."""
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    INVALID = "invalid"
    REJECTED = "rejected"
    CONFLICT = "conflict"
    NOT_STORED = "not_stored"
    UNKNOWN = "unknown"

    @property
    def made_it(self) -> bool:
        """True where the platform, or the plan, holds what the row (or the one that replaced it)
        asks for."""
        return _TRAITS[self].made_it

    @property
    def was_applied(self) -> bool:
        """True where the platform holds the row's own values."""
        return _TRAITS[self].was_applied

    @property
    def may_be_retried(self) -> bool:
        """True where the same row may fare better another time."""
        return _TRAITS[self].may_be_retried

    @property
    def may_have_left(self) -> bool:
        """True where a PATCH may have left for it; whether it has, only its line tells."""
        return _TRAITS[self].may_have_left

    @property
    def severity(self) -> int:
        """How bad it is; the worst part of a row is the row's outcome."""
        return _TRAITS[self].severity


UPDATED = Outcome.UPDATED
"""For what every row passes: Python 3.11 looks up a member of an enum much more slowly."""


class _Traits(NamedTuple):
    """What an outcome means."""

    made_it: bool
    was_applied: bool
    may_be_retried: bool
    may_have_left: bool
    severity: int


_TRAITS = {
    # outcome                   made it, was applied, may be retried, may have left, severity
    Outcome.SUPERSEDED: _Traits(True, False, False, False, 0),
    Outcome.UNCHANGED: _Traits(True, True, False, False, 1),
    Outcome.UPDATED: _Traits(True, True, False, True, 2),
    Outcome.PLANNED: _Traits(True, False, False, False, 2),
    # The input is the same, so the row would be invalid again.
    Outcome.INVALID: _Traits(False, False, False, False, 3),
    Outcome.CONFLICT: _Traits(False, False, True, False, 4),
    Outcome.NOT_STORED: _Traits(False, False, True, True, 5),
    Outcome.UNKNOWN: _Traits(False, False, True, True, 6),
    Outcome.REJECTED: _Traits(False, False, True, True, 7),
}

SENT_SINGLY = frozenset({400, 413})
"""A merged PATCH answered so is sent again row by row: one bad row must not sink the others."""


def took_no_effect(outcome: Outcome, status: int | None, attempts: int | None) -> bool:
    """True where a request cannot have written anything: its one answer was the platform's no.

    After several attempts one without an answer may have taken effect, and so may one that a
    gateway has given up.
    """
    is_no = status is not None and 400 <= status < 500 and status != 408
    return outcome is Outcome.REJECTED and is_no and attempts == 1


MADE_IT = frozenset(outcome for outcome in Outcome if outcome.made_it)
MAY_HAVE_LEFT = frozenset(outcome for outcome in Outcome if outcome.may_have_left)
FAILED = frozenset(Outcome) - MADE_IT
APPLIED = frozenset(outcome for outcome in Outcome if outcome.was_applied)


def count_failed(outcomes: Mapping[str, int]) -> int:
    """Rows that did not make it, of counts by outcome."""
    return sum(number for word, number in outcomes.items() if not Outcome(word).made_it)
