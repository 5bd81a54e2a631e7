"""Rows that went to several participants: one line each, once all of them are settled. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from batchpatch.recording.settlement import joined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.model import InvalidRow, Row, RowResult


class Joiner:
    """Holds back the results of rows that have several, until they are complete."""

    def __init__(self) -> None:
        self._expected: dict[int, int] = {}
        self._held: dict[int, list[RowResult]] = {}

    def expect(self, rows: Iterable[Row | InvalidRow]) -> None:
        """See the rows of a batch; those that stand there several times have several results."""
        numbers = Counter(row.number for row in rows)
        self._expected.update({n: times for n, times in numbers.items() if times > 1})

    def add(self, result: RowResult) -> RowResult | None:
        """The line to write for the row, or None while others of its results are to come."""
        expected = self._expected.get(result.row)
        if expected is None:
            return result
        held = self._held.setdefault(result.row, [])
        held.append(result)
        if len(held) < expected:
            return None
        del self._expected[result.row], self._held[result.row]
        return joined(held)
