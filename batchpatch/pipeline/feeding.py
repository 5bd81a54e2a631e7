"""Feeding: rows from where they come from to the patch queue, checked, found, and in order.

A file's batches are found one after the other: a look-up of many conversations costs one request.
A live source's rows do not wait for a look-up of somebody else's conversation, which is what
`LiveFeeder` is for; rows of one conversation keep their order in any case.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from batchpatch.errors import ExitCode, InputError
from batchpatch.finding.finder import READS_AT_ONCE
from batchpatch.model import Batch, InvalidRow, Row, Stop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from batchpatch.finding.finder import Finder
    from batchpatch.pipeline.patch_queue import PatchQueue
    from batchpatch.pipeline.recorder import EarlierRun, Recorder
    from batchpatch.pipeline.stop import Stopper
    from batchpatch.writes.kind import WriteKind

    Check = Callable[[list[Row | InvalidRow]], Awaitable[list[Row | InvalidRow]]]
    """What rows pass before participants are found: the same rows, some of them invalid by then."""

_UNREAD = "whoever is to read the results"
MOST_BEHIND = 50_000
"""Rows that wait for a look-up, at most: then a live source is read no further."""


class Batches(Protocol):
    """An async source of batches."""

    async def next(self) -> Batch | None:
        """The next batch; None at the end. Raises InputError."""

    def stop(self) -> None:
        """Read no further."""


class ReadInput(Protocol):
    """An input that was read."""

    @property
    def has_unread(self) -> bool:
        """Records came by that could not be read; what is known of them is their text."""


class RowSource(Protocol):
    """Where rows come from, and what is known of it."""

    names: list[str]
    """What the report calls the inputs."""
    paths: list[str]
    """Where they lie."""
    rows: int
    exhausted: bool
    """All was read, to the end."""
    missing_from: int | None
    unread: list[str]
    limit_reached: bool
    first_rows: list[tuple[str, int]]
    """Of each opened input: its name, and the number of its first row."""

    def batches(self) -> Batches:
        """Begin to read."""

    @property
    def inputs(self) -> Sequence[ReadInput]:
        """Those opened so far."""

    @property
    def notices(self) -> list[str]:
        """What there is to know of what was read, in sentences."""

    @property
    def rows_expected(self) -> int | None:
        """Rows in all; None where that is unknown."""


class Feeder:
    """Takes batches from their source to the queue; what asks for nothing is recorded here."""

    def __init__(
        self,
        source: RowSource,
        queue: PatchQueue,
        *,
        checks: Sequence[Check],
        finder: Finder,
        recorder: Recorder,
        before: EarlierRun,
        kind: WriteKind,
        stopper: Stopper,
        foresee: Callable[[], None],
        punctual: bool = True,
        room: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            source: of the rows.
            queue: where they go.
            checks: what they pass before participants are found.
            finder: finds them.
            recorder: of those that ask for nothing.
            before: what earlier processes have recorded.
            kind: what is written.
            stopper: is told where the input turns bad.
            foresee: called with each batch that has come.
            punctual: deadlines count from the arrival on.
            room: awaited before each batch is taken.
        """
        self._punctual = punctual
        self._source = source
        self._queue = queue
        self._checks = checks
        self._finder = finder
        self._recorder = recorder
        self._before = before
        self._kind = kind
        self._stopper = stopper
        self._foresee = foresee
        self._room = room
        self.waiting_for: str | None = None
        """What holds the feeding up, in words; None where nothing does."""
        self.rows = before.last_row
        """Number of the last row that was read, now or by an earlier process."""
        self.exhausted = False
        """Every input was read to its end."""
        self.fed = 0
        """Rows that went on, to be sent or left out."""
        self.finding = 0
        """Look-ups that are under way."""
        self.anything_to_send = before.settled is not None
        """A row was found that can be sent, now or earlier."""

    async def feed(self) -> None:
        """Feed to the end of the input.

        Raises:
            BatchpatchError: what ends the whole run.
        """
        batches = self._source.batches()
        try:
            while (batch := await self._next(batches)) is not None:
                self.rows = max(self.rows, batch.last)
                self._foresee()
                rows = arrived(batch.rows, monotonic()) if self._punctual else batch.rows
                for check in self._checks:
                    rows = await check(rows)
                await self._pass_on(batch._replace(rows=rows))
            await self._finish()
            self.exhausted = self._source.exhausted
        except InputError as error:
            if not self.anything_to_send:
                raise
            because = f"The input turned bad after row {self.rows:,}: {error}"
            self._stopper.record(Stop(ExitCode.STOPPED, because))
            await self._finish()
        finally:
            batches.stop()
            self._queue.end()

    async def _next(self, batches: Batches) -> Batch | None:
        if self._room is not None:
            self.waiting_for = _UNREAD
            await self._room()
            self.waiting_for = None
        return await batches.next()

    async def _pass_on(self, batch: Batch) -> None:
        await self._find(batch)

    async def _finish(self) -> None:
        """Nothing comes after the last batch."""

    async def _find(self, batch: Batch) -> None:
        self.finding += 1
        try:
            found = await self._finder.find(batch)
        finally:
            self.finding -= 1
        if found.rows is not batch.rows:
            self._recorder.expect(found.rows)
        await self._put(found)

    async def _put(self, batch: Batch) -> None:
        self.fed += len(batch.rows)
        await self._queue.put(self._to_take(batch.rows), idle=batch.idle)

    def _to_take(self, rows: list[Row | InvalidRow]) -> list[Row]:
        """Those that ask for something; the others are recorded here and now."""
        before = self._before
        if before.newer or before.elsewhere:
            rows = [before.without_newer(row, whole=self._kind.whole) for row in rows]
        wanted = [row for row in rows if row.__class__ is Row and row.names]
        if len(wanted) < len(rows):
            self._recorder.record_unsent(
                [row for row in rows if isinstance(row, InvalidRow) or not row.names]
            )
        self.anything_to_send = self.anything_to_send or bool(wanted)
        return wanted


