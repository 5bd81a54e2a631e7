"""A run or an undo: patches are sent, and what can be taken back or sent again is kept."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from batchpatch.errors import ExitCode
from batchpatch.genesys.account.organisation import read_requests_per_min
from batchpatch.genesys.conversations.reader import ConversationReads
from batchpatch.merging.window import Window
from batchpatch.pipeline.execution import Execution
from batchpatch.pipeline.failed_files import write_failed_rows
from batchpatch.pipeline.step import SendStep
from batchpatch.pipeline.stream_step import StreamStep
from batchpatch.recording.in_thread import in_thread
from batchpatch.recording.manifest import read_manifest
from batchpatch.recording.pace_file import take_pace
from batchpatch.recording.undo_log import ConflictLog, UndoLog, last_entries
from batchpatch.sending.delivery import Deliverer, reads_for
from batchpatch.sending.sender import sender_for
from batchpatch.sending.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from batchpatch.errors import BatchpatchError
    from batchpatch.formats.undo_line import ConflictEntry
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.model import Patch
    from batchpatch.pipeline.job import Job
    from batchpatch.pipeline.step import Step
    from batchpatch.recording.checkpoint import Proof
    from batchpatch.recording.run_directory import RunDirectory
    from batchpatch.sending.delivery import BeforeImages

PACE_EVERY_S = 0.25
_SHORT_BYTES = 2_000_000
"""About forty windows of 300 rows: from there on a request more is below 2.5 % in any case."""


def sending(job: Job, directory: RunDirectory | None) -> Execution:
    """The execution of a run or an undo in its directory; None keeps nothing."""
    settings, client = job.settings, job.client
    reads = ConversationReads(client, lookup_batch=settings.find.lookup_batch)
    stream = job.stream
    window = Window(
        settings.merge,
        patches=job.before.last_patch,
        kind=job.kind,
        withdrawn=stream.withdrawn if stream is not None else None,
    )
    output = NothingKept() if directory is None else RunOutput(job, directory)
    deliverer = _deliverer(job, reads, output, split=window.split)
    remember = None
    if directory is not None and job.earlier is not None and settings.safeguards.guard:
        remember = partial(_remember, deliverer, directory)

    short = directory is not None and _is_short(directory.manifest_path)

    async def beside() -> None:
        async with asyncio.TaskGroup() as group:
            if not short:  # in an outage it takes as long as that
                group.create_task(_learn_limit(client, capped=settings.pace.rate is not None))
            if directory is not None:
                await _follow_pace(client, directory.pace_path, job.stopper.tell)

    step: Step = SendStep(deliverer)
    if stream is not None:
        step = StreamStep(deliverer, patch_of=window.patch_of, survives=stream.survives)
    if job.tracer is not None:
        from batchpatch.pipeline.tracing import TracedStep  # noqa: PLC0415 - only where asked for

        step = TracedStep(step, job.tracer, stream.callers if stream is not None else None)
    return Execution(
        job,
        step=step,
        output=output,
        window=window,
        reads=reads,
        background=beside,
        remember=remember,
    )


def _remember(deliverer: Deliverer, directory: RunDirectory) -> None:
    deliverer.remember(last_entries(directory.undo_path))


async def _learn_limit(client: GenesysClient, *, capped: bool) -> None:
    """Pace by the organisation's own limit, should the answers bear none."""
    per_min = await read_requests_per_min(client)
    if per_min is not None and not capped:
        client.assume(per_min / 60)


async def _follow_pace(client: GenesysClient, path: Path, tell: Callable[[str], None]) -> None:
    """Keep the rate that other processes ask for, from then on."""
    while True:
        asked = await in_thread(partial(take_pace, path))
        if asked is not None:
            client.limiter.change_cap(asked[0])
            tell(f"Pace: {f'at most {asked[0]}' if asked[0] else 'no cap of its own'} from now on.")
        await asyncio.sleep(PACE_EVERY_S)


