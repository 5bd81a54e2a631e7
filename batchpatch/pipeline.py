"""The one place that knows all rooms: rows in, a report out."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.delivering import Deliverer
from batchpatch.errors import BatchpatchError, InputError, RecordError
from batchpatch.finding.finder import Finder
from batchpatch.finding.options import FindOptions
from batchpatch.genesys.organization import read_requests_per_min
from batchpatch.genesys.rate import PaceOptions
from batchpatch.genesys.reads import ConversationReads
from batchpatch.genesys.regions import region_of
from batchpatch.genesys.retry import RetryPolicy
from batchpatch.genesys.routes import ROUTES, Route
from batchpatch.genesys.transport import ConnectOptions
from batchpatch.job import Before, Job, rfc3339
from batchpatch.limits import LimitOptions
from batchpatch.merging.window import MergeOptions, Window
from batchpatch.opening import open_for
from batchpatch.origin import Origin
from batchpatch.reading.options import ReadOptions
from batchpatch.reading.reader import Reader
from batchpatch.recording.manifest import read_manifest, write_summary
from batchpatch.recording.proof import prove
from batchpatch.recording.rundir import RunDirectory
from batchpatch.recording.summary import Counters, Stop, summarize
from batchpatch.recording.undo import UndoLog, last_entries
from batchpatch.resuming import Resumption, prepare_resumption
from batchpatch.sending.safeguards import Safeguards
from batchpatch.sending.sender import Sender
from batchpatch.sending.verifying import Verifier
from batchpatch.settings import Settings, without_limit
from batchpatch.stopping import Stopper
from batchpatch.storing import (
    RecordOptions,
    describe,
    describe_spool,
    note_organisation,
    preflight,
    spooling,
    write_failed_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from batchpatch.genesys.allowance import Allowance
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.genesys.credentials import Account
    from batchpatch.model import FailureReason, Outcome, Progress, Summary


_SHORT_BYTES = 2_000_000
"""About forty windows of 300 rows: from there on a request more is below 2.5 % in any case."""


class RunReport(NamedTuple):
    """What a run leaves behind."""

    summary: Summary
    directory: Path
    failed: list[Path]
    """Files of the rows that did not make it, one for each input that has any."""
    reasons: list[FailureReason]
    """Why rows did not make it, the most frequent reasons first; what this process saw."""
    verified: int
    """Rows that were read back and found stored; by this process."""
    resumable: bool
    """There is more to do, and `resume` would do it."""
    requests_left: int | None
    """About how many requests that is; None where it is not known."""
    allowance: Allowance | None
    """What the platform admits at the end; None where it has not said so."""


async def run(
    inputs: Sequence[str],
    *,
    account: Account,
    read: ReadOptions | None = None,
    find: FindOptions | None = None,
    merge: MergeOptions | None = None,
    connect: ConnectOptions | None = None,
    retry: RetryPolicy | None = None,
    pace: PaceOptions | None = None,
    route: Route | None = None,
    safeguards: Safeguards | None = None,
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
        find: how to find participants that are not named by id.
        merge: bounds of the window in which rows of one participant meet.
        connect: connections and timeouts; `concurrency` is the number of workers too.
        retry: how patient to be with one request.
        pace: how fast; on a loopback host nothing is assumed until the server names a limit.
        route: where to send; None is the one that stores attributes.
        safeguards: what is looked at before a PATCH and after it.
        record: where to leave the report.
        limits: what ends or pauses the run before its input does.
        stopper: to stop the run from outside.
        observe: called a few times a second.

    Returns:
        The report; its summary's `exit_code` is that of the command line.

    Raises:
        InputError: an input cannot be used as a whole; nothing was sent.
        SettingsError: an option cannot be used; nothing was sent.
        RecordError: another process has the run directory.
    """
    record = record or RecordOptions()
    settings = Settings(
        read=read or ReadOptions(),
        find=find or FindOptions(),
        merge=merge or MergeOptions(),
        connect=connect or ConnectOptions(),
        retry=retry or RetryPolicy(),
        pace=pace or PaceOptions(),
        route=route or ROUTES["attributes"],
        safeguards=safeguards or Safeguards(),
    )
    prepared = preflight(inputs, settings.read, record)
    limits = limits or LimitOptions()
    async with open_for(account, settings, max_outage_s=limits.max_outage_s) as client:
        directory = RunDirectory.create(record.out, input_name=inputs[0], now=datetime.now(UTC))
        with directory:
            options = settings.as_json() | {"flags": record.flags}
            describe(directory, prepared, account=account, options=options)
            with spooling(directory, inputs, record) as spool:
                reader = Reader(inputs, settings.read, spool=spool)
                task = _Task(directory, reader, client, settings, limits, stopper, account)
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
    with RunDirectory.open(Path(path)) as directory:
        earlier = prepare_resumption(directory, account, retry_outcomes)
        settings = earlier.settings(pace)
        limits = limits or LimitOptions()
        async with open_for(account, settings, max_outage_s=limits.max_outage_s) as client:
            reader = Reader(
                earlier.inputs,
                without_limit(settings.read),
                settled=earlier.before.settled,
                names=earlier.names,
            )
            task = _Task(directory, reader, client, settings, limits, stopper, account, earlier)
            return await task.run(observe)


