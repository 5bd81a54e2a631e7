"""`resume`: finish a run that was stopped or broke."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.genesys.connect import open_for
from batchpatch.options.run import LimitOptions, without_limit
from batchpatch.pipeline.execution import RunReport, _Task
from batchpatch.pipeline.resumption import prepare_resumption
from batchpatch.reading.inputs import Reader
from batchpatch.recording.run_directory import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from batchpatch.genesys.account.credentials import Account
    from batchpatch.model import Outcome, Progress
    from batchpatch.options.send import PaceOptions
    from batchpatch.pipeline.stop import Stopper


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
                truncated=earlier.truncated,
            )
            task = _Task(directory, reader, client, settings, limits, stopper, account, earlier)
            return await task.run(observe)
