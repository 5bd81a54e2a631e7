"""Rows that went to several participants: one line each, once all of them are settled. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from batchpatch.recording.settlement import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from batchpatch.model import InvalidRow, Row, RowResult

_Participant = tuple[str | None, str | None]


class Joiner:
    """Holds back the results of rows that have several, until they are complete.

    What comes after such a row at one of its participants is held back as well: were that on
    record and the row not, resuming would send the row again, and put old over new.
    """

    def __init__(self) -> None:
        self._expected: dict[int, int] = {}
        self._held: dict[int, list[RowResult]] = {}
        self._blocked: dict[_Participant, int] = {}
        """Participants that an incomplete row was settled for, and which row that is."""
        self._behind: dict[int, list[RowResult]] = {}
        """What is held back for the sake of an incomplete row."""

    def expect(self, rows: Iterable[Row | InvalidRow]) -> None:
        """See the rows of a batch; those that stand there several times have several results."""
        numbers = Counter(row.number for row in rows)
        self._expected.update({n: times for n, times in numbers.items() if times > 1})

    def add(self, result: RowResult) -> Sequence[RowResult]:
        """The lines to write now, in order; none while others of the row's results are to come."""
        if not self._expected:
            return (result,)
        who = result.conversation_id, result.participant_id
        blocker = self._blocked.get(who)
        if blocker is not None and blocker != result.row:
            self._behind.setdefault(blocker, []).append(result)
            return ()
        expected = self._expected.get(result.row)
        if expected is None:
            return (result,)
        held = self._held.setdefault(result.row, [])
        held.append(result)
        self._blocked[who] = result.row
        return self._completed(result.row) if len(held) == expected else ()

    def _completed(self, row: int) -> list[RowResult]:
        held = self._held.pop(row)
        del self._expected[row]
        for result in held:
            self._blocked.pop((result.conversation_id, result.participant_id), None)
        lines = [joined(held)]
        for later in self._behind.pop(row, ()):
            lines += self.add(later)
        return lines
