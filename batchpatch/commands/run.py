"""`run`: patch the participants that rows name, and record every row."""

from __future__ import annotations

import functools
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batchpatch.commands.resume import resume
from batchpatch.formats.run_json import plain_settings
from batchpatch.genesys.connect import open_for
from batchpatch.genesys.routes import refuse_vain
from batchpatch.options.read import FindOptions, ReadOptions
from batchpatch.options.run import (
    LIVE_WINDOW_ROWS,
    ConnectOptions,
    LimitOptions,
    MergeOptions,
    PaceOptions,
    RecordOptions,
    RetryPolicy,
    Safeguards,
    Settings,
    read_afresh,
)
from batchpatch.pipeline.blocking import off_loop_unless_stopped
from batchpatch.pipeline.intent import confirmed, refuse_unheard
from batchpatch.pipeline.job import Job
from batchpatch.pipeline.preflight import (
    LEFT,
    LOOKING,
    has_plan,
    preflight,
    refuse_guard,
    refuse_partial,
    rows_of,
    sought_of,
)
from batchpatch.pipeline.run_record import beginning, describe, find_begun
from batchpatch.pipeline.send_run import sending
from batchpatch.pipeline.spooling import spooling
from batchpatch.pipeline.stop import Stopper
from batchpatch.reading.expansion import expand
from batchpatch.reading.kinds import choose_kind
from batchpatch.reading.reader import Reader
from batchpatch.reading.urls import shown_name
from batchpatch.recording.run_directory import RunDirectory, refuse_used
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from os import PathLike

    from opentelemetry.trace import Tracer

    from batchpatch.genesys.account.credentials import Account
    from batchpatch.genesys.routes import Route
    from batchpatch.model import Progress
    from batchpatch.pipeline.intent import Confirm
    from batchpatch.pipeline.job import Stream
    from batchpatch.pipeline.monitor import Monitor
    from batchpatch.pipeline.report import RunReport


async def run(
    inputs: Sequence[str | PathLike[str]],
    *,
    account: Account,
    read: ReadOptions | None = None,
    find: FindOptions | None = None,
    merge: MergeOptions | None = None,
    connect: ConnectOptions | None = None,
    retry: RetryPolicy | None = None,
    pace: PaceOptions | None = None,
    route: Route | None = None,
    force: bool = False,
    safeguards: Safeguards | None = None,
    record: RecordOptions | None = None,
    limits: LimitOptions | None = None,
    partial: bool = False,
    stream: Stream | None = None,
    confirm: Confirm | None = None,
    stopper: Stopper | None = None,
    observe: Callable[[Progress], None] | None = None,
    monitor: Monitor | None = None,
    tracer: Tracer | None = None,
) -> RunReport:
    """Patch the participants that the rows of these inputs name, and record every row.

    Args:
        inputs: paths, directories, patterns, URLs, or `-` for standard input.
        account: credentials and hosts, as `find_account` returns them.
        read: how to understand the inputs.
        find: how to find participants that are not named by id.
        merge: bounds of the window in which rows of one participant meet.
        connect: connections and timeouts; `concurrency` is the number of workers too.
        retry: how patient to be with one request.
        pace: how fast; on a loopback host nothing is assumed until the server names a limit.
        route: where to send; None is the usual one of the kind of write that `read` names.
        force: take a route that is known to store nothing, though nothing is read back.
        safeguards: what is looked at before a PATCH and after it.
        record: where to leave the report; with `resume`, where the run may have begun.
        limits: what ends or pauses the run before its input does.
        partial: send of a plan that is not whole what there is; else it is refused.
        stream: who waits for each row's result. Rows go at once, and merge only where they have to
            wait anyway; each conversation is read afresh; invalid rows refuse no input.
        confirm: asked, before anything is written, whether to go on.
        stopper: to stop the run from outside.
        observe: called a few times a second, and at the end. What it raises is logged and changes
            nothing; to end the run, use `stopper`.
        monitor: counts for whoever watches the run, such as its metrics.
        tracer: of OpenTelemetry; makes a span of each patch.

    Returns:
        The report; its summary's `exit_code` is that of the command line.

    Raises:
        InputError: an input cannot be used as a whole; nothing was sent.
        SettingsError: an option cannot be used, or nobody could say yes; nothing was sent.
        LeftError: the stopper was asked before anything had begun, or the answer was no.
        RecordError: the run that is to go on is at work in another process, or damaged.
    """
    names = expand(inputs).names
    record = record or RecordOptions()
    settings = Settings(
        read=choose_kind(names, read or ReadOptions()).options,
        find=find or FindOptions(),
        merge=merge or _merging(live=stream is not None),
        connect=connect or ConnectOptions(),
        retry=retry or RetryPolicy(),
        pace=pace or PaceOptions(),
        route=route.template if route is not None else "",
        safeguards=safeguards or Safeguards(),
    )
    if not partial:
        refuse_partial(names)
    chosen = find_kind(settings.write).find_route(settings.route or None)
    refuse_vain(chosen, verified=settings.safeguards.verify.share > 0, force=force)
    stopper = stopper or Stopper()
    looking = functools.partial(preflight, names, settings.read, record)
    prepared = await off_loop_unless_stopped(looking, stopper, left=LEFT, doing=LOOKING)
    if settings.safeguards.guard:
        refuse_guard(prepared)
    if (begun := find_begun(record, prepared, settings)) is not None:
        return await resume(
            begun,
            account=account,
            pace=settings.pace,
            connect=settings.connect,
            retry=settings.retry,
            limited=True,
            limits=limits,
            confirm=confirm,
            stream=stream,
            stopper=stopper,
            observe=observe,
            monitor=monitor,
            tracer=tracer,
        )
    refuse_used(record.out)
    if rows_of(prepared, limit=None) == 0:
        confirm = None  # of a plan of no changes, nobody has to say yes to anything
    refuse_unheard(confirm)
    limits = limits or LimitOptions()
    async with open_for(account, settings, max_outage_s=limits.max_outage_s) as client:
        identity = await confirmed(
            confirm,
            client,
            account,
            settings,
            stopper,
            rows=rows_of(prepared, limit=settings.read.limit),
            sought=sought_of(prepared, limit=settings.read.limit),
            keeps_before=settings.safeguards.keep_before or has_plan(prepared),
        )
        directory = RunDirectory.create(
            record.out,
            input_name=shown_name(names[0]),
            now=datetime.now(UTC),
            base=record.base,
        )
        options = plain_settings(settings) | {"flags": record.flags}
        with directory, ExitStack() as stack:
            with beginning(directory):
                unkept = record.unkept
                describe(directory, prepared, account=account, options=options, unkept=unkept)
                spooled = stack.enter_context(spooling(directory, names, keep=record.spool))
            job = Job(
                reader=Reader(
                    names,
                    settings.read,
                    tee=spooled.tee if spooled else None,
                    rows_known=rows_of(prepared, limit=None),
                    live=stream is not None,
                ),
                client=client,
                account=account,
                settings=settings if stream is None else read_afresh(settings),
                limits=limits,
                stopper=stopper,
                directory=directory,
                spooled=spooled,
                identity=identity,
                unkept=record.unkept,
                stream=stream,
                monitor=monitor,
                tracer=tracer,
            )
            with beginning(directory):
                execution = sending(job, directory)
            return await execution.run(observe)


def _merging(*, live: bool) -> MergeOptions:
    return MergeOptions(window_rows=LIVE_WINDOW_ROWS) if live else MergeOptions()
