"""`plan`: the online dry run; finds, reads and compares as a run would, and sends nothing."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.errors import SettingsError
from batchpatch.formats.run_json import plain_settings
from batchpatch.genesys.connect import open_for
from batchpatch.options.run import LimitOptions, RecordOptions, Settings
from batchpatch.pipeline.blocking import off_loop_unless_stopped, unless_stopped
from batchpatch.pipeline.job import Job
from batchpatch.pipeline.organisation_record import UNASKED
from batchpatch.pipeline.plan_run import planning, read_origin, refuse_choices
from batchpatch.pipeline.preflight import LEFT, LOOKING, preflight, rows_of
from batchpatch.pipeline.report import STDOUT
from batchpatch.pipeline.run_record import beginning, describe
from batchpatch.pipeline.spooling import spooling
from batchpatch.pipeline.stop import Stopper
from batchpatch.reading.expansion import expand
from batchpatch.reading.kinds import choose_kind
from batchpatch.reading.reader import Reader
from batchpatch.reading.urls import shown_name
from batchpatch.recording.plan_file import PlanFile, PlanStream
from batchpatch.recording.plan_output import partial_path, refuse_output, state_path
from batchpatch.recording.run_directory import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from os import PathLike

    from batchpatch.genesys.account.credentials import Account
    from batchpatch.model import Progress
    from batchpatch.pipeline.report import RunReport


async def plan(
    inputs: Sequence[str | PathLike[str]],
    *,
    account: Account,
    out: Path,
    settings: Settings | None = None,
    limits: LimitOptions | None = None,
    flags: Sequence[str] = (),
    stopper: Stopper | None = None,
    observe: Callable[[Progress], None] | None = None,
) -> RunReport:
    """Write what a run would change, and change nothing.

    A plan is called `OUT.partial` until it is whole, and its state lies in `OUT.run`, where
    `resume` finds it.

    Args:
        inputs: paths, directories, patterns, URLs, or `-` for standard input.
        account: credentials and hosts.
        out: a new file; the input of a run, JSONL, each line of it for itself. It holds values.
            `-` is standard output: such a plan cannot be resumed.
        settings: as for a run; only reading, finding, merging and the pace matter.
        limits: what ends or pauses it, as for `run`.
        flags: of the command line, kept to print commands.
        stopper: to stop from outside; what is planned by then stays.
        observe: as for `run`.

    Raises:
        InputError: an input cannot be used as a whole.
        SettingsError: `out` is there already, or the platform does not say whose token this is.
        AccessError: the token may not read conversations.
        LeftError: the stopper was asked before anything had begun.
        RecordError: the plan cannot be written.
    """
    names = expand(inputs).names
    out, settings, limits = Path(out), settings or Settings(), limits or LimitOptions()
    settings = replace(settings, read=choose_kind(names, settings.read).options)
    refuse_choices(settings)
    stopper = stopper or Stopper()
    looking = partial(preflight, names, settings.read, RecordOptions())
    prepared = await off_loop_unless_stopped(looking, stopper, left=LEFT, doing=LOOKING)
    known = rows_of(prepared, limit=None)
    if out != STDOUT:
        refuse_output(out)
    async with open_for(account, settings, max_outage_s=limits.max_outage_s) as client:
        origin = await unless_stopped(read_origin(client, account), stopper, left=UNASKED)
        job = Job(
            reader=Reader(names, settings.read, rows_known=known),
            client=client,
            account=account,
            settings=settings,
            limits=limits,
            stopper=stopper,
            identity=origin.identity,
        )
        if out == STDOUT:
            file = PlanStream(sys.stdout.buffer)
            return await planning(job, out=out, file=file, origin=origin).run(observe)
        options = plain_settings(settings) | {"flags": flags}
        with _begun(out, names) as (directory, begun), ExitStack() as stack:
            try:
                with beginning(directory):
                    describe(directory, prepared, account=account, options=options, kind="plan")
                    spooled = stack.enter_context(spooling(directory, names, keep=True))
            except SettingsError:
                begun.discard()
                raise
            tee = spooled.tee if spooled else None
            reader = Reader(names, settings.read, tee=tee, rows_known=known)
            job = replace(job, reader=reader, directory=directory, spooled=spooled)
            try:
                with beginning(directory):
                    execution = planning(job, out=out, file=begun, origin=origin)
            except SettingsError:
                begun.discard()
                raise
            return await execution.run(observe)


@contextmanager
def _begun(out: Path, inputs: Sequence[str]) -> Iterator[tuple[RunDirectory, PlanFile]]:
    """The state of a new plan, and its file: made before the state says what it is of.

    Raises SettingsError where another plan of that name was begun in the meantime.
    """
    directory = RunDirectory.create(
        state_path(out), input_name=shown_name(inputs[0]), now=datetime.now(UTC)
    )
    with directory:
        try:
            file = PlanFile(partial_path(out))
        except SettingsError:
            directory.remove()
            raise
        yield directory, file
