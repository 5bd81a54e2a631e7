"""The window of rows that wait to be merged, and the leases of participants. Pure.

How it works. Rows of one participant wait together, in input order, and leave as one `Patch`; the
participant that has waited longest leaves first. Nothing leaves before it must: while the window
has room, another row of the same participant may come, and then one request serves both. It must
where the window is full (in rows or in bytes), and where the caller *flushes* because the input
has ended or has nothing more at hand.

While a patch is out its participant is *leased*: rows that arrive meanwhile wait for the lease to
be *released*, which is when their predecessors' lines are in the writer's buffer. So two requests
for one participant never overlap, and what they do takes effect in the order of the rows, however
many attempts each of them takes.

A patch is made at the moment at which it leaves, and never changes after that. What becomes of
its rows is the kind's `MergeRule`: per name the last row wins, or the last row wins whole. A row
of which nothing is left is *superseded*, and gets its line with the patch that carries the row
which took the last of it. A merge that would pass the platform's limit of a body stops before it;
the rows that are left out wait under the lease and become the participant's next patch.

An *urgent* row lifts its participant in front of all that are not, with the earlier rows of that
participant, whose order never changes. A row whose deadline has passed while it waited, and one
that was withdrawn, are *dropped*: they leave in no patch, and the caller records why.

States of a participant: waiting (queued, not leased) -> out (leased) -> gone; or out and waiting
at once, and then queued again, at the front, when the lease is released. While it waits and is not
leased it stands in one queue; else in none.
"""

from __future__ import annotations

from collections import OrderedDict
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from batchpatch.merging.merge import fitting, merged, row_bytes, superseded
from batchpatch.model import Patch
from batchpatch.options.run import MergeOptions
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from batchpatch.model import Row
    from batchpatch.writes.kind import WriteKind

_Participant = tuple[str, str]
_Queue = OrderedDict[_Participant, None]
_SPARE_DUES = 1024


