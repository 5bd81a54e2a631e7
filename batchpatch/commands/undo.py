"""`undo`: take a run back by a run of its own, over the values that were there before."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.commands.run import run
from batchpatch.errors import SettingsError, as_typed
from batchpatch.formats.run_json import settings_from
from batchpatch.genesys.account.regions import region_of
from batchpatch.options.read import ReadOptions
from batchpatch.options.run import MergeOptions, RecordOptions, Safeguards, VerifyOptions
from batchpatch.pipeline.blocking import off_loop_unless_stopped
from batchpatch.pipeline.resumption import refuse_another_platform
from batchpatch.pipeline.run_record import beginning
from batchpatch.pipeline.stop import Stopper
from batchpatch.recording.manifest import read_manifest
from batchpatch.recording.results import has_sent
from batchpatch.recording.run_directory import RunDirectory
from batchpatch.recording.undo_rows import write_undo_input
from batchpatch.reporting.place import keeps_before
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.formats.run_json import Manifest
    from batchpatch.genesys.account.credentials import Account
    from batchpatch.model import Progress
    from batchpatch.options.run import ConnectOptions, LimitOptions, PaceOptions, RetryPolicy
    from batchpatch.pipeline.intent import Confirm
    from batchpatch.pipeline.report import RunReport

_LOOKING = "Looking up what is to be restored"
_LEFT = "Interrupted while it was looked up what is to be restored: nothing was sent."


async def undo(
    path: Path,
    *,
    account: Account,
    force: bool = False,
    verify: VerifyOptions | None = None,
    pace: PaceOptions | None = None,
    connect: ConnectOptions | None = None,
    retry: RetryPolicy | None = None,
    record: RecordOptions | None = None,
    limits: LimitOptions | None = None,
    confirm: Confirm | None = None,
    stopper: Stopper | None = None,
    observe: Callable[[Progress], None] | None = None,
    announce: Callable[[str], None] | None = None,
) -> RunReport | None:
    """Restore what a run has overwritten, the last write first.

    An attribute that was absent is blanked, because the platform cannot delete it; the report
    says so for each row.

    Args:
        path: directory of the run; it must have kept the values before.
        account: credentials and hosts; the hosts must be the run's.
        force: restore where the present value is not the last one that the run wrote, too.
        verify: whether to read back what was restored.
        pace: instead of the run's.
        connect: instead of the run's.
        retry: instead of the run's.
        record: where to leave the report of the undo.
        limits: as for `run`.
        confirm: as for `run`.
        stopper: as for `run`.
        observe: as for `run`.
        announce: told in a sentence, before anything is sent, what cannot be taken back.

    Returns:
        The report of the undo, whose summary counts what could only be blanked; None where the run
        has changed nothing.

    Raises:
        SettingsError: there is no such run, it kept no values, they were purged or are damaged,
            or it was for another platform; or there is no room for what is to be restored.
        LeftError: the stopper was asked before anything had begun, or the answer was no.
        RecordError: the directory is in use.
    """
    path = Path(path)
    with RunDirectory.open(path) as directory:
        manifest = read_manifest(directory.manifest_path)
        refuse_another_platform(manifest, account)
        if not directory.undo_path.exists():
            refuse_unknown(directory, manifest)
            return None
        settings = settings_from(manifest.options)
        kind = find_kind(settings.write)
        write = partial(
            write_undo_input,
            directory.undo_path,
            directory.undo_input_path,
            organisation=manifest.organisation,
            region=region_of(account.hosts.api_url),
            results_path=directory.results_path,
            kind=kind,
            looked=settings.safeguards.reads_first,
            # Only beside a plan can there be rows of which nothing was kept.
            count_unkept=not settings.safeguards.keep_before,
        )
        stopper = stopper or Stopper()
        # Of millions of rows it takes minutes.
        with beginning():
            found = await off_loop_unless_stopped(write, stopper, left=_LEFT, doing=_LOOKING)
    if found.unkept and not found.lines:
        raise SettingsError(
            f"{as_typed(path)} kept no values before {found.unkept:,} of the rows that it has "
            "updated: they cannot be taken back, and nothing else has changed."
        )
    if not found.lines:
        return None
    if found.refused and announce is not None:
        announce(
            f"{found.refused:,} of {found.lines:,} participants had no {kind.noun} before, and the "
            "platform cannot take one away: they stay as they are, and are rejected "
            "(cannot_unset)."
        )
    safeguards = Safeguards(
        guard=not force,
        skip_unchanged=True,
        keep_before=True,
        verify=verify or VerifyOptions(),
    )
    return await run(
        [str(directory.undo_input_path)],
        account=account,
        read=ReadOptions(format="jsonl", write=settings.write),
        merge=MergeOptions(window_rows=settings.merge.window_rows),
        connect=connect or settings.connect,
        retry=retry or settings.retry,
        pace=pace or settings.pace,
        route=kind.find_route(settings.route or None),
        force=True,
        safeguards=safeguards,
        record=replace(record or RecordOptions(), unkept=found.unkept),
        limits=limits,
        confirm=confirm,
        stopper=stopper,
        observe=observe,
    )


def refuse_unknown(directory: RunDirectory, manifest: Manifest) -> None:
    """Raise SettingsError unless it is known that a run without `undo.jsonl` changed nothing."""
    path = directory.path
    if directory.undo_path.name in manifest.purged:
        raise SettingsError(
            f"{as_typed(path)} was purged ({', '.join(manifest.purged)}): the values before the "
            "run are gone, so it cannot be undone."
        )
    if not keeps_before(manifest):
        raise SettingsError(
            f"{as_typed(path)} holds no values to go back to: only a run of a plan, or one with "
            "--keep-before, can be undone."
        )
    if has_sent(directory.results_path):
        raise SettingsError(
            f"{as_typed(directory.undo_path)} is not there any more, and the run has sent "
            "something: it cannot be undone; restore that file from a copy."
        )
