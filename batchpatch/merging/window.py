"""Where order lives: the rows that wait, and the participants whose patch is on its way. Pure.

Rows of one participant wait together and leave as one `Patch`. While a patch is out, its
participant is leased: rows that arrive meanwhile wait for its return, so that two requests for
one participant never overlap and take effect in the order of the rows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchpatch.merging.merge import fitting, merged, row_bytes
from batchpatch.model import Patch, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

_Participant = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOptions:
    """Bounds of the window."""

    window_rows: int = 10_000
    """Rows that may wait, and so the distance within which rows of a participant meet."""
    window_bytes: int = 64 << 20
    """Text that may wait, whichever is reached first."""
    body_bytes: int = 512_000
    """The platform's `request.bytes.max`: a merge that would pass it starts the next patch."""


class Window:
    """The waiting rows.

    Invariants: rows of one participant leave in the order they came; a participant has at most
    one patch out; a patch leaves only when the window is full or the caller drains it.
    """

    def __init__(self, options: MergeOptions | None = None) -> None:
        self._options = options or MergeOptions()
        self._waiting: dict[_Participant, list[Row]] = {}
        self._ready: deque[_Participant] = deque()
        """Waiting and not leased, the longest waiting first; each of them once."""
        self._leased: set[_Participant] = set()
        self._patches = 0
        self.rows = 0
        """Rows that wait."""
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Add no more now: take first."""
        options = self._options
        return self.rows >= options.window_rows or self._bytes >= options.window_bytes

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is out."""
        return not self._waiting and not self._leased

    @property
    def patches(self) -> int:
        """Patches handed out so far."""
        return self._patches

    def add(self, row: Row) -> None:
        """Let a row wait. Rows come in input order."""
        participant = (row[3], row[4])
        rows = self._waiting.get(participant)
        if rows is None:
            self._waiting[participant] = [row]
            if participant not in self._leased:
                self._ready.append(participant)
        else:
            rows.append(row)
        self.rows += 1
        self._bytes += row_bytes(row)

    def take(self, *, drain: bool = False) -> Patch | None:
        """Hand out the participant that has waited longest, and lease it.

        Args:
            drain: the input has ended or has nothing more at hand, so waiting is of no use.

        Returns:
            None where nothing may leave now: not full and not draining, or every waiting
            participant has a patch out.
        """
        if not self._ready or not (drain or self.full):
            return None
        participant = self._ready.popleft()
        waiting = self._waiting.pop(participant)
        rows = fitting(waiting, self._options.body_bytes)
        if len(rows) < len(waiting):
            self._waiting[participant] = waiting[len(rows) :]
        self._leased.add(participant)
        self.rows -= len(rows)
        for row in rows:
            self._bytes -= row_bytes(row)
        return self._patch(rows)

    def settle(self, patch: Patch) -> None:
        """Take the lease back: the participant's next rows may leave."""
        participant = (patch.conversation_id, patch.participant_id)
        self._leased.remove(participant)
        if participant in self._waiting:
            self._ready.appendleft(participant)  # it has waited longer than any that is ready

    def split(self, patch: Patch) -> list[Patch]:
        """The patch row by row, in order, under the lease it has.

        For a merged patch that the platform refused: one bad row must not sink its neighbours.
        """
        return [self._patch([row]) for row in patch.rows]

    def _patch(self, rows: Sequence[Row]) -> Patch:
        self._patches += 1
        return Patch(self._patches, tuple(rows), merged(rows))
