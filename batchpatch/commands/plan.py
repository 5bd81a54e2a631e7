"""The online dry run: finds, reads and compares as a run would, and writes nothing but a plan."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import BatchpatchError, SettingsError, first_of
from batchpatch.genesys.account.organisation import Identity, read_identity, read_requests_per_min
from batchpatch.genesys.account.regions import region_of
from batchpatch.genesys.connect import open_for
from batchpatch.genesys.rate_limit.allowance import Allowance
from batchpatch.model import Change, FailureReason, Outcome, Progress, Stop
from batchpatch.options.run import Settings
from batchpatch.pipeline.observing import Observer, attempt_to_show
from batchpatch.pipeline.plan_job import PlanJob
from batchpatch.reading.inputs import Reader
from batchpatch.recording.plan_file import PlanFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchpatch.genesys.account.credentials import Account
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.pipeline.stop import Stopper


class PlanReport(NamedTuple):
    """What a plan found."""

    identity: Identity | None
    region: str
    requests_per_min: int | None
    """The organisation's limit for one token; None where the platform does not tell."""
    out: Path
    rows: int
    participants: int
    """Lines of the plan: participants of whom something would change."""
    unchanged: int
    """Rows that change nothing, left out of the plan."""
    unattempted: int
    """Rows that were read and not planned, because it was stopped."""
    failed: int
    """Rows that are invalid, or whose participant was not found; not in the plan."""
    ended: int
    """Lines of conversations that have ended."""
    changes: list[Change]
    """The first ones."""
    reasons: list[FailureReason]
    requests: int
    """What planning itself has cost."""
    allowance: Allowance | None
    elapsed_s: float
    exit_code: int
    stopped_because: str | None


async def plan(
    inputs: Sequence[str],
    *,
    account: Account,
    out: Path,
    settings: Settings | None = None,
    max_outage_s: float = 900.0,
    stopper: Stopper | None = None,
    observe: Callable[[Progress], None] | None = None,
) -> PlanReport:
    """Write what a run would change, and change nothing.

    Args:
        inputs: paths, or `-` for standard input.
        account: credentials and hosts.
        out: a new file; the input of a run, JSONL, each line of it for itself. It holds values.
        settings: as for a run; only reading, finding, merging and the pace matter.
        max_outage_s: how long the platform may answer nothing at all.
        stopper: to stop from outside; what is planned by then stays.
        observe: as for `pipeline.run`.

    Raises:
        InputError: an input cannot be used as a whole.
        SettingsError: `out` is there already, or the platform does not say whose token this is.
        AccessError: the token may not read conversations.
        RecordError: the plan cannot be written.
    """
    out, settings = Path(out), settings or Settings()
    region = region_of(account.hosts.api_url)
    async with open_for(account, settings, max_outage_s=max_outage_s) as client:
        with PlanFile(out) as file:
            identity = await read_identity(client)
            if identity is None:
                raise SettingsError(
                    f"{account.hosts.api_url} does not say whose token this is, and a plan must "
                    "name its organisation: check --region or --api-url."
                )
            limit = await read_requests_per_min(client)
            reader = Reader(inputs, settings.read)
            planner = PlanJob(
                reader,
                file,
                client=client,
                settings=settings,
                organisation=identity.organisation,
                region=region,
            )
            stop = await _worked(planner, settings.connect.concurrency, client, stopper, observe)
            if stop is None and reader.limit_reached:
                stop = Stop(
                    3, f"--limit {settings.read.limit} was reached and there is more input."
                )
        return _report(planner, identity, region, limit, out, reader, client, stop)


async def _worked(
    planner: PlanJob,
    workers: int,
    client: GenesysClient,
    stopper: Stopper | None,
    observe: Callable[[Progress], None] | None,
) -> Stop | None:
    """Plan to the end, or to what ended it before."""
    working = asyncio.create_task(planner.work(workers))
    watching = asyncio.create_task(Observer(observe, planner.progress).watch())
    asked = asyncio.create_task(stopper.asked()) if stopper else None
    error: BatchpatchError | None = None
    try:
        await asyncio.wait({working, asked or working}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
        else:
            client.stop_sending()
    except* BatchpatchError as group:
        error = first_of(group)
    finally:
        tasks = [task for task in (working, asked, watching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if error is not None and not planner.lines:
        raise error
    if error is not None:
        return Stop(error.exit_code, str(error))
    return stopper.stop if stopper else None


def _report(
    planner: PlanJob,
    identity: Identity,
    region: str,
    limit: int | None,
    out: Path,
    reader: Reader,
    client: GenesysClient,
    stop: Stop | None,
) -> PlanReport:
    counts = planner.counts
    failed = sum(n for word, n in counts.items() if word != "planned" and not _made_it(word))
    allowance = attempt_to_show("The allowance", client.allowance)
    if allowance is None and limit is not None:
        allowance = Allowance(limit)
    return PlanReport(
        identity=identity,
        region=region,
        requests_per_min=limit,
        out=out,
        rows=reader.rows,
        participants=planner.lines,
        unchanged=counts[Outcome.UNCHANGED] + counts[Outcome.SUPERSEDED],
        unattempted=reader.rows - counts.total(),
        failed=failed,
        ended=planner.ended,
        changes=planner.changes,
        reasons=attempt_to_show("The reasons", planner.reasons.most_common) or [],
        requests=client.requests,
        allowance=allowance,
        elapsed_s=round(planner.elapsed_s, 3),
        exit_code=stop.exit_code if stop else int(failed > 0),
        stopped_because=stop.because if stop else None,
    )


def _made_it(word: str) -> bool:
    return Outcome(word).made_it
