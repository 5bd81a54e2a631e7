"""A plan: patches are compared, and what would change is written for a run to come."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import SettingsError
from batchpatch.genesys.account.organisation import read_identity, read_requests_per_min
from batchpatch.genesys.account.regions import region_of
from batchpatch.genesys.conversations.reader import ConversationReads, ParticipantReads
from batchpatch.merging.window import Window
from batchpatch.pipeline.execution import Execution
from batchpatch.pipeline.report import PlanReport
from batchpatch.pipeline.step import PlanStep
from batchpatch.recording.checkpoint import read_settled
from batchpatch.recording.plan_file import PlanFile
from batchpatch.recording.plan_output import (
    count_lines,
    cut_lines,
    name_region,
    partial_path,
    publish,
    read_plan,
)
from batchpatch.sending.delivery import reads_for
from batchpatch.writes.listing import shown
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from batchpatch.errors import BatchpatchError
    from batchpatch.genesys.account.credentials import Account
    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.model import Change
    from batchpatch.options.run import Settings
    from batchpatch.pipeline.job import Job
    from batchpatch.recording.checkpoint import Proof
    from batchpatch.recording.plan_file import PlanWriter
    from batchpatch.recording.run_directory import RunDirectory
    from batchpatch.writes.kind import WriteKind


class Origin(NamedTuple):
    """Whose data a plan is about."""

    identity: Identity
    region: str
    requests_per_min: int | None


async def read_origin(client: GenesysClient, account: Account) -> Origin:
    """Ask the platform whose token this is.

    Raises:
        SettingsError: it does not say.
        AccessError: the token is refused.
    """
    identity = await read_identity(client)
    if identity is None:
        raise SettingsError(
            f"{account.hosts.api_url} does not say whose token this is, and a plan must "
            "name its organisation: check --region or --api-url."
        )
    region = region_of(account.hosts.api_url)
    return Origin(identity, region, await read_requests_per_min(client))


def planning(job: Job, *, out: Path, file: PlanWriter, origin: Origin) -> Execution:
    """The execution of a plan; `out` is what it will be called."""
    settings = job.settings
    reads = ConversationReads(job.client, lookup_batch=settings.find.lookup_batch)
    step = PlanStep(
        reads_for(job.kind, job.client, reads),
        file,
        organisation=origin.identity.organisation,
        region=origin.region,
        kind=job.kind,
        choices=_choices(job),
    )
    remember = None
    if job.earlier is not None and file.lines:
        remember = partial(_remember, step, out, job.kind)
    return Execution(
        job,
        step=step,
        output=PlanOutput(job.directory, out, file, step, origin, kind=job.kind),
        window=Window(settings.merge, patches=job.before.last_patch, kind=job.kind),
        reads=reads,
        remember=remember,
    )


def _remember(step: PlanStep, out: Path, kind: WriteKind) -> None:
    step.remember(read_plan(partial_path(out), kind.key))


def refuse_choices(settings: Settings) -> None:
    """Raise SettingsError where choices are to be checked of what is not chosen from a list."""
    if settings.safeguards.check_choices:
        find_kind(settings.write).need_choices()


def _choices(job: Job) -> ParticipantReads | None:
    """What tells what participants may be given, where that is to be checked."""
    choices = job.kind.choices
    if choices is None or not job.settings.safeguards.check_choices:
        return None
    return ParticipantReads(job.client, path=choices.path, parse=choices.parse)


def reopen_plan(out: Path, *, lines: int, moved_to: str | None, kind: WriteKind) -> PlanFile:
    """The file of a plan to go on with, cut to the lines that the results know of.

    `moved_to`: the region that its lines are to name from now on, where it goes on elsewhere.

    Raises RecordError.
    """
    partial = partial_path(out)
    cut_lines(partial, lines)
    if moved_to is not None and lines:
        name_region(partial, moved_to, kind.key)
    return PlanFile(partial, lines=lines)


class PlanOutput:
    """The file of a plan, which gets its name when it is whole."""

    def __init__(
        self,
        directory: RunDirectory | None,
        out: Path,
        file: PlanWriter,
        step: PlanStep,
        origin: Origin,
        *,
        kind: WriteKind,
    ) -> None:
        """`directory` is None for a plan that goes to standard output; `kind` is what it is of."""
        self._directory = directory
        self._out = out
        self._file = file
        self._step = step
        self._kind = kind
        self._origin = origin
        self._whole = False
        self._lines: int | None = None
        self._ended: int | None = None

    async def close(self) -> None:
        """Close the file."""
        self._file.close()

    def is_pointless(self, error: BatchpatchError, *, patches: int, settled: int) -> bool:
        """True where nothing was found out that would have to be asked again."""
        return not (settled or self._file.lines)

    def discard(self) -> None:
        """Remove the file and its state."""
        if self._directory is not None:
            partial_path(self._out).unlink(missing_ok=True)
            self._directory.remove()

    def write_failed(self, proof: Proof, *, changed: Collection[int]) -> list[Path]:
        """None: the input is as it was, and is planned again once the cause is gone."""
        return []

    def conclude(self, *, whole: bool) -> None:
        """Give a whole plan its name, and remove its state. Raises RecordError, SettingsError."""
        if self._directory is not None:
            self._lines = count_lines(partial_path(self._out))
            if not whole:
                self._forget_unknown(self._directory, self._lines)
        if whole and not self._file.lines:
            origin = self._origin
            self._file.say_empty(organisation=origin.identity.organisation, region=origin.region)
        if self._directory is None:
            self._whole = whole
        elif whole:
            publish(self._out)
            self._whole = True
            self._directory.remove()

    def _forget_unknown(self, directory: RunDirectory, lines: int) -> None:
        """Cut off what the results know nothing of, as when the plan is resumed.

        So a full disk, which lets lines through before it fails, makes no count differ from others.
        """
        path = partial_path(self._out)
        known = min(lines, read_settled(directory.results_path).last_patch)
        if known < lines:
            cut_lines(path, known)
        if known < self._step.lines:
            planned = read_plan(path, self._kind.key) if known else ()
            self._ended = sum("ended" in line.flags for line in planned)
        self._lines = known

    conflicts = ()
    """None: nothing is sent."""

    def report(self, names: Mapping[str, str]) -> PlanReport:
        """Of what the file holds."""
        known = {**self._step.names, **names}
        named = self._whole or self._directory is None
        lines = self._file.lines if self._lines is None else self._lines
        return PlanReport(
            *self._origin,
            out=self._out,
            file=self._out if named else partial_path(self._out),
            whole=self._whole,
            participants=lines,
            ended=self._step.ended if self._ended is None else self._ended,
            changes=[self._shown(one, known) for one in self._step.changes[:lines]],
        )

    def _shown(self, change: Change, names: Mapping[str, str]) -> Change:
        """The change with names in the place of ids: those are in the file."""
        if (listing := self._kind.listing) is None:
            return change
        before, after = (shown(one, listing, names) for one in change[-2:])
        return change._replace(before=before, attributes=after)
