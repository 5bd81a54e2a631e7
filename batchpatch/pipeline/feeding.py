"""Feeding: rows from where they come from to the patch queue, checked, found, and in order.

A file's batches are found one after the other: a look-up of many conversations costs one request.
Rows that somebody waits for take another way; see `LiveFeeder`.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Protocol

from batchpatch.errors import ExitCode, InputError
from batchpatch.model import Batch, InvalidRow, Row, Stop
from batchpatch.pipeline.row_checks import any_says_more

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from batchpatch.finding.finder import Finder
    from batchpatch.pipeline.monitor import Monitor
    from batchpatch.pipeline.patch_queue import PatchQueue
    from batchpatch.pipeline.recorder import EarlierRun, Recorder
    from batchpatch.pipeline.stop import Stopper
    from batchpatch.writes.kind import WriteKind

    Check = Callable[[list[Row | InvalidRow]], Awaitable[list[Row | InvalidRow]]]
    """What rows pass before participants are found: the same rows, some of them invalid by then."""

_UNREAD = "whoever is to read the results"


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

    @property
    def has_unfit(self) -> bool:
        """Records came by, or may have, whose cells must be mended."""


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
        """Rows up to the limit; None where that is unknown."""

    @property
    def rows_in_all(self) -> int | None:
        """Rows whatever the limit; None where that is unknown."""


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
        monitor: Monitor | None = None,
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
            foresee: called with each batch that has rows.
            punctual: deadlines count from the arrival on.
            room: awaited before each batch is taken.
            monitor: told what has come.
        """
        self._monitor = monitor
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
        self.in_hand = 0
        """Rows whose participants are being looked for."""
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
                if batch.rows:
                    self._foresee()
                    batch = await self._checked(batch)
                await self._pass_on(batch)
            await self._finish()
            self.exhausted = self._source.exhausted
            self._recorder.judge_failures()  # now it is known how many rows there are
        except InputError as error:
            if not self.anything_to_send:
                raise
            because = f"The input turned bad after row {self.rows:,}: {error}"
            self._stopper.record(Stop(ExitCode.STOPPED, because))
            await self._finish()
        finally:
            batches.stop()
            self._queue.end()

    async def _checked(self, batch: Batch) -> Batch:
        """The batch as it has come, and passed the checks."""
        if self._monitor is not None:
            self._monitor.arrived(batch.rows)
        rows = arrived(batch.rows, monotonic()) if self._punctual else batch.rows
        for check in self._checks:
            rows = await check(rows)
        return batch._replace(rows=rows)

    @property
    def reads_made(self) -> int:
        """Requests that have read conversations to find participants."""
        return self._finder.reads_made

    @property
    def reads_left(self) -> int:
        """Requests that are to come until those that are in hand are found."""
        return self._finder.reads_left

    def drop(self, numbers: Iterable[int]) -> list[Row]:
        """Those of these rows that have not come to the queue yet, which are not passed on."""
        return []

    def expire(self, now_s: float) -> list[Row]:
        """Those that are of no use any more and have not come to the queue; likewise."""
        return []

    async def _next(self, batches: Batches) -> Batch | None:
        if self._room is not None:
            self.waiting_for = _UNREAD
            await self._room()
            self.waiting_for = None
        return await batches.next()

    async def _pass_on(self, batch: Batch) -> None:
        await (self._find(batch) if batch.rows else self._put(batch))

    async def _finish(self) -> None:
        """Nothing comes after the last batch."""

    async def _find(self, batch: Batch) -> None:
        self.in_hand += len(batch.rows)
        try:
            found = await self._finder.find(batch)
        finally:
            self.in_hand -= len(batch.rows)
        found = self._without_dropped(found)
        if found.rows is not batch.rows:
            self._recorder.expect(found.rows)
        await self._put(found)

    def _without_dropped(self, found: Batch) -> Batch:
        """What was found, but for those that were dropped meanwhile."""
        return found

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


def arrived(rows: list[Row | InvalidRow], now_s: float) -> list[Row | InvalidRow]:
    """The same rows; those with a deadline know when it is."""
    if not any_says_more(rows):
        return rows  # mostly
    return [_arrived(row, now_s) if isinstance(row, Row) else row for row in rows]


def _arrived(row: Row, now_s: float) -> Row:
    context = row.context
    if context is None or context.deadline_s is None or context.due_s is not None:
        return row
    return row._replace(context=context._replace(due_s=now_s + context.deadline_s))