class LiveFeeder(Feeder):
    """Feeds rows that somebody waits for: only those of a conversation wait for its look-up."""

    def __init__(self, source: RowSource, queue: PatchQueue, **parts: Any) -> None:
        """As `Feeder`."""
        super().__init__(source, queue, **parts)
        self._behind: dict[str, list[Row]] = {}
        """By conversation that is being looked up, or is to be: its rows, in order."""
        self._behind_rows = 0
        self._to_find: deque[str] = deque()
        self._changed = asyncio.Event()
        """There is something to find, or nothing is left to be."""

    async def feed(self) -> None:
        """As `Feeder`, with look-ups going on beside."""
        async with asyncio.TaskGroup() as group:
            finding = [group.create_task(self._keep_finding()) for _ in range(READS_AT_ONCE)]
            await super().feed()
            for task in finding:
                task.cancel()

    async def _finish(self) -> None:
        while self._behind:
            await self._change()

    async def _put(self, batch: Batch) -> None:
        # However many more are at hand: a row waits for company only where it has to wait anyway.
        await super()._put(batch._replace(idle=True))

    async def _pass_on(self, batch: Batch) -> None:
        # Whoever waits is told of each of them, of the invalid ones too: they are not taken back.
        self.anything_to_send = self.anything_to_send or bool(batch.rows)
        straight = [r for r in batch.rows if isinstance(r, InvalidRow) or not self._waits(r)]
        await self._put(batch._replace(rows=straight))
        while self._behind_rows >= MOST_BEHIND:
            await self._change()

    def _waits(self, row: Row) -> bool:
        """True for a row that is to be found, and for any behind such a one; it waits then."""
        conversation = row.conversation_id
        behind = self._behind.get(conversation)
        if behind is None:
            if not self._finder.has_to_look(row):
                return False
            self._behind[conversation] = behind = []
            urgent = row.context is not None and row.context.urgent
            (self._to_find.appendleft if urgent else self._to_find.append)(conversation)
            self._tell()
        behind.append(row)
        self._behind_rows += 1
        return True

    async def _keep_finding(self) -> None:
        while True:
            while not self._to_find:
                await self._change()
            # All that there is is shared out, so that many take few requests.
            share = -(-len(self._to_find) // READS_AT_ONCE)
            conversations = [self._to_find.popleft() for _ in range(share)]
            await self._find_all(conversations)

    async def _find_all(self, conversations: list[str]) -> None:
        rows: list[Row | InvalidRow] = []
        for one in conversations:
            rows += self._behind[one]
            self._behind[one] = []
        await self._find(Batch(rows, self.rows, idle=True))
        self._behind_rows -= len(rows)
        for one in conversations:
            if self._behind[one]:  # more have come meanwhile
                self._to_find.append(one)
            else:
                del self._behind[one]
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _change(self) -> None:
        await self._changed.wait()


def arrived(rows: list[Row | InvalidRow], now_s: float) -> list[Row | InvalidRow]:
    """The same rows; those with a deadline know when it is."""
    if not any(row.__class__ is Row and row[7] is not None for row in rows):
        return rows  # mostly
    return [_arrived(row, now_s) if isinstance(row, Row) else row for row in rows]


def _arrived(row: Row, now_s: float) -> Row:
    context = row.context
    if context is None or context.deadline_s is None or context.due_s is not None:
        return row
    return row._replace(context=context._replace(due_s=now_s + context.deadline_s))
