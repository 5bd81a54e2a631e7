"""The execution of a run in its directory, and its report."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import BatchpatchError, InputError, RecordError
from batchpatch.finding.finder import Finder
from batchpatch.formats.result_line import decode
from batchpatch.genesys.account.organisation import read_requests_per_min
from batchpatch.genesys.account.regions import region_of
from batchpatch.genesys.conversations.reader import ConversationReads
from batchpatch.genesys.routes import find_route
from batchpatch.merging.window import Window
from batchpatch.model import FAILED, Stop
from batchpatch.pipeline.observing import attempt_to_show
from batchpatch.pipeline.organisation_check import OrganisationCheck
from batchpatch.pipeline.pipeline import EarlierRun, Pipeline, rfc3339
from batchpatch.pipeline.run_record import note_organisation, write_failed_rows
from batchpatch.pipeline.spooling import SpooledInput, missing_rest
from batchpatch.pipeline.stop import Stopper
from batchpatch.recording.checkpoint import prove
from batchpatch.recording.conflict_log import ConflictLog
from batchpatch.recording.manifest import read_manifest, write_summary
from batchpatch.recording.results import lines_with
from batchpatch.recording.summary import Counters, FailureReasons, summarize
from batchpatch.recording.undo_log import UndoLog, last_entries
from batchpatch.sending.delivery import Deliverer
from batchpatch.sending.sender import Sender
from batchpatch.sending.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from batchpatch.formats.conflict_line import ConflictEntry
    from batchpatch.genesys.account.credentials import Account
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.genesys.rate_limit.allowance import Allowance
    from batchpatch.model import FailureReason, Progress, Summary
    from batchpatch.options.run import LimitOptions, Settings
    from batchpatch.pipeline.resumption import Resumption
    from batchpatch.reading.inputs import Reader
    from batchpatch.recording.run_directory import RunDirectory


_SHORT_BYTES = 2_000_000
"""About forty windows of 300 rows: from there on a request more is below 2.5 % in any case."""


class RunReport(NamedTuple):
    """What a run leaves behind."""

    summary: Summary
    directory: Path
    failed: list[Path]
    """Files of the rows that did not make it, one for each input that has any."""
    reasons: list[FailureReason]
    """Why rows did not make it, the most frequent reasons first; of the whole run."""
    resumable: bool
    """There is more to do, and `resume` would do it."""
    requests_left: int | None
    """About how many requests that is; None where it is not known."""
    allowance: Allowance | None
    """What the platform admits at the end; None where it has not said so."""
    conflicts: Sequence[ConflictEntry] = ()
    """The first conflicts that this process met, with values; all are in `conflicts.jsonl`."""
    unkept: int = 0
    """Of an undo: rows of the run that it cannot take back, because no values before were kept."""


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
        spooled: SpooledInput | None = None,
    ) -> None:
        self._grace_s = limits.grace_s
        self._spooled = spooled
        self._directory = directory
        self._reader = reader
        self._client = client
        self._settings = settings
        self._stopper = stopper or Stopper()
        self._earlier = earlier
        self._before = earlier.before if earlier else EarlierRun()
        self._started = datetime.now(UTC)
        reads = ConversationReads(client, lookup_batch=settings.find.lookup_batch)
        route = find_route(settings.route)
        window = Window(settings.merge, patches=self._before.last_patch)
        self._undo = UndoLog(directory.undo_path)
        self._conflicts = ConflictLog(directory.conflicts_path)
        deliverer = Deliverer(
            Sender(client, route),
            reads,
            safeguards=settings.safeguards,
            undo=self._undo,
            verifier=Verifier(reads, settings.safeguards.verify, route=route),
            split=window.split,
            tell_conflict=self._conflicts.add,
        )
        if earlier is not None and settings.safeguards.guard:
            deliverer.remember(last_entries(directory.undo_path))
        self._job = Pipeline(
            reader,
            directory.results_path,
            client=client,
            origin=OrganisationCheck(
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
                if self._spooled is not None:  # nothing is to appear there any more
                    self._spooled.close()
                self._directory.results_path.unlink(missing_ok=True)
                self._directory.discard()
                raise
            self._stopper.note(Stop(error.exit_code, str(error)))
        finally:
            await self._undo.close()
            self._conflicts.close()
        if self._spooled is not None:
            await self._spooled.copy_rest(self._stopper, grace_s=self._grace_s)
        return self._report()

    async def _learn_limit(self) -> None:
        """Pace by the organisation's own limit, should the answers bear none."""
        per_min = await read_requests_per_min(self._client)
        if per_min is not None and self._settings.pace.rate is None:
            self._client.assume(per_min / 60)

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
        if stop is None and reader.missing_from is not None:
            stop = missing_rest(reader.missing_from, unread=reader.unread)
        if stop is None and reader.limit_reached:
            limit = self._settings.read.limit
            stop = Stop(3, f"--limit {limit} was reached and there is more input.")
        if stop is not None and self._spooled is not None and self._spooled.left:
            stop = stop._replace(because=f"{stop.because} {self._spooled.left}")
        summary = summarize(proof, self._counters(), stop=stop)
        with suppress(RecordError):  # a full disk: the summary is printed all the same
            write_summary(self._directory.summary_path, summary)
        return RunReport(
            summary,
            self._directory.path,
            failed,
            attempt_to_show("The reasons", self._reasons) or [],
            resumable=bool(summary.unattempted) or not self._job.exhausted,
            requests_left=attempt_to_show("What is left", self._job.requests_left),
            allowance=attempt_to_show("The allowance", self._client.allowance),
            conflicts=self._conflicts.first,
        )

    def _reasons(self) -> list[FailureReason]:
        """Why rows did not make it, those of earlier processes too."""
        reasons = FailureReasons()
        for _, line in lines_with(self._directory.results_path, FAILED):
            reasons.add(decode(line))
        return reasons.most_common()

    def _counters(self) -> Counters:
        """What this process and those before it have done, as far as they could say."""
        counters = Counters(
            rows=self._job.rows,
            patches=self._client.calls["patches"],
            reads=self._client.calls["reads"],
            lookups=self._client.calls["lookups"],
            verifications=self._client.calls["verifications"],
            retries=self._client.retries,
            requests=self._client.requests,
            throttled=self._client.throttled,
            tokens_minted=self._client.tokens_minted,
            allowance_used=self._client.allowance_used,
            elapsed_s=round(self._job.elapsed_s, 3),
            started=rfc3339(self._started),
            ended=rfc3339(datetime.now(UTC)),
            input_exhausted=self._job.exhausted and self._reader.missing_from is None,
            blanked=self._job.blanked,
        )
        return self._earlier.added_to(counters) if self._earlier else counters
