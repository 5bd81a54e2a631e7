"""The one place that knows all rooms: rows in, a report out."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from batchpatch import __version__
from batchpatch.errors import BatchpatchError, InputError, RecordError
from batchpatch.finding.identity import find
from batchpatch.flow import Flow
from batchpatch.genesys.client import GenesysClient, open_client
from batchpatch.genesys.rate import PaceOptions
from batchpatch.genesys.regions import is_loopback
from batchpatch.genesys.retry import RetryPolicy
from batchpatch.genesys.routes import ROUTES, Route
from batchpatch.genesys.transport import ConnectOptions
from batchpatch.merging.window import MergeOptions, Window
from batchpatch.model import FailureReason, InvalidRow, Outcome, Progress, Row, Summary
from batchpatch.reading.background import BackgroundReader
from batchpatch.reading.options import ReadOptions
from batchpatch.reading.reader import Reader
from batchpatch.recording.manifest import write_summary
from batchpatch.recording.proof import prove
from batchpatch.recording.results import ResultsLog
from batchpatch.recording.rundir import RunDirectory
from batchpatch.recording.settlement import of_patch, of_unsent
from batchpatch.recording.summary import Counters, ReasonCount, Stop, summarize
from batchpatch.sending.access import AccessGate, Delivery
from batchpatch.sending.sender import Sender
from batchpatch.stopping import Stopper
from batchpatch.storing import RecordOptions, describe, preflight, spooling, write_failed_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from batchpatch.genesys.credentials import Account
    from batchpatch.model import Patch, RowResult

SYNC_EVERY_S = 1.0
OBSERVE_EVERY_S = 0.25
_SPLIT = frozenset({400, 413})
"""A merged PATCH refused so is sent again row by row: one bad row must not sink the others."""


class RunReport(NamedTuple):
    """What a run leaves behind."""

    summary: Summary
    directory: Path
    failed: list[Path]
    """Files of the rows that did not make it, one for each input that has any."""
    reasons: list[FailureReason]
    """Why rows did not make it, the most frequent reasons first; what this process saw."""


async def run(
    inputs: Sequence[str],
    *,
    account: Account,
    read: ReadOptions | None = None,
    merge: MergeOptions | None = None,
    connect: ConnectOptions | None = None,
    retry: RetryPolicy | None = None,
    pace: PaceOptions | None = None,
    route: Route | None = None,
    record: RecordOptions | None = None,
    stopper: Stopper | None = None,
    observe: Callable[[Progress], None] | None = None,
) -> RunReport:
    """Patch the participants that the rows of these inputs name, and record every row.

    Args:
        inputs: paths, or `-` for standard input.
        account: credentials and hosts, as `find_account` returns them.
        read: how to understand the inputs.
        merge: bounds of the window in which rows of one participant meet.
        connect: connections and timeouts; `concurrency` is the number of workers too.
        retry: how patient to be with one request.
        pace: None is the platform's default, and no limit on a loopback host, until the server
            names its own.
        route: where to send; None is the one that stores attributes.
        record: where to leave the report.
        stopper: to stop the run from outside.
        observe: called a few times a second.

    Returns:
        The report; its summary's `exit_code` is that of the command line.

    Raises:
        InputError: an input cannot be used as a whole; nothing was sent.
        SettingsError: an option cannot be used; nothing was sent.
        RecordError: the run directory cannot be made.
    """
    read, record = read or ReadOptions(), record or RecordOptions()
    connect, route = connect or ConnectOptions(), route or ROUTES["attributes"]
    stopper = stopper or Stopper()
    if pace is None:
        pace = PaceOptions(rate=None) if is_loopback(account.hosts.api_url) else PaceOptions()
    files = preflight(inputs, read, record)
    async with open_client(
        account,
        connect,
        retry or RetryPolicy(),
        pace.rate,
        version=__version__,
        follow_server=pace.follow_server,
    ) as client:
        directory = RunDirectory.create(record.out, input_name=inputs[0], now=datetime.now(UTC))
        with directory:
            describe(directory, files, account=account, options={"route": route.template})
            job = _Job(inputs, client, Sender(client, route), directory, read, merge, stopper)
            with spooling(directory, inputs, record) as spool:
                await job.work(workers=connect.concurrency, spool=spool, observe=observe)
            return job.report()


class _Job:
    """One run: the tasks, and what they share."""

    def __init__(
        self,
        inputs: Sequence[str],
        client: GenesysClient,
        sender: Sender,
        directory: RunDirectory,
        read: ReadOptions,
        merge: MergeOptions | None,
        stopper: Stopper,
    ) -> None:
        self._sources = list(inputs)
        self._client = client
        self._sender = sender
        self._directory = directory
        self._read = read
        self._window = Window(merge)
        self._flow = Flow(self._window)
        self._gate = AccessGate()
        self._log = ResultsLog(directory.results_path)
        self._stopper = stopper
        self._counts: Counter[str] = Counter()
        self._reasons = ReasonCount()
        self._started = datetime.now(UTC)
        self._began_s = monotonic()
        self._accepted_rows = False

    async def work(
        self,
        *,
        workers: int,
        spool: Callable[[bytes], None] | None,
        observe: Callable[[Progress], None] | None,
    ) -> None:
        """Run to the end of the input, to a stop, or to what makes going on useless."""
        self._reader = Reader(self._sources, self._read, spool=spool)
        try:
            async with asyncio.TaskGroup() as background:
                beside = [background.create_task(self._sync())]
                if observe is not None:
                    beside.append(background.create_task(self._observe(observe)))
                await self._send_all(workers)
                for task in beside:
                    task.cancel()
            for delivery in self._gate.release():
                self._record(delivery)
        except* BatchpatchError as group:
            self._stop_for(_first(group))
        finally:
            with suppress(RecordError):  # told by whoever wrote last
                self._log.close()
        if observe is not None:
            observe(self.progress())

    async def _send_all(self, workers: int) -> None:
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(self._feed())
            working = [group.create_task(self._work()) for _ in range(workers)]
            watching = group.create_task(self._watch(feeding, working))
            await asyncio.wait([feeding, *working])
            watching.cancel()

    async def _feed(self) -> None:
        source = BackgroundReader(self._reader)
        try:
            while (batch := await source.next()) is not None:
                batch = await find(batch)
                rows = [row for row in batch.rows if row.__class__ is Row and row.names]
                if len(rows) < len(batch.rows):
                    self._record_unsent(batch.rows)
                self._accepted_rows = self._accepted_rows or bool(rows)
                await self._flow.put(rows, starved=batch.starved)
        except InputError as error:
            if not self._accepted_rows:
                raise
            self._stopper.stop = self._stopper.stop or Stop(
                3, f"The input turned bad after row {self._reader.rows:,}: {error}"
            )
        finally:
            source.stop()
            self._flow.end()

    async def _work(self) -> None:
        while (patch := await self._flow.take()) is not None:
            delivery = await self._deliver(patch)
            for judged in self._gate.judge(delivery):
                self._record(judged)

    async def _deliver(self, patch: Patch) -> Delivery:
        outcome = await self._sender.send(patch)
        if outcome.status not in _SPLIT or len(patch.rows) == 1:
            return Delivery(patch, [(patch, outcome)])
        parts = self._window.split(patch)
        return Delivery(patch, [(part, await self._sender.send(part)) for part in parts])

    def _record(self, delivery: Delivery) -> None:
        at = _now()
        for part, outcome in delivery.parts:
            for result in of_patch(part, outcome, sources=self._sources, at=at):
                self._add(result)
        self._flow.give_back(delivery.patch)

    def _record_unsent(self, rows: list[Row | InvalidRow]) -> None:
        at = _now()
        for row in rows:
            if isinstance(row, InvalidRow) or not row.names:
                self._add(of_unsent(row, sources=self._sources, at=at))

    def _add(self, result: RowResult) -> None:
        self._log.add(result)
        self._counts[result.outcome] += 1
        if not result.outcome.made_it:
            self._reasons.add(result)

    async def _watch(self, feeding: asyncio.Task[None], working: list[asyncio.Task[None]]) -> None:
        """On a stop: read no more, hand out no more, and after the grace wait no more."""
        await self._stopper.asked()
        feeding.cancel()
        self._flow.close()
        await self._stopper.grace_is_over()
        for task in working:
            task.cancel()

    async def _sync(self) -> None:
        """What is settled survives a power loss a second later."""
        while True:
            await asyncio.sleep(SYNC_EVERY_S)
            self._log.flush()
            await asyncio.to_thread(self._log.sync)

    async def _observe(self, observe: Callable[[Progress], None]) -> None:
        while True:
            observe(self.progress())
            await asyncio.sleep(OBSERVE_EVERY_S)

    def progress(self) -> Progress:
        """How far it is."""
        return Progress(
            rows_read=self._reader.rows,
            outcomes=dict(self._counts),
            requests=self._client.requests,
            throttled=self._client.throttled,
            waiting_for=self._client.pacer.waiting_for,
            elapsed_s=monotonic() - self._began_s,
            rows_expected=self._reader.rows_expected,
        )

    def _stop_for(self, error: BatchpatchError) -> None:
        """What ended the run; raised where nothing was sent and nothing is worth keeping."""
        if error.exit_code == 2 and not self._counts[Outcome.UPDATED]:
            self._log.close()
            self._directory.results_path.unlink(missing_ok=True)
            self._directory.discard()
            raise error
        self._stopper.stop = Stop(error.exit_code, str(error))

    def report(self) -> RunReport:
        """Read the results back, derive the failed rows, and write the summary."""
        proof = prove(self._directory.results_path, rows=self._reader.rows)
        stop = self._stopper.stop
        failed: list[Path] = []
        try:
            failed = write_failed_rows(self._directory, self._reader, self._read, proof.failed)
        except (RecordError, InputError) as error:
            stop = stop or Stop(3, f"The failed rows could not be written: {error}")
        if stop is None and self._reader.limit_reached:
            stop = Stop(3, f"--limit {self._read.limit} was reached; there is more input.")
        counters = Counters(
            rows=self._reader.rows,
            patches=self._window.patches,
            requests=self._client.requests,
            retries=self._client.retries,
            throttled=self._client.throttled,
            tokens_minted=self._client.tokens_minted,
            elapsed_s=round(monotonic() - self._began_s, 3),
            started=_rfc3339(self._started),
            ended=_now(),
            input_exhausted=self._reader.exhausted,
        )
        summary = summarize(proof, counters, stop=stop)
        with suppress(RecordError):  # a full disk: the summary is printed all the same
            write_summary(self._directory.summary_path, summary)
        return RunReport(summary, self._directory.path, failed, self._reasons.most_common())


def _first(group: BaseExceptionGroup[BatchpatchError]) -> BatchpatchError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, BatchpatchError)  # noqa: S101 - the group was filtered by this type
    return error


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _now() -> str:
    return _rfc3339(datetime.now(UTC))