def _deliverer(
    job: Job,
    reads: ConversationReads,
    output: RunOutput | NothingKept,
    *,
    split: Callable[[Patch], list[Patch]],
) -> Deliverer:
    settings, kind, client = job.settings, job.kind, job.client
    route = kind.find_route(settings.route or None)
    present = reads_for(kind, client, reads)
    return Deliverer(
        sender_for(client, route, kind, conversations=reads),
        present,
        safeguards=settings.safeguards,
        undo=output.undo,
        verifier=Verifier(
            present,
            settings.safeguards.verify,
            route=route,
            kind=kind,
            read_s=settings.connect.total_s,
        ),
        split=split,
        kind=kind,
        conversations=reads,
        tell_conflict=output.tell_conflict,
    )


def _is_short(manifest_path: Path) -> bool:
    """True for inputs that need not ask for the limit: one request more could cost them a window.

    The first answer's headers tell it as well, in most cases.
    """
    sizes = [file.size for file in read_manifest(manifest_path).inputs]
    return sum(size or _SHORT_BYTES for size in sizes) < _SHORT_BYTES


class NothingKept:
    """Of a stream whose results are its callers': nothing is written."""

    tell_conflict = None
    conflicts: Sequence[ConflictEntry] = ()

    @property
    def undo(self) -> BeforeImages:
        """Takes what a patch is about to overwrite, and forgets it."""
        return self

    async def add(
        self, patch: Patch, before: Mapping[str, str | None], *, refused: int | None = None
    ) -> None:
        """Keep nothing."""

    async def close(self) -> None:
        """Nothing was opened."""

    def is_pointless(self, error: BatchpatchError, *, patches: int, settled: int) -> bool:
        """True where nothing of it can ever work."""
        return error.exit_code in (ExitCode.UNUSABLE, ExitCode.NO_ACCESS)

    def discard(self) -> None:
        """There is nothing."""

    def write_failed(self, proof: Proof, *, changed: Collection[int]) -> list[Path]:
        """None."""
        return []

    def conclude(self, *, whole: bool) -> None:
        """There is nothing."""

    def report(self, names: Mapping[str, str]) -> None:
        """All is in the summary."""


class RunOutput:
    """The values before each patch, those of conflicts, and the rows that failed."""

    def __init__(self, job: Job, directory: RunDirectory) -> None:
        self._job = job
        self._directory = directory
        self.undo = UndoLog(directory.undo_path)
        self.conflict_log = ConflictLog(directory.conflicts_path)
        self.tell_conflict = self.conflict_log.add

    async def close(self) -> None:
        """Close the logs."""
        await self.undo.close()
        self.conflict_log.close()

    def is_pointless(self, error: BatchpatchError, *, patches: int, settled: int) -> bool:
        """True where the input or the credentials were refused before anything was sent."""
        if error.exit_code == ExitCode.UNUSABLE:
            return not patches
        sent: GenesysClient = self._job.client
        return error.exit_code == ExitCode.NO_ACCESS and not (settled or sent.traffic.requests)

    def discard(self) -> None:
        """Remove the directory, unless it was there before."""
        self._directory.results_path.unlink(missing_ok=True)
        self._directory.discard()

    def write_failed(self, proof: Proof, *, changed: Collection[int]) -> list[Path]:
        """The failed rows of each input. Raises RecordError, InputError, LeftError."""
        job = self._job
        read, newer = job.settings.read, job.before.newer
        return write_failed_rows(
            self._directory,
            job.reader,
            read,
            proof.failed,
            newer,
            changed=changed,
            check=job.stopper.refuse_leaving,
        )

    def conclude(self, *, whole: bool) -> None:
        """A run's files are what they are called."""

    def report(self, names: Mapping[str, str]) -> None:
        """All is in the summary."""

    @property
    def conflicts(self) -> Sequence[ConflictEntry]:
        """The first conflicts that this process met, with values."""
        return self.conflict_log.first
