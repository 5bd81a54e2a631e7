"""The engine of a patcher: the pipeline at work, and who waits for which of its rows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from batchpatch.errors import BatchpatchError, ExitCode, InputError
from batchpatch.formats.moments import rfc3339
from batchpatch.formats.run_json import InputFile, plain_settings
from batchpatch.genesys.account.organisation import read_identity
from batchpatch.genesys.connect import open_for
from batchpatch.model import RowResult, Stop
from batchpatch.pipeline.job import Job, Stream
from batchpatch.pipeline.live_rows import NAME, LiveRows
from batchpatch.pipeline.preflight import Prepared
from batchpatch.pipeline.run_record import beginning, describe
from batchpatch.pipeline.send_run import sending
from batchpatch.pipeline.spooling import describe_spool
from batchpatch.pipeline.stop import Stopper
from batchpatch.recording.files import Spool
from batchpatch.recording.run_directory import RunDirectory
from batchpatch.sending.outcomes import closed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AsyncExitStack
    from pathlib import Path

    from opentelemetry.trace import Tracer

    from batchpatch.genesys.account.credentials import Account
    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.model import InvalidRow, Progress, Row
    from batchpatch.options.run import LimitOptions, Settings
    from batchpatch.pipeline.execution import Execution
    from batchpatch.pipeline.monitor import Monitor
    from batchpatch.pipeline.report import RunReport
    from batchpatch.pipeline.tracing import Callers

LOOK_EVERY_S = 1.0
_ENDLESS_S = float("inf")
"""A service outlives any outage: its rows wait, or are too late."""
_SPOOLED = InputFile(path=NAME, size=None, sha256=None, kind="spool", name=NAME)


class Watching(NamedTuple):
    """The observers of a patcher: its metrics, its progress, its spans."""

    monitor: Monitor | None = None
    observe: Callable[[Progress], None] | None = None
    tracer: Tracer | None = None


class _Caller(NamedTuple):
    """Who waits for a row."""

    result: asyncio.Future[RowResult]
    fields: Mapping[str, Any] | bytes
    """The row as it was put in."""


class Engine:
    """The pipeline of a patcher, and who waits for which of its rows. Belongs to one event loop."""

    def __init__(self, stack: AsyncExitStack, rows: LiveRows, stopper: Stopper) -> None:
        self.stack = stack
        self._rows = rows
        self._stopper = stopper
        self._callers: dict[int, _Caller] = {}
        self._spool: Spool | None = None
        self._traced: Callers | None = None
        self.execution: Execution
        self._client: GenesysClient
        self._work: asyncio.Task[RunReport]
        self._max_outage_s = 0.0
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def start(
        cls,
        stack: AsyncExitStack,
        account: Account,
        settings: Settings,
        limits: LimitOptions,
        record: Path | None,
        watching: Watching,
    ) -> Self:
        """Begin to work; `stack` closes what was opened for it."""
        client = await stack.enter_async_context(
            open_for(account, settings, max_outage_s=_ENDLESS_S)
        )
        directory = spool = None
        if record is not None:
            directory = RunDirectory.create(record, input_name=NAME, now=datetime.now(UTC))
            stack.enter_context(directory)
            prepared = Prepared(_SPOOLED, (), [])
            with beginning(directory):
                describe(directory, [prepared], account=account, options=plain_settings(settings))
                spool = Spool(directory.spool_path, ended=partial(describe_spool, directory))
            stack.callback(spool.close)
        rows = LiveRows(settings.read, copy=spool.write if spool is not None else None)
        opened = cls(stack, rows, Stopper())
        if watching.tracer is not None:
            from batchpatch.pipeline.tracing import Callers  # noqa: PLC0415 - only where asked for

            opened._traced = Callers()
        opened._client = client
        opened._spool, opened._max_outage_s = spool, limits.max_outage_s
        job = Job(
            reader=rows,
            client=client,
            account=account,
            settings=settings,
            limits=limits,
            stopper=opened._stopper,
            directory=directory,
            stream=Stream(
                opened.answer,
                survives=True,
                withdrawn=rows.is_withdrawn,
                callers=opened._traced,
            ),
            monitor=watching.monitor,
            tracer=watching.tracer,
        )
        with beginning(directory):
            opened.execution = sending(job, directory)
        opened._work = asyncio.create_task(opened.execution.run(watching.observe))
        opened._work.add_done_callback(opened._ended)
        return opened

    @property
    def waiting(self) -> int:
        """Calls without a result."""
        return len(self._callers)

    @property
    def unsettled(self) -> int:
        """Rows without a result, whether anybody waits for it or not."""
        return self._rows.rows - self.execution.pipeline.recorded.settled_here

    @property
    def failure(self) -> BatchpatchError | None:
        """What has ended the work; None while it goes on, or where nothing was wrong."""
        if not self._work.done() or self._work.cancelled():
            return None
        error = self._work.exception()
        return error if isinstance(error, BatchpatchError) else None

    def refuse_other_loops(self) -> None:
        """Raise InputError where this runs elsewhere: nothing there would ever be woken."""
        if _running_loop() is not self._loop:
            raise InputError(
                "This Patcher belongs to the event loop that it was opened on, and this is "
                "another: open one there, or call patch_sync, which any thread may."
            )

    async def identity(self) -> Identity | None:
        """Whose data it writes to. Raises as a call of the client does."""
        self.refuse_other_loops()
        identity = await read_identity(self._client)
        if identity is not None:
            self.execution.note(identity)
        return identity

    def put(self, fields: Mapping[str, Any] | bytes) -> int:
        """Put a row in; gives its number."""
        self.refuse_other_loops()
        if self._work.done():
            if not self._work.cancelled():
                self._work.result()  # raises what has ended it
            raise InputError("No more rows are taken: it was stopped.")
        number = self._rows.put(fields)
        if self._traced is not None:
            self._traced.note(number)
        return number

    async def settle(self, fields: Mapping[str, Any] | bytes) -> RowResult:
        """Put a row in, and wait for its result."""
        number = self.put(fields)
        caller: asyncio.Future[RowResult] = asyncio.get_running_loop().create_future()
        self._callers[number] = _Caller(caller, fields)
        try:
            return await caller
        except asyncio.CancelledError:
            if self._callers.pop(number, None) is not None:
                unread = self._rows.withdraw(number)
                self.execution.pipeline.withdraw(number, unread=unread)
            raise

    def answer(self, result: RowResult) -> None:
        """Give a row's result to whoever waits for it."""
        waiting = self._callers.pop(result.row, None)
        self._rows.settled(result.row)
        if self._traced is not None:
            self._traced.forget(result.row)
        if waiting is not None and not waiting.result.done():
            waiting.result.set_result(result)

    def _ended(self, work: asyncio.Task[RunReport]) -> None:
        """Nobody waits for what does not come any more."""
        error = None if work.cancelled() else work.exception()
        callers, self._callers = self._callers, {}
        for number, (result, fields) in callers.items():
            if result.done():
                continue
            if error is None:
                result.set_result(_unsettled(self._rows.read_again(number, fields)))
            else:
                result.set_exception(error)

    async def close(self, *, now: bool, until: asyncio.Task[Any] | None) -> RunReport:
        """Drain, and report. Raises what has ended the work before.

        Cancelled, it lets go at once: whoever waits for a row is told that it was closed.
        """
        self._rows.end()
        if self._spool is not None:
            self._spool.end()  # it is whole, whatever of it was sent: no more rows come
        if now:
            self._stopper.request(Stop(ExitCode.INTERRUPTED, "It was closed before its end."))
        try:
            await self._drain(until)
        except asyncio.CancelledError:
            # Whoever closed it waits no more, and what the work needs is about to be closed.
            self._work.cancel()
            await asyncio.wait([self._work])
            raise
        return self._work.result()

    async def _drain(self, until: asyncio.Task[Any] | None) -> None:
        """Return once the work has ended; ask it to when `until` is done, or nothing answers."""
        awaited = [self._work, *([until] if until is not None else [])]
        while not self._work.done():
            await asyncio.wait(awaited, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            if until is not None and until.done() and not self._work.done():
                awaited, until = [self._work], None
                self._stopper.request(
                    Stop(ExitCode.STOPPED, "The time for the rows that waited was over.")
                )
            if self._client.silent_s >= self._max_outage_s and not self._stopper.is_asked:
                because = "The platform did not answer while the last rows were waited for."
                self._stopper.request(Stop(ExitCode.STOPPED, because))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:  # a thread without one
        return None


def _unsettled(row: Row | InvalidRow) -> RowResult:
    """Of a row that had no result when the patcher was closed; whatever it is, it has no line."""
    outcome = closed()
    return RowResult(
        row.number,
        row.line,
        NAME,
        outcome.outcome,
        rfc3339(datetime.now(UTC)),
        row.conversation_id,
        row.participant_id or None,  # it may not have been looked up
        code=outcome.code,
        message=outcome.message,
        hint=outcome.hint,
        id=row.id,
    )