def _is_short(manifest_path: Path) -> bool:
    """True for inputs that need not ask for the limit: one request more could cost them a window.

    The first answer's headers tell it as well, in most cases.
    """
    sizes = [file.size for file in read_manifest(manifest_path).inputs]
    return sum(size or _SHORT_BYTES for size in sizes) < _SHORT_BYTES


class _Task:
    """A run in its directory, new or resumed, and its report."""

    def __init__(
        self,
        directory: RunDirectory,
        reader: Reader,
        client: GenesysClient,
        settings: Settings,
        limits: LimitOptions,
        stopper: Stopper | None,
        account: Account,
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
        reads = ConversationReads(client, lookup_batch=settings.find.lookup_batch)
        window = Window(settings.merge, patches=self._before.last_patch)
        self._undo = UndoLog(directory.undo_path)
        deliverer = Deliverer(
            Sender(client, settings.route),
            reads,
            safeguards=settings.safeguards,
            undo=self._undo,
            verifier=Verifier(reads, settings.safeguards.verify, route=settings.route),
            split=window.split,
        )
        if earlier is not None and settings.safeguards.guard:
            deliverer.remember(last_entries(directory.undo_path))
        self._job = Job(
            reader,
            directory.results_path,
            client=client,
            origin=Origin(
                client,
                region=region_of(account.hosts.api_url),
                always=settings.safeguards.keep_before,
                learned=lambda identity: note_organisation(directory, identity.organisation),
            ),
            finder=Finder(reads, settings.find),
            window=window,
            deliverer=deliverer,
            limits=limits,
            stopper=self._stopper,
            before=self._before,
            beside=None if _is_short(directory.manifest_path) else self._learn_limit,
        )

    async def run(self, observe: Callable[[Progress], None] | None) -> RunReport:
        """Work, then report; what makes the whole run pointless is raised."""
        try:
            await self._job.work(workers=self._settings.connect.concurrency, observe=observe)
        except BatchpatchError as error:
            if error.exit_code == 2 and not self._job.patches and self._earlier is None:
                self._directory.results_path.unlink(missing_ok=True)
                self._directory.discard()
                raise
            self._stopper.note(Stop(error.exit_code, str(error)))
        finally:
            await self._undo.close()
        if observe is not None:
            observe(self._job.progress())
        if self._job.exhausted and self._directory.spool_path.exists() and not self._earlier:
            describe_spool(self._directory)
        return self._report()

    async def _learn_limit(self) -> None:
        """Pace by the organisation's own limit, should the answers bear none."""
        per_min = await read_requests_per_min(self._client)
        if per_min is not None and self._settings.pace.rate is None:
            self._client.gate.assume(per_min / 60)

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
            self._job.verified,
            resumable=bool(summary.unattempted) or not (self._job.exhausted or self._cut_off),
            requests_left=self._job.requests_left(),
            allowance=self._client.allowance(),
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
            allowance_used=self._client.allowance_used,
            elapsed_s=round(self._job.elapsed_s, 3),
            started=rfc3339(self._started),
            ended=rfc3339(datetime.now(UTC)),
            input_exhausted=self._job.exhausted and not self._cut_off,
        )
        return self._earlier.added_to(counters) if self._earlier else counters
