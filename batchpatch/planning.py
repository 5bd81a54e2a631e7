"""The online dry run: finds, reads and compares as a run would, and writes nothing but a plan."""

from __future__ import annotations

import asyncio
from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import BatchpatchError, SettingsError, first_of
from batchpatch.finding.finder import Finder
from batchpatch.flow import Flow
from batchpatch.genesys.allowance import Allowance
from batchpatch.genesys.conversations import Conversation
from batchpatch.genesys.organization import Identity, read_identity, read_requests_per_min
from batchpatch.genesys.reads import ConversationReads
from batchpatch.genesys.regions import region_of
from batchpatch.merging.window import Window
from batchpatch.model import FailureReason, InvalidRow, Outcome, Progress, Row
from batchpatch.opening import open_for
from batchpatch.reading.background import BackgroundReader
from batchpatch.reading.reader import Reader
from batchpatch.recording.plans import PlanFile, PlanLine
from batchpatch.recording.settlement import of_patch, of_unsent
from batchpatch.recording.summary import ReasonCount, Stop
from batchpatch.sending import verdicts
from batchpatch.sending.comparing import Recent, Send, compare
from batchpatch.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from batchpatch.genesys.client import GenesysClient
    from batchpatch.genesys.credentials import Account
    from batchpatch.model import Patch, PatchOutcome
    from batchpatch.stopping import Stopper

BEFORE_AGE_S = 60.0
"""A conversation is read once for all its rows, which mostly stand near each other."""
OBSERVE_EVERY_S = 0.25
SHOWN = 20


class Change(NamedTuple):
    """What one participant would see changed; holds values, for the screen and not for a log."""

    conversation_id: str
    participant_id: str
    purpose: str
    before: dict[str, str | None]
    attributes: dict[str, str]


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


class _Planner:
    """Rows from the reader to the lines of the plan, in the order in which patches would leave."""

    def __init__(
        self,
        reader: Reader,
        file: PlanFile,
        *,
        client: GenesysClient,
        settings: Settings,
        organisation: str,
        region: str,
    ) -> None:
        self._reader = reader
        self._file = file
        self._client = client
        self._organisation = organisation
        self._region = region
        self._reads = ConversationReads(client, lookup_batch=settings.find.lookup_batch)
        self._finder = Finder(self._reads, settings.find)
        self._flow = Flow(Window(settings.merge))
        self._recent = Recent()
        self._early: dict[int, PlanLine | None] = {}
        """By number of the patch: what is settled while an earlier one is not."""
        self._written = 0
        self._began_s = monotonic()
        self.counts: Counter[str] = Counter()
        self.lines = self.ended = 0
        self.changes: list[Change] = []
        self.reasons = ReasonCount()

    async def work(self, workers: int) -> None:
        """Plan all rows."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._feed())
            for _ in range(workers):
                group.create_task(self._work())

    async def _feed(self) -> None:
        source = BackgroundReader(self._reader)
        try:
            while (batch := await source.next()) is not None:
                found = await self._finder.find(batch)
                wanted = [row for row in found.rows if isinstance(row, Row) and row.names]
                for row in found.rows:
                    if isinstance(row, InvalidRow) or not row.names:
                        self._count_unsent(row)
                await self._flow.put(wanted, starved=found.starved)
        finally:
            source.stop()
            self._flow.end()

    def _count_unsent(self, row: Row | InvalidRow) -> None:
        result = of_unsent(row, sources=self._reader.names, at="")
        self.counts[result.outcome] += 1
        if not result.outcome.made_it:
            self.reasons.add(result)

    async def _work(self) -> None:
        while (patch := await self._flow.take()) is not None:
            line, outcome = await self._planned(patch)
            if outcome is not None:
                for result in of_patch(patch, outcome, sources=self._reader.names, at=""):
                    self.counts[result.outcome] += 1
                    if not result.outcome.made_it:
                        self.reasons.add(result)
            else:
                self.counts["planned"] += len(patch.rows)
            self._emit(patch.number, line)
            self._flow.give_back(patch)

    async def _planned(self, patch: Patch) -> tuple[PlanLine | None, PatchOutcome | None]:
        conversation = await self._reads.read(patch.conversation_id, max_age_s=BEFORE_AGE_S)
        if not isinstance(conversation, Conversation):
            return None, verdicts.unread(conversation)
        participant = conversation.participant(patch.participant_id)
        if participant is None:
            return None, verdicts.not_in_conversation(conversation)
        verdict = compare(
            patch,
            self._recent.overlay(patch, participant.attributes or {}),
            expected=None,
            guard=False,
            skip_unchanged=True,
        )
        if not isinstance(verdict, Send):
            return None, verdict.outcome
        self._recent.accepted(patch)
        if len(self.changes) < SHOWN:
            self.changes.append(Change(*patch.rows[0][3:5], participant.purpose, *verdict[::-1]))
        flags = ("ended",) if conversation.ended else ()
        return PlanLine(
            conversation_id=patch.conversation_id,
            participant_id=patch.participant_id,
            attributes=verdict.attributes,
            before=verdict.before,
            organisation=self._organisation,
            region=self._region,
            flags=flags,
        ), None

    def _emit(self, number: int, line: PlanLine | None) -> None:
        """Write what can be written in order."""
        self._early[number] = line
        while self._written + 1 in self._early:
            self._written += 1
            if (ready := self._early.pop(self._written)) is not None:
                self._file.add(ready)
                self.lines += 1
                self.ended += "ended" in ready.flags

    def progress(self) -> Progress:
        """How far it is."""
        return Progress(
            rows_read=self._reader.rows,
            outcomes=dict(self.counts),
            settled_before=0,
            requests=self._client.requests,
            throttled=self._client.throttled,
            waiting_for=self._client.waiting_for,
            elapsed_s=monotonic() - self._began_s,
            rows_expected=self._reader.rows_expected,
        )


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
        observe: called a few times a second.

    Raises:
        InputError: an input cannot be used as a whole.
        SettingsError: `out` is there already, or the platform does not say whose token this is.
        AccessError: the token may not read conversations.
        RecordError: the plan cannot be written.
    """
    settings = settings or Settings()
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
            planner = _Planner(
                reader,
                file,
                client=client,
                settings=settings,
                organisation=identity.organisation,
                region=region,
            )
            stop = await _worked(planner, settings.connect.concurrency, client, stopper, observe)
        return _report(planner, identity, region, limit, out, reader, client, stop)


