"""Where order lives: the rows that wait, and the participants whose patch is on its way. Pure.

Rows of one participant wait together and leave as one `Patch`. While a patch is out, its
participant is leased: rows that arrive meanwhile wait for its return, so that two requests for
one participant never overlap and take effect in the order of the rows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchpatch.errors import SettingsError
from batchpatch.merging.merge import fitting, merged, row_bytes, superseded
from batchpatch.model import Patch, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

_Participant = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOptions:
    """Bounds of the window.

    Raises:
        SettingsError: one of them would hold no row.
    """

    window_rows: int = 10_000
    """Rows that may wait, and so the distance within which rows of a participant meet."""
    window_bytes: int = 64 << 20
    """Text that may wait, whichever is reached first."""
    body_bytes: int = 512_000
    """The platform's `request.bytes.max`: a merge that would pass it starts the next patch."""
    live_first: bool = False
    """Conversations known to have ended leave after the others, as far as the window reaches."""

    def __post_init__(self) -> None:
        if min(self.window_rows, self.window_bytes, self.body_bytes) < 1:
            raise SettingsError("--window takes a number of rows, from 1.")


class Window:
    """The waiting rows.

    Invariants: rows of one participant leave in the order they came; a participant has at most
    one patch out; a patch leaves only when the window is full or the caller drains it.
    """

    def __init__(self, options: MergeOptions | None = None, *, patches: int = 0) -> None:
        """An empty window; `patches` is the number of the last patch of an earlier run."""
        options = options or MergeOptions()
        self._most_rows = options.window_rows
        self._most_bytes = options.window_bytes
        self._body_bytes = options.body_bytes
        self._waiting: dict[_Participant, Sequence[Row]] = {}
        """By participant; a list only once there are several rows, which most never have."""
        self._ready: deque[_Participant] = deque()
        """Waiting and not leased, the longest waiting first; each of them once."""
        self._later: deque[_Participant] = deque()
        """As `_ready`, of conversations that have ended; empty unless live ones go first."""
        self._live_first = options.live_first
        self._leased: set[_Participant] = set()
        self.patches = patches
        """Number of the last patch handed out."""
        self.rows = 0
        """Rows that wait."""
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Add no more now: take first."""
        return self.rows >= self._most_rows or self._bytes >= self._most_bytes

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is out."""
        return not self._waiting and not self._leased

    def add(self, row: Row) -> None:
        """Let a row wait. Rows come in input order, and ask for something."""
        participant = row[3:5]
        waiting = self._waiting.get(participant)
        if waiting is None:
            self._waiting[participant] = (row,)
            if participant not in self._leased:
                self._queue(row).append(participant)
        elif isinstance(waiting, list):
            waiting.append(row)
        else:
            self._waiting[participant] = [*waiting, row]
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
        queue = self._ready or self._later
        if not queue or not (drain or self.full):
            return None
        participant = queue.popleft()
        waiting = self._waiting.pop(participant)
        self._leased.add(participant)
        self.rows -= len(waiting)
        self._bytes -= sum(map(row_bytes, waiting))
        rows = fitting(waiting, self._body_bytes)
        for row in waiting[len(rows) :]:
            self.add(row)  # what does not fit waits on, for the lease to come back
        return self._patch(rows)

    def settle(self, patch: Patch) -> None:
        """Take the lease back: the participant's next rows may leave."""
        participant = patch.rows[0][3:5]
        self._leased.remove(participant)
        if waiting := self._waiting.get(participant):
            # It has waited longer than any that is ready.
            self._queue(waiting[0]).appendleft(participant)

    def _queue(self, row: Row) -> deque[_Participant]:
        ended = self._live_first and row.note is not None and row.note.ended
        return self._later if ended else self._ready

    def split(self, patch: Patch) -> list[Patch]:
        """The patch row by row, in order, under the lease it has.

        For a merged patch that the platform refused: one bad row must not sink its neighbours.
        """
        return [self._patch([row]) for row in patch.rows]

    def _patch(self, rows: Sequence[Row]) -> Patch:
        self.patches += 1
        return Patch(self.patches, tuple(rows), merged(rows), superseded(rows))
