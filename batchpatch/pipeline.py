"""The one place that knows all rooms: rows in, a report out."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import BatchpatchError, InputError, RecordError
from batchpatch.genesys.client import open_client
from batchpatch.genesys.rate import PaceOptions
from batchpatch.genesys.regions import is_loopback
from batchpatch.genesys.retry import RetryPolicy
from batchpatch.genesys.routes import ROUTES, Route
from batchpatch.genesys.transport import ConnectOptions
from batchpatch.job import Before, Job, rfc3339
from batchpatch.limits import LimitOptions
from batchpatch.merging.window import MergeOptions
from batchpatch.reading.options import ReadOptions
from batchpatch.reading.reader import Reader
from batchpatch.recording.manifest import write_summary
from batchpatch.recording.proof import prove
from batchpatch.recording.rundir import RunDirectory
from batchpatch.recording.summary import Counters, Stop, summarize
from batchpatch.resuming import Resumption, prepare_resumption
from batchpatch.sending.sender import Sender
from batchpatch.settings import Settings, without_limit
from batchpatch.stopping import Stopper
from batchpatch.storing import (
    RecordOptions,
    describe,
    describe_spool,
    preflight,
    spooling,
    write_failed_rows,
)
from batchpatch.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from batchpatch.genesys.client import GenesysClient
    from batchpatch.genesys.credentials import Account
    from batchpatch.model import FailureReason, Outcome, Progress, Summary


class RunReport(NamedTuple):
    """What a run leaves behind."""

    summary: Summary
    directory: Path
    failed: list[Path]
    """Files of the rows that did not make it, one for each input that has any."""
    reasons: list[FailureReason]
    """Why rows did not make it, the most frequent reasons first; what this process saw."""
    resumable: bool
    """There is more to do, and `resume` would do it."""


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
    limits: LimitOptions | None = None,
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
        limits: what ends or pauses the run before its input does.
        stopper: to stop the run from outside.
        observe: called a few times a second.

    Returns:
        The report; its summary's `exit_code` is that of the command line.

    Raises:
        InputError: an input cannot be used as a whole; nothing was sent.
        SettingsError: an option cannot be used; nothing was sent.
        RecordError: the run directory cannot be made.
    """
    record = record or RecordOptions()
    settings = Settings(
        read=read or ReadOptions(),
        merge=merge or MergeOptions(),
        connect=connect or ConnectOptions(),
        retry=retry or RetryPolicy(),
        pace=pace,
        route=route or ROUTES["attributes"],
    )
    prepared = preflight(inputs, settings.read, record)
    async with _client(account, settings, limits) as client:
        directory = RunDirectory.create(record.out, input_name=inputs[0], now=datetime.now(UTC))
        with directory:
            options = settings.as_json() | {"flags": record.flags}
            describe(directory, prepared, account=account, options=options)
            with spooling(directory, inputs, record) as spool:
                reader = Reader(inputs, settings.read, spool=spool)
                task = _Task(directory, reader, client, settings, limits, stopper)
                return await task.run(observe)


async def resume(
    path: Path,
    *,
    account: Account,
    retry_outcomes: Collection[Outcome] = (),
    pace: PaceOptions | None = None,
    limits: LimitOptions | None = None,
    stopper: Stopper | None = None,
    observe: Callable[[Progress], None] | None = None,
) -> RunReport:
    """Finish a run that was stopped or broke, in its own directory and with its own options.

    Args:
        path: directory of the run.
        account: credentials and hosts; the hosts must be the run's.
        retry_outcomes: settled rows with these outcomes are sent again.
        pace: instead of the run's.
        limits: as for `run`.
        stopper: as for `run`.
        observe: as for `run`.

    Raises:
        SettingsError: there is no such run, or it was for another platform.
        RecordError: the directory is in use or damaged.
        InputError: an input has changed since.
    """
    with RunDirectory.open(path) as directory:
        earlier = prepare_resumption(directory, account, retry_outcomes)
        settings = earlier.settings(pace)
        async with _client(account, settings, limits) as client:
            reader = Reader(
                earlier.inputs,
                without_limit(settings.read),
                settled=earlier.before.settled,
                names=earlier.names,
            )
            task = _Task(directory, reader, client, settings, limits, stopper, earlier)
            return await task.run(observe)


