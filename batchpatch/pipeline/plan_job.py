"""One plan at work: rows in, the lines of a plan out."""

from __future__ import annotations

import asyncio
from collections import Counter
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from batchpatch.finding.finder import Finder
from batchpatch.formats.plan_line import PlanLine
from batchpatch.genesys.conversations.reader import ConversationReads
from batchpatch.merging.window import Window
from batchpatch.model import Change, InvalidRow, PatchOutcome, Progress, Row
from batchpatch.pipeline.observing import attempt_to_show
from batchpatch.pipeline.patch_queue import PatchQueue
from batchpatch.reading.background_reader import BackgroundReader
from batchpatch.recording.row_results import of_patch, of_unsent
from batchpatch.recording.summary import FailureReasons
from batchpatch.sending.compare import Send, compare, look_at
from batchpatch.sending.own_writes import OwnWrites

if TYPE_CHECKING:
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.model import Patch, RowResult
    from batchpatch.options.run import Settings
    from batchpatch.reading.inputs import Reader
    from batchpatch.recording.plan_file import PlanFile


BEFORE_AGE_S = 60.0
"""A conversation is read once for all its rows, which mostly stand near each other."""


PLANNED_PARTICIPANTS = 500_000
"""Of whom it is remembered what earlier lines of the plan will have written; some 300 MB."""


SHOWN = 20


class PlanJob:
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
        self._flow = PatchQueue(Window(settings.merge))
        # Nothing of it reaches the platform, so no read will ever show it.
        self._recent = OwnWrites(believed_s=inf, participants=PLANNED_PARTICIPANTS)
        self._early: dict[int, PlanLine | None] = {}
        """By number of the patch: what is settled while an earlier one is not."""
        self._written = 0
        self._began_s = monotonic()
        self.counts: Counter[str] = Counter()
        self.lines = self.ended = 0
        self.changes: list[Change] = []
        self.reasons = FailureReasons()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return monotonic() - self._began_s

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
                        self._count(of_unsent(row, sources=self._reader.names, at=""))
                await self._flow.put(wanted, starved=found.starved)
        finally:
            source.stop()
            self._flow.end()

    def _count(self, result: RowResult) -> None:
        self.counts[result.outcome] += 1
        if not result.outcome.made_it:
            attempt_to_show("The reasons", lambda: self.reasons.add(result))

    async def _work(self) -> None:
        while (patch := await self._flow.take()) is not None:
            line, outcome = await self._planned(patch)
            if outcome is not None:
                for result in of_patch(patch, outcome, sources=self._reader.names, at=""):
                    self._count(result)
            else:
                self.counts["planned"] += len(patch.rows)
            self._emit(patch.number, line)
            self._flow.give_back(patch)

    async def _planned(self, patch: Patch) -> tuple[PlanLine | None, PatchOutcome | None]:
        seen = await look_at(self._reads, patch, max_age_s=BEFORE_AGE_S)
        if isinstance(seen, PatchOutcome):
            return None, seen
        verdict = compare(
            patch,
            self._recent.overlay(patch, seen.attributes),
            expected=None,
            guard=False,
            skip_unchanged=True,
        )
        if not isinstance(verdict, Send):
            return None, verdict.outcome
        self._recent.accepted(patch)
        if len(self.changes) < SHOWN:
            who = patch.conversation_id, patch.participant_id, seen.participant.purpose
            self.changes.append(Change(*who, verdict.before, verdict.attributes))
        flags = ("ended",) if seen.conversation.ended else ()
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
            elapsed_s=self.elapsed_s,
            rows_expected=self._reader.rows_expected,
        )