class Window:
    """The waiting rows.

    Invariants: rows of one participant leave in the order they came; a participant has at most
    one patch out; a patch leaves only when the window is full or the caller flushes it.
    """

    def __init__(
        self,
        options: MergeOptions | None = None,
        *,
        patches: int = 0,
        kind: WriteKind = USUAL,
        withdrawn: Callable[[int], bool] | None = None,
    ) -> None:
        """An empty window.

        Args:
            options: its bounds.
            patches: number of the last patch of an earlier run.
            kind: what the rows write.
            withdrawn: tells of a row's number that nobody wants it any more.
        """
        options = options or MergeOptions()
        self._kind = kind
        self._most_rows = options.window_rows
        self._most_bytes = options.window_bytes
        self._body_bytes = options.body_bytes
        self._withdrawn = withdrawn
        self._whose: dict[int, tuple[_Participant, ...]] = {}
        """By number of a row that waits: whose it is; empty where none can be withdrawn."""
        self._sizes: dict[_Participant, int] = {}
        """By participant, bytes of the rows that wait: measured once, when they come."""
        self._waiting: dict[_Participant, Sequence[Row]] = {}
        """By participant; a list only once there are several rows, which most never have."""
        self._urgent: _Queue = OrderedDict()
        """Waiting and not leased, with a row that others wait for."""
        self._ready: _Queue = OrderedDict()
        """Waiting and not leased, the longest waiting first."""
        self._later: _Queue = OrderedDict()
        """As `_ready`, of conversations that have ended; empty unless live ones go first."""
        self._live_first = options.live_first
        self._leased: set[_Participant] = set()
        self._due: list[tuple[float, _Participant]] = []
        """When waiting rows are of no use any more: a heap. May name some that have left."""
        self.dropped: list[Row] = []
        """Rows that left in no patch, for whoever takes them out of here."""
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
    def most_rows(self) -> int:
        """It is full with so many."""
        return self._most_rows

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is out."""
        return not self._waiting and not self._leased

    def idle_but(self, patches: int) -> bool:
        """Nothing waits, and no more than so many patches are out."""
        return not self._waiting and len(self._leased) <= patches

    @property
    def due_s(self) -> float | None:
        """When the next row is of no use any more, if it waits till then; None where none is."""
        return self._due[0][0] if self._due else None

    def add(self, row: Row) -> None:
        """Let a row wait. Rows come in input order, and ask for something."""
        participant = row[3:5]
        if self._withdrawn is not None:
            if self._withdrawn(row.number):
                self.dropped.append(row)
                return
            self._whose[row.number] = (*self._whose.get(row.number, ()), participant)
        size = row_bytes(row)
        waiting = self._waiting.get(participant)
        if waiting is None:
            self._waiting[participant] = (row,)
            self._sizes[participant] = size
            if participant not in self._leased:
                (self._ready if row[7] is None else self._queue([row]))[participant] = None
        else:
            if isinstance(waiting, list):
                waiting.append(row)
            else:
                self._waiting[participant] = [*waiting, row]
            self._sizes[participant] += size
        self.rows += 1
        self._bytes += size
        if (context := row[7]) is not None:
            if context.urgent and waiting is not None and participant not in self._leased:
                self._lift(participant)
            if context.due_s is not None:
                self._await_due(context.due_s, participant)

    def _lift(self, participant: _Participant) -> None:
        if participant not in self._urgent:
            self._leave_queue(participant)
            self._urgent[participant] = None

    def _leave_queue(self, participant: _Participant) -> None:
        for queue in (self._urgent, self._ready, self._later):
            queue.pop(participant, None)

    def _await_due(self, due_s: float, participant: _Participant) -> None:
        heappush(self._due, (due_s, participant))
        if len(self._due) > _SPARE_DUES + 2 * self.rows:  # mostly of rows that have left
            self._due = [
                (row.context.due_s, who)
                for who, rows in self._waiting.items()
                for row in rows
                if row.context is not None and row.context.due_s is not None
            ]
            heapify(self._due)

    def take(self, *, flush: bool = False) -> Patch | None:
        """Hand out the participant that has waited longest, and lease it.

        Args:
            flush: the input has ended or has nothing more at hand, so waiting is of no use.

        Returns:
            None where nothing may leave now: not full and not flushed, or every waiting
            participant has a patch out.
        """
        while flush or self.full:
            queue = self._urgent or self._ready or self._later
            if not queue:
                return None
            participant, _ = queue.popitem(last=False)
            waiting = self._take_out(participant)
            if self._withdrawn is not None:
                waiting = self._keep(waiting, self._is_wanted)
            if not waiting:
                continue
            self._leased.add(participant)
            if len(waiting) == 1:  # hot: mostly
                return self.patch_of(waiting)
            rows = fitting(waiting, self._body_bytes, self._kind)
            for row in waiting[len(rows) :]:
                self.add(row)  # what does not fit waits on, for the lease to come back
            return self.patch_of(rows)
        return None

    def release(self, patch: Patch) -> None:
        """End the lease: the participant's next rows may leave."""
        participant = patch.rows[0][3:5]
        self._leased.remove(participant)
        if waiting := self._waiting.get(participant):
            # It has waited longer than any that is ready.
            queue = self._queue(waiting)
            queue[participant] = None
            queue.move_to_end(participant, last=False)

    def expire(self, now_s: float) -> None:
        """Drop the rows that are of no use any more, by the clock of `RowContext.due_s`."""
        while self._due and self._due[0][0] <= now_s:
            _, participant = heappop(self._due)
            if participant not in self._waiting:
                continue
            kept = self._keep(self._take_out(participant), lambda row: not _is_late(row, now_s))
            self._put_back(participant, kept)

    def drop_withdrawn(self, numbers: Iterable[int]) -> None:
        """Drop those of these rows that wait. Looks at the rows of their participants, once."""
        whose = dict.fromkeys(one for number in numbers for one in self._whose.get(number, ()))
        for participant in whose:
            self._put_back(participant, self._keep(self._take_out(participant), self._is_wanted))

    def _put_back(self, participant: _Participant, rows: Sequence[Row]) -> None:
        if rows:
            self._waiting[participant] = rows
            if self._withdrawn is not None:
                for row in rows:
                    self._whose[row.number] = (*self._whose.get(row.number, ()), participant)
            self._sizes[participant] = size = sum(map(row_bytes, rows))
            self.rows += len(rows)
            self._bytes += size
        else:
            self._leave_queue(participant)

    def _take_out(self, participant: _Participant) -> Sequence[Row]:
        waiting = self._waiting.pop(participant)
        if self._whose:
            self._forget(waiting, participant)
        self.rows -= len(waiting)
        self._bytes -= self._sizes.pop(participant)
        return waiting

    def _keep(self, rows: Sequence[Row], wanted: Callable[[Row], bool]) -> Sequence[Row]:
        """Those that are wanted; the others are dropped."""
        if all(map(wanted, rows)):  # mostly
            return rows
        self.dropped += [row for row in rows if not wanted(row)]
        return [row for row in rows if wanted(row)]

    def _forget(self, rows: Sequence[Row], participant: _Participant) -> None:
        for row in rows:
            others = tuple(one for one in self._whose.pop(row.number, ()) if one != participant)
            if others:  # the row means several
                self._whose[row.number] = others

    def _is_wanted(self, row: Row) -> bool:
        return self._withdrawn is None or not self._withdrawn(row.number)

    def _queue(self, rows: Sequence[Row]) -> _Queue:
        """Where a participant with these rows waits."""
        if any(row[7] is not None and row[7].urgent for row in rows):
            return self._urgent
        first = rows[0].context
        ended = self._live_first and first is not None and first.ended
        return self._later if ended else self._ready

    def split(self, patch: Patch) -> list[Patch]:
        """The patch row by row, in order, under the lease it has.

        For a merged patch that the platform refused: one bad row must not sink its neighbours.
        """
        return [self.patch_of([row]) for row in patch.rows]

    def patch_of(self, rows: Sequence[Row]) -> Patch:
        """A patch of rows of one participant, under the lease it has."""
        self.patches += 1
        if len(rows) == 1:  # hot: nothing merges, nothing is superseded
            names, values = rows[0][5:7]
            # Without a keyword, which takes twice the time of all the rest of it.
            return Patch(self.patches, tuple(rows), dict(zip(names, values)))  # noqa: B905
        rule = self._kind.merge
        return Patch(self.patches, tuple(rows), merged(rows, rule), superseded(rows, rule))


def _is_late(row: Row, now_s: float) -> bool:
    return row.context is not None and (due_s := row.context.due_s) is not None and due_s <= now_s