def _client(
    account: Account, settings: Settings, limits: LimitOptions | None
) -> AbstractAsyncContextManager[GenesysClient]:
    pace = settings.pace
    if pace is None:
        pace = PaceOptions(rate=None) if is_loopback(account.hosts.api_url) else PaceOptions()
    return open_client(
        account,
        settings.connect,
        settings.retry,
        pace.rate,
        version=VERSION,
        follow_server=pace.follow_server,
        max_outage_s=(limits or LimitOptions()).max_outage_s,
    )


class _Task:
    """A run in its directory, new or resumed, and its report."""

    def __init__(
        self,
        directory: RunDirectory,
        reader: Reader,
        client: GenesysClient,
        settings: Settings,
        limits: LimitOptions | None,
        stopper: Stopper | None,
        earlier: Resumption | None = None,
    ) -> None:
        self._directory = directory
        self._reader = reader
        self._client = client
        self._settings = settings
        self._stopper = stopper or Stopper()
        self._earlier = earlier
        self._before = earlier.before if earlier else Before()
        self._started = datetime.now(UTC)
        self._job = Job(
            reader,
            directory.results_path,
            client=client,
            sender=Sender(client, settings.route),
            merge=settings.merge,
            limits=limits or LimitOptions(),
            stopper=self._stopper,
            before=self._before,
        )

    async def run(self, observe: Callable[[Progress], None] | None) -> RunReport:
        """Work, then report; what makes the whole run pointless is raised."""
        try:
            await self._job.work(workers=self._settings.connect.concurrency, observe=observe)
        except BatchpatchError as error:
            if error.exit_code == 2 and not self._client.requests and self._earlier is None:
                self._directory.results_path.unlink(missing_ok=True)
                self._directory.discard()
                raise
            self._stopper.note(Stop(error.exit_code, str(error)))
        if observe is not None:
            observe(self._job.progress())
        if self._job.exhausted and self._directory.spool_path.exists() and not self._earlier:
            describe_spool(self._directory)
        return self._report()

    def _report(self) -> RunReport:
        """Read the results back, derive the failed rows, and write the summary."""
        reader = self._reader
        # Read to its end, the input itself says how many rows there are.
        rows = reader.rows if self._job.exhausted else self._job.rows
        proof = prove(self._directory.results_path, rows=rows)
        stop = self._stopper.stop
        failed: list[Path] = []
        try:
            failed = write_failed_rows(
                self._directory, reader, self._settings.read, proof.failed, self._before.newer
            )
        except (RecordError, InputError) as error:
            stop = stop or Stop(3, f"The failed rows could not be written: {error}")
        if stop is None and self._cut_off:
            stop = Stop(
                3,
                f"Standard input was not read to its end: what came after row {self._job.rows:,} "
                "is not here, send it as a run of its own.",
            )
        if stop is None and reader.limit_reached:
            limit = self._settings.read.limit
            stop = Stop(3, f"--limit {limit} was reached and there is more input.")
        summary = summarize(proof, self._counters(), stop=stop)
        with suppress(RecordError):  # a full disk: the summary is printed all the same
            write_summary(self._directory.summary_path, summary)
        return RunReport(
            summary,
            self._directory.path,
            failed,
            self._job.reasons.most_common(),
            resumable=bool(summary.unattempted) or not (self._job.exhausted or self._cut_off),
        )

    @property
    def _cut_off(self) -> bool:
        """What is resumed is a pipe of which the end was never read, and never will be."""
        return self._earlier is not None and self._earlier.cut_off

    def _counters(self) -> Counters:
        """What this process and those before it have done, as far as they could say."""
        counters = Counters(
            rows=self._job.rows,
            patches=self._job.patches,
            requests=self._client.requests,
            retries=self._client.retries,
            throttled=self._client.throttled,
            tokens_minted=self._client.tokens_minted,
            elapsed_s=round(self._job.elapsed_s, 3),
            started=rfc3339(self._started),
            ended=rfc3339(datetime.now(UTC)),
            input_exhausted=self._job.exhausted and not self._cut_off,
        )
        return self._earlier.added_to(counters) if self._earlier else counters
