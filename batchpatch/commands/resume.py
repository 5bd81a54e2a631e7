"""`resume`: finish a run, an undo or a plan that was stopped or broke."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.errors import SettingsError, as_typed
from batchpatch.genesys.connect import open_for
from batchpatch.model import Outcome
from batchpatch.options.run import LimitOptions, read_afresh
from batchpatch.pipeline.blocking import off_loop_unless_stopped, unless_stopped
from batchpatch.pipeline.finished import finished
from batchpatch.pipeline.intent import confirmed, refuse_unheard
from batchpatch.pipeline.job import Job
from batchpatch.pipeline.organisation_record import (
    UNASKED,
    identity_to_go_on,
    refuse_another_organisation,
)
from batchpatch.pipeline.plan_run import planning, read_origin, reopen_plan
from batchpatch.pipeline.preflight import count_again
from batchpatch.pipeline.resumption import (
    note_hosts,
    planned_by,
    prepare_resumption,
    without_outcomes,
)
from batchpatch.pipeline.send_run import sending
from batchpatch.pipeline.stop import Stopper
from batchpatch.reading.reader import Reader
from batchpatch.recording.plan_output import find_directory
from batchpatch.recording.run_directory import RunDirectory
from batchpatch.reporting.place import keeps_before

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from opentelemetry.trace import Tracer

    from batchpatch.genesys.account.credentials import Account
    from batchpatch.model import Progress
    from batchpatch.options.run import ConnectOptions, PaceOptions, RetryPolicy
    from batchpatch.pipeline.execution import Execution
    from batchpatch.pipeline.intent import Confirm
    from batchpatch.pipeline.job import Stream
    from batchpatch.pipeline.monitor import Monitor
    from batchpatch.pipeline.report import RunReport
    from batchpatch.pipeline.resumption import Resumption


_READING = "Reading what is settled"
_LEFT = "Interrupted while it was read what is settled: nothing was sent, resume it again."


async def resume(
    path: Path,
    *,
    account: Account,
    retry_outcomes: Collection[Outcome] = (),
    inputs: Sequence[Path] = (),
    appended: bool = False,
    pace: PaceOptions | None = None,
    connect: ConnectOptions | None = None,
    retry: RetryPolicy | None = None,
    elsewhere: bool = False,
    limited: bool = False,
    limits: LimitOptions | None = None,
    stream: Stream | None = None,
    confirm: Confirm | None = None,
    stopper: Stopper | None = None,
    observe: Callable[[Progress], None] | None = None,
    monitor: Monitor | None = None,
    tracer: Tracer | None = None,
) -> RunReport:
    """Finish a run, an undo or a plan that was stopped or broke, with its own options.

    Where all is done already, the report says so: `nothing_left`.

    Args:
        path: directory of the run; of a plan `OUT`, `OUT.partial` or `OUT.run` will do.
        account: credentials and hosts; the hosts must be the run's, unless `elsewhere`.
        retry_outcomes: settled rows with these outcomes are sent again.
        inputs: where inputs lie now that have been moved since; which is which, their hash tells.
        appended: rows may have been added at the end of an input; they are sent as well.
        pace: instead of the run's.
        connect: instead of the run's.
        retry: instead of the run's.
        elsewhere: it goes on at other hosts than it began with (a gateway, a mended region). Of
            an organisation that the run knows, the token must be.
        limited: the run's own limit of rows holds for all of it, also once it is reached; else
            that has been a canary, and the rest is sent.
        limits: as for `run`.
        stream: as for `run`; of the rows that are settled now.
        confirm: as for `run`; a plan writes nothing.
        stopper: as for `run`.
        observe: as for `run`.
        monitor: as for `run`.
        tracer: as for `run`.

    Raises:
        SettingsError: there is no such run or plan, the plan is whole, or it was for another
            platform; or its rules for values have changed, or nobody could say yes.
        RecordError: the directory is in use or damaged.
        InputError: an input has changed since.
        LeftError: the stopper was asked before anything was sent, or the answer was no.
    """
    stopper = stopper or Stopper()
    with RunDirectory.open(find_directory(Path(path))) as directory:
        heard = partial(off_loop_unless_stopped, stopper=stopper, left=_LEFT, doing=_READING)
        out = await heard(partial(planned_by, directory, retry_outcomes))
        if out is not None and stream is not None:
            raise SettingsError(f"{as_typed(out)} is a plan: its rows have no results to wait for.")
        if out is None and not (retry_outcomes or inputs or appended):
            over = await heard(partial(finished, directory, elsewhere=elsewhere))
            if over is not None:
                return over
        prepare = partial(
            prepare_resumption,
            directory,
            account,
            inputs=inputs,
            appended=appended,
            elsewhere=elsewhere,
            ready=partial(refuse_unheard, None if out else confirm),
        )
        earlier = await heard(prepare)
        settings = earlier.settings(pace, connect, retry)
        if not (out or limited):
            settings = replace(settings, read=replace(settings.read, limit=earlier.manifest.limit))
        limits = limits or LimitOptions()
        # Who is not asked need not wait until what has no count yet is counted.
        files = earlier.manifest.inputs
        known = None
        if confirm is not None or all(file.rows is not None for file in files):
            count = partial(
                count_again, files, earlier.inputs, settings.read, truncated=earlier.truncated
            )
            known = await heard(count)
        rows = known and known.rows
        async with open_for(account, settings, max_outage_s=limits.max_outage_s) as client:
            identity = None
            if out is None:
                left = _rows_left(earlier, rows, retry_outcomes, limit=settings.read.limit)
                identity = await confirmed(
                    confirm,
                    client,
                    account,
                    settings,
                    stopper,
                    rows=left,
                    sought=min(left or 0, known.sought if known else 0),  # any may be settled
                    keeps_before=keeps_before(earlier.manifest),
                    identity=await identity_to_go_on(client, earlier.manifest, stopper),
                )
                take_out = partial(without_outcomes, directory, earlier, retry_outcomes)
                earlier = await heard(take_out)
            job = Job(
                reader=Reader(
                    earlier.inputs,
                    settings.read,
                    settled=earlier.before.settled,
                    names=earlier.names,
                    truncated=earlier.truncated,
                    rows_known=rows,
                    live=stream is not None,
                ),
                client=client,
                account=account,
                settings=settings if stream is None else read_afresh(settings),
                limits=limits,
                stopper=stopper,
                directory=directory,
                earlier=earlier,
                unkept=earlier.manifest.unkept,
                identity=identity,
                stream=stream,
                monitor=monitor,
                tracer=tracer,
            )
            if out is None:
                execution = sending(job, directory)
            else:
                execution = await _planning_on(job, earlier, out=out)
            if earlier.moved:
                note_hosts(directory, account)
            return await execution.run(observe)


async def _planning_on(job: Job, earlier: Resumption, *, out: Path) -> Execution:
    """The rest of a plan, whose file is opened where its lines end.

    Raises:
        SettingsError: it is for another organisation.
        LeftError: a stop was asked for before the platform has said whose data it is.
    """
    asking = read_origin(job.client, job.account)
    origin = await unless_stopped(asking, job.stopper, left=UNASKED)
    refuse_another_organisation(earlier.manifest, origin.identity)
    moved_to = origin.region if earlier.moved else None
    reopen = partial(
        reopen_plan, out, lines=earlier.before.last_patch, moved_to=moved_to, kind=job.kind
    )
    file = await off_loop_unless_stopped(reopen, stopper=job.stopper, left=_LEFT)
    job = replace(job, identity=origin.identity)
    return planning(job, out=out, file=file, origin=origin)


def _rows_left(
    earlier: Resumption,
    known: int | None,
    retry_outcomes: Collection[Outcome],
    *,
    limit: int | None,
) -> int | None:
    """About how many rows are to be settled; None where nobody can tell."""
    expected = min((rows for rows in (known, limit) if rows is not None), default=None)
    if expected is None:
        return None
    outcomes = earlier.before.outcomes.items()
    kept = sum(rows for word, rows in outcomes if Outcome(word) not in retry_outcomes)
    return max(0, expected - kept)
