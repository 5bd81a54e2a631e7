"""Attribute names, judged as sets: rows share few of them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.reading import faults
from batchpatch.reading.values import UnsendableError

if TYPE_CHECKING:
    from collections.abc import Sized

    from batchpatch.reading.faults import Fault

_SETS_KEPT = 1000
"""Sets of names whose verdict is remembered; past that each row is judged."""
_LENGTH_KEPT = 4096
"""The text of the longest set that is."""
_NOTICES_KEPT = 20


class Names:
    """The sets of names that the rows of an input may use.

    `good` holds those that passed, by themselves: rows share one tuple for each.
    """

    def __init__(self, only_keys: frozenset[str] | None, notices: dict[str, str]) -> None:
        self.good: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._only_keys = only_keys
        self._notices = notices

    def fault(self, names: tuple[str, ...]) -> Fault | None:
        """What is wrong with this set of names."""
        if names in self.good:
            return None
        fault = _judged(names, self._only_keys)
        for name in names:
            if len(self._notices) < _NOTICES_KEPT and (notice := notice_of(name)):
                self._notices[name] = notice
        if fault is None and keepable(names, self.good):
            self.good[names] = names
        return fault

    def shared(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The same names, as one tuple for all rows that have them.

        Raises:
            UnsendableError: with what is wrong with them.
        """
        if (fault := self.fault(names)) is not None:
            raise UnsendableError(fault)
        return self.good.get(names, names)


def keepable(names: tuple[str, ...], kept: Sized) -> bool:
    """True while remembering one more set takes little memory."""
    return len(kept) < _SETS_KEPT and sum(map(len, names)) <= _LENGTH_KEPT


def notice_of(name: str) -> str | None:
    """What to know before this attribute is written; None for an ordinary name.

    Source: the platform's documentation of participant data.
    """
    if name.startswith(("context.genesys.", "context._genesys_")):
        return f"{name} is an attribute that the platform itself sets; it may be overwritten."
    if name.startswith("conversationDetails.participantData."):
        return f"{name} is shown to agents on their screen."
    return None


def _judged(names: tuple[str, ...], only_keys: frozenset[str] | None) -> Fault | None:
    for name in names:
        if not name.strip():
            return faults.EMPTY_NAME
        if "\0" in name:
            return faults.NUL_TEXT
        if only_keys is not None and name not in only_keys:
            return faults.not_allowed(name)
    return None
