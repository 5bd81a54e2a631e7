"""The queue of look-ups: conversations that are still to be read, urgent ones first. Pure."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.model import Row


class LookUpQueue:
    """Conversations in the order in which they were named; each once."""

    def __init__(self) -> None:
        """Nothing is to be looked up."""
        self._urgent: OrderedDict[str, None] = OrderedDict()
        self._others: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        """Conversations."""
        return len(self._urgent) + len(self._others)

    def __contains__(self, conversation: str) -> bool:
        """True for one that is to be looked up."""
        return conversation in self._urgent or conversation in self._others

    def __iter__(self) -> Iterator[str]:
        """In their order."""
        yield from self._urgent
        yield from self._others

    def add(self, conversation: str) -> None:
        """Behind the others, unless it is here."""
        if conversation not in self:
            self._others[conversation] = None

    def hurry(self, conversation: str) -> None:
        """Before those that nobody hurries; one that is not here stays away."""
        if conversation in self._others:
            del self._others[conversation]
            self._urgent[conversation] = None

    def discard(self, conversation: str) -> None:
        """It is not to be looked up any more."""
        self._urgent.pop(conversation, None)
        self._others.pop(conversation, None)

    def take(self, most: int) -> list[str]:
        """So many of the first, which are no longer here."""
        taken = [one for one, _ in zip(self, range(most), strict=False)]
        for one in taken:
            self.discard(one)
        return taken


class Deadlines:
    """Numbers of rows by when they are due."""

    def __init__(self) -> None:
        """None has a deadline."""
        self._due: list[tuple[float, int]] = []

    def note(self, row: Row) -> None:
        """It may have a deadline."""
        if row.context is not None and row.context.due_s is not None:
            heapq.heappush(self._due, (row.context.due_s, row.number))

    def passed(self, now_s: float) -> list[int]:
        """The rows that have become due; each is told once."""
        passed = []
        while self._due and self._due[0][0] <= now_s:
            passed.append(heapq.heappop(self._due)[1])
        return passed


def is_urgent(row: Row) -> bool:
    """True for a row that goes before those of others."""
    return row.context is not None and row.context.urgent
