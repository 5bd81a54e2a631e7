"""What a run over these rows would cost, without making a patch. Pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from batchpatch.merging.distinct import DistinctCount

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.model import Row


class Forecast:
    """Counts the patches that a `Window` of so many rows would hand out, and the participants.

    Answers of the platform are taken to come at once; a window's bound in bytes and the limit of
    a body are left out, because they matter to few inputs.
    """

    def __init__(self, window_rows: int) -> None:
        self.participants = DistinctCount()
        self.patches = 0
        self.nothing_to_set = 0
        self._window_rows = window_rows
        self._waiting: dict[int, int] = {}
        """Rows by participant; the participant's hash is enough for a count."""
        self._order: deque[int] = deque()
        self._rows = 0

    def add(self, rows: Iterable[Row]) -> None:
        """See some rows, then hand out what a full window would."""
        waiting, order, hashes = self._waiting, self._order, []
        for row in rows:
            if not row[5]:
                self.nothing_to_set += 1
                continue
            participant = hash(row[3:5])
            hashes.append(participant)
            if participant in waiting:
                waiting[participant] += 1
            else:
                waiting[participant] = 1
                order.append(participant)
                self.patches += 1
        self.participants.update(hashes)
        self._rows += len(hashes)
        while self._rows >= self._window_rows:
            self._rows -= waiting.pop(order.popleft())