async def _worked(
    planner: _Planner,
    workers: int,
    client: GenesysClient,
    stopper: Stopper | None,
    observe: Callable[[Progress], None] | None,
) -> Stop | None:
    """Plan to the end, or to what ended it before."""
    working = asyncio.create_task(planner.work(workers))
    beside = [asyncio.create_task(_observe(planner, observe))] if observe else []
    asked = asyncio.create_task(stopper.asked()) if stopper else None
    error: BatchpatchError | None = None
    try:
        await asyncio.wait({working, asked or working}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
        else:
            client.drain()
    except* BatchpatchError as group:
        error = first_of(group)
    finally:
        tasks = [task for task in (working, asked, *beside) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if error is not None and not planner.lines:
        raise error
    if error is not None:
        return Stop(error.exit_code, str(error))
    return stopper.stop if stopper else None


async def _observe(planner: _Planner, observe: Callable[[Progress], None]) -> None:
    while True:
        observe(planner.progress())
        await asyncio.sleep(OBSERVE_EVERY_S)


def _report(
    planner: _Planner,
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
    allowance = client.allowance()
    if allowance is None and limit is not None:
        allowance = Allowance(limit)
    progress = planner.progress()
    return PlanReport(
        identity=identity,
        region=region,
        requests_per_min=limit,
        out=out,
        rows=reader.rows,
        participants=planner.lines,
        unchanged=counts[Outcome.UNCHANGED] + counts[Outcome.SUPERSEDED],
        failed=failed,
        ended=planner.ended,
        changes=planner.changes,
        reasons=planner.reasons.most_common(),
        requests=client.requests,
        allowance=allowance,
        elapsed_s=round(progress.elapsed_s, 3),
        exit_code=stop.exit_code if stop else int(failed > 0),
        stopped_because=stop.because if stop else None,
    )


def _made_it(word: str) -> bool:
    return Outcome(word).made_it
