"""What a run over these rows would cost, without making a patch. Pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from batchpatch.merging.distinct import DistinctCount

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    def add(self, rows: Sequence[Row]) -> None:
        """See some rows, then hand out what a full window would."""
        waiting, order = self._waiting, self._order
        participants = [hash(row[3:5]) for row in rows if row[5]]
        self.nothing_to_set += len(rows) - len(participants)
        self.participants.update(participants)
        known = len(order)
        for participant in participants:
            if participant in waiting:
                waiting[participant] += 1
            else:
                waiting[participant] = 1
                order.append(participant)
        self.patches += len(order) - known
        self._rows += len(participants)
        while self._rows >= self._window_rows:
            self._rows -= waiting.pop(order.popleft())
