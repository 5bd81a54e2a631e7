"""A forecast of what a run over these rows would cost, without making a patch. Pure."""

from __future__ import annotations

import sys
from collections import deque
from math import ceil
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from batchpatch.model import Row

EXACT_UP_TO = 100_000

_HASHES = 1 << sys.hash_info.width
_LOWEST = -(_HASHES // 2)


class DistinctCount:
    """Counts exactly up to a bound, and from there by a sample: the hashes below a limit.

    Whenever the sample outgrows its bound, the limit is halved; once it is a sample, half the
    bound is enough, so that memory has its peak there and never again. It then holds a quarter of
    the bound at least, and the standard error is at most 2 / sqrt(bound): 0.63 % for 100,000.
    """

    def __init__(self, exact_up_to: int = EXACT_UP_TO) -> None:
        self._bound = self._most = exact_up_to
        self._sample: set[int] = set()
        self._share = _HASHES
        """How many of the possible hashes are below the limit."""

    def update(self, hashes: Iterable[int]) -> None:
        """See more things, each by its `hash()`; repeated ones count once."""
        sample = self._sample
        if self._share < _HASHES:
            limit = _LOWEST + self._share
            hashes = [h for h in hashes if h < limit]
        sample.update(hashes)
        while len(sample) > self._most:
            self._share //= 2
            limit = _LOWEST + self._share
            kept = [h for h in sample if h < limit]
            # Emptied first: a set that only loses members keeps their places, and then grows by
            # a second table beside the first.
            sample.clear()
            sample.update(kept)
            del kept
            self._most = self._bound // 2

    @property
    def exact(self) -> bool:
        """False where `count` is an estimate."""
        return self._share == _HASHES

    @property
    def count(self) -> int:
        """Different things seen so far."""
        return round(len(self._sample) * (_HASHES / self._share))


class Forecast:
    """Counts the patches that a `Window` of so many rows would hand out, and the participants.

    Answers of the platform are taken to come at once; a window's bound in bytes and the limit of
    a body are left out, because they matter to few inputs.
    """

    def __init__(self, window_rows: int) -> None:
        self.participants = DistinctCount()
        """By how they are named: two selectors that will find one participant count twice."""
        self.conversations = DistinctCount()
        self._looked_up, self._read = DistinctCount(), DistinctCount()
        self.patches = 0
        self.nothing_to_set = 0
        self._window_rows = window_rows
        self._waiting: dict[int, int] = {}
        """Rows by participant; the participant's hash is enough for a count."""
        self._order: deque[int] = deque()
        self._rows = 0

    def lookups(self, at_once: int) -> int:
        """Requests that find participants, where analytics knows their conversations."""
        return ceil(self._looked_up.count / at_once) + self._read.count

    @property
    def conversations_read(self) -> int:
        """Those that are read to find who is meant."""
        return self._read.count

    def add(self, rows: Sequence[Row]) -> None:
        """See some rows, then hand out what a full window would."""
        asking = rows if all(map(_NAMES, rows)) else [row for row in rows if row[5]]
        self.nothing_to_set += len(rows) - len(asking)
        self.conversations.update(list(map(hash, map(_CONVERSATION, asking))))
        if any(map(_CONTEXT, asking)):
            participants = self._sought(asking)
        else:
            participants = list(map(hash, map(_IDS, asking)))
        self.participants.update(participants)
        for some in self._fitting(participants):
            known = len(self._order)
            self._wait(some)
            self.patches += len(self._order) - known
            self._rows += len(some)
            while self._rows >= self._window_rows:
                self._rows -= self._waiting.pop(self._order.popleft())

    def _fitting(self, participants: list[int]) -> Iterator[list[int]]:
        """All of them, or as many at a time as there is room for in a window that is smaller."""
        at = 0
        while len(participants) > self._window_rows and at < len(participants):
            room = self._window_rows - self._rows
            yield participants[at : at + room]
            at += room
        if not at:
            yield participants

    def _sought(self, rows: Sequence[Row]) -> list[int]:
        """The participants where some are yet to be found, which takes requests."""
        sought = [row for row in rows if row[7] is not None and row[7].selector]
        self._looked_up.update([hash(row[3]) for row in sought if _by_analytics(row)])
        self._read.update([hash(row[3]) for row in sought if not _by_analytics(row)])
        return [
            hash(row[3:5] if row[7] is None else (row[3], row[4] or row[7].selector))
            for row in rows
        ]

    def _wait(self, participants: list[int]) -> None:
        """Put them into the window."""
        waiting = self._waiting
        new = dict.fromkeys(participants, 1)
        if len(new) == len(participants) and waiting.keys().isdisjoint(new):
            waiting.update(new)
            self._order.extend(new)
            return
        for participant in participants:
            if participant in waiting:
                waiting[participant] += 1
            else:
                waiting[participant] = 1
                self._order.append(participant)


# Taken out by the C of `itemgetter`: an access by name costs as much as all the rest.
_CONVERSATION, _NAMES, _CONTEXT = itemgetter(3), itemgetter(5), itemgetter(7)
_IDS = itemgetter(3, 4)


def _by_analytics(row: Row) -> bool:
    """True where analytics can tell; else it takes a read of the conversation."""
    selector = row.context.selector if row.context is not None else ()
    return all(one.field not in ("match", "address") for one in selector)
