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

States of a participant: waiting (queued, not leased) -> out (leased) -> gone; or out and waiting
at once, and then queued again, at the front, when the lease is released.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import orjson

from batchpatch.model import Patch, Row
from batchpatch.options.run import MergeOptions
from batchpatch.writes.kind import MergeRule
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.model import RowContext
    from batchpatch.writes.kind import WriteKind

ROW_BYTES = 400
"""What a waiting row takes beside its text, about: tuples, ids, and its place in the window."""

_ESCAPED = 6
"""Bytes that a character takes in JSON at the most (`\\u0001`)."""
_NO_COMMA_BYTES = -len(b",")
"""The last attribute has none behind it."""
_PER_ATTRIBUTE = len(b'"":"",')
_NOTHING_LOST: dict[int, int] = {}


def row_bytes(row: Row) -> int:
    """Memory that a waiting row takes, about."""
    text = len("".join(row[5])) + len("".join(row[6]))  # hot: by position
    return ROW_BYTES + text + (0 if row[7] is None else _context_bytes(row[7]))


def _context_bytes(context: RowContext) -> int:
    values = (context.before or {}).values()
    return ROW_BYTES + sum(len(value) for value in values if value)


def merged(rows: Sequence[Row], rule: MergeRule = MergeRule.EACH_NAME) -> dict[str, str]:
    """What is to be written for these rows: per name the last value, in order of first appearance;
    where the last row wins whole, that row's alone."""
    if rule is MergeRule.WHOLE:
        rows = rows[-1:]
    attributes = dict(zip(rows[0].names, rows[0].values, strict=True))
    for row in rows[1:]:
        attributes.update(zip(row.names, row.values, strict=True))
    return attributes


def superseded(rows: Sequence[Row], rule: MergeRule = MergeRule.EACH_NAME) -> dict[int, int]:
    """Rows of which nothing is left after merging: number -> the row that took the last of it.

    What stands in the place of a superseded row's names may come from several rows; the latest of
    them is named, and that one is itself never superseded.
    """
    if len(rows) == 1:
        return _NOTHING_LOST
    if rule is MergeRule.WHOLE:
        return {row.number: rows[-1].number for row in rows[:-1]}
    last = {name: row.number for row in rows for name in row.names}
    takers = ((row.number, {last[name] for name in row.names}) for row in rows)
    return {number: max(taken) for number, taken in takers if number not in taken}


def fitting(rows: Sequence[Row], limit_bytes: int, kind: WriteKind = USUAL) -> Sequence[Row]:
    """As many of the first rows as make a body within the limit; always at least one.

    A row that is too large alone is for the platform to judge: its limit may have been raised.
    """
    if len(rows) == 1 or kind.merge is MergeRule.WHOLE:
        return rows
    frame_bytes = len(kind.body({}))
    if sum(map(_most_body_bytes, rows)) + frame_bytes <= limit_bytes:
        return rows
    sizes: dict[str, int] = {}
    total = frame_bytes + _NO_COMMA_BYTES
    for count, row in enumerate(rows):
        for name, value in zip(row.names, row.values, strict=True):
            size = len(orjson.dumps(name)) + len(orjson.dumps(value)) + len(":,")
            total += size - sizes.get(name, 0)
            sizes[name] = size
        if total > limit_bytes and count:
            return rows[:count]
    return rows


def _most_body_bytes(row: Row) -> int:
    """Upper bound of what the row adds to a body; cheap, and enough for nearly every merge."""
    text = sum(map(len, row.names)) + sum(map(len, row.values))
    return _ESCAPED * text + _PER_ATTRIBUTE * len(row.names)


_Participant = tuple[str, str]


class Window:
    """The waiting rows.

    Invariants: rows of one participant leave in the order they came; a participant has at most
    one patch out; a patch leaves only when the window is full or the caller flushes it.
    """

    def __init__(
        self, options: MergeOptions | None = None, *, patches: int = 0, kind: WriteKind = USUAL
    ) -> None:
        """An empty window.

        Args:
            options: its bounds.
            patches: number of the last patch of an earlier run.
            kind: what the rows write.
        """
        options = options or MergeOptions()
        self._kind = kind
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
                (self._queue(row) if self._live_first else self._ready).append(participant)
        elif isinstance(waiting, list):
            waiting.append(row)
        else:
            self._waiting[participant] = [*waiting, row]
        self.rows += 1
        self._bytes += row_bytes(row)

    def take(self, *, flush: bool = False) -> Patch | None:
        """Hand out the participant that has waited longest, and lease it.

        Args:
            flush: the input has ended or has nothing more at hand, so waiting is of no use.

        Returns:
            None where nothing may leave now: not full and not flushed, or every waiting
            participant has a patch out.
        """
        queue = self._ready or self._later
        if not queue or not (flush or self.full):
            return None
        participant = queue.popleft()
        waiting = self._waiting.pop(participant)
        self._leased.add(participant)
        self.rows -= len(waiting)
        self._bytes -= sum(map(row_bytes, waiting))
        if len(waiting) == 1:  # hot: mostly
            return self._patch(waiting)
        rows = fitting(waiting, self._body_bytes, self._kind)
        for row in waiting[len(rows) :]:
            self.add(row)  # what does not fit waits on, for the lease to come back
        return self._patch(rows)

    def release(self, patch: Patch) -> None:
        """End the lease: the participant's next rows may leave."""
        participant = patch.rows[0][3:5]
        self._leased.remove(participant)
        if waiting := self._waiting.get(participant):
            # It has waited longer than any that is ready.
            self._queue(waiting[0]).appendleft(participant)

    def _queue(self, row: Row) -> deque[_Participant]:
        ended = self._live_first and row.context is not None and row.context.ended
        return self._later if ended else self._ready

    def split(self, patch: Patch) -> list[Patch]:
        """The patch row by row, in order, under the lease it has.

        For a merged patch that the platform refused: one bad row must not sink its neighbours.
        """
        return [self._patch([row]) for row in patch.rows]

    def _patch(self, rows: Sequence[Row]) -> Patch:
        self.patches += 1
        if len(rows) == 1:  # hot: nothing merges, nothing is superseded
            names, values = rows[0][5:7]
            return Patch(self.patches, tuple(rows), dict(zip(names, values, strict=True)))
        rule = self._kind.merge
        return Patch(self.patches, tuple(rows), merged(rows, rule), superseded(rows, rule))
