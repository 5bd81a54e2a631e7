"""Live feeding: rows that somebody waits for, on their way to the patch queue.

They do not wait for a look-up of somebody else's conversation, and not for company either; rows of
one conversation keep their order in any case.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from batchpatch.finding.finder import READS_AT_ONCE
from batchpatch.genesys.rate_limit.admission import MOST_WAITING
from batchpatch.model import Batch, InvalidRow, Row
from batchpatch.pipeline.feeding import Feeder
from batchpatch.pipeline.look_ups import Deadlines, LookUpQueue, is_urgent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.pipeline.feeding import RowSource
    from batchpatch.pipeline.patch_queue import PatchQueue

MOST_BEHIND = 50_000
"""Rows that wait for a look-up, at most: then the source is read no further."""
BEGINNING_S = 0.005
"""From its beginning a look-up takes less, by far, until it waits for its permit."""


class LiveFeeder(Feeder):
    """Feeds rows that somebody waits for: only those of a conversation wait for its look-up."""

    def __init__(self, source: RowSource, queue: PatchQueue, **parts: Any) -> None:
        """As `Feeder`."""
        super().__init__(source, queue, **parts)
        self._behind: dict[str, dict[int, Row]] = {}
        """By conversation that is being looked up, or is to be: its rows by number, in order."""
        self._where: dict[int, str] = {}
        """By number of a row that waits behind a look-up: its conversation."""
        self._looking: dict[int, Row] = {}
        """By number, the rows whose look-up is under way."""
        self._to_find = LookUpQueue()
        self._deadlines = Deadlines()
        self._beginning = 0
        self._changed = asyncio.Event()
        """There is something to find, or nothing is left to be."""

    async def feed(self) -> None:
        """As `Feeder`, with look-ups going on beside."""
        async with asyncio.TaskGroup() as group:
            finding = [group.create_task(self._keep_finding()) for _ in range(READS_AT_ONCE)]
            await super().feed()
            for task in finding:
                task.cancel()

    async def _finish(self) -> None:
        while self._behind:
            await self._change()

    async def _put(self, batch: Batch) -> None:
        # However many more are at hand: a row waits for company only where it has to wait anyway.
        await super()._put(batch._replace(idle=True))

    async def _pass_on(self, batch: Batch) -> None:
        # Whoever waits is told of each of them, of the invalid ones too: they are not taken back.
        self.anything_to_send = self.anything_to_send or bool(batch.rows)
        straight = [r for r in batch.rows if isinstance(r, InvalidRow) or not self._waits(r)]
        await self._put(batch._replace(rows=straight))
        while len(self._where) + len(self._looking) >= MOST_BEHIND:
            await self._change()

    def drop(self, numbers: Iterable[int]) -> list[Row]:
        """As `Feeder`: those that wait for a look-up, or whose look-up is under way."""
        dropped = []
        for number in numbers:
            self.rows = max(self.rows, number)  # it will have a line, so it counts as read
            if number in self._looking:
                dropped.append(self._looking.pop(number))
            if (conversation := self._where.pop(number, None)) is None:
                continue
            behind = self._behind[conversation]
            dropped.append(behind.pop(number))
            if not behind and conversation in self._to_find:
                self._to_find.discard(conversation)
                del self._behind[conversation]
        if dropped:
            self._tell()
        return dropped

    def expire(self, now_s: float) -> list[Row]:
        """As `Feeder`: what is too late is told so then, not when its conversation was read."""
        return self.drop(self._deadlines.passed(now_s))

    def _waits(self, row: Row) -> bool:
        """True for a row that is to be found, and for any behind such a one; it waits then."""
        if not row.names:
            return False  # it asks for nothing, whoever else is being found, and is told so
        conversation = row.conversation_id
        behind = self._behind.get(conversation)
        if behind is None:
            if not self._finder.has_to_look(row):
                return False
            self._behind[conversation] = behind = {}
            self._to_find.add(conversation)
            self._tell()
        if is_urgent(row):
            self._to_find.hurry(conversation)
        self._deadlines.note(row)
        behind[row.number] = row
        self._where[row.number] = conversation
        return True

    async def _keep_finding(self) -> None:
        while True:
            turns = self._finder.turns
            if not self._to_find:
                await self._change()
            elif turns is None:
                await self._find_all(self._to_find.take(self._share))
            elif turns.crowded:
                await turns.room()  # what is not asked for yet can be given up, and overtaken
            elif self._beginning >= MOST_WAITING:
                await asyncio.sleep(BEGINNING_S)
            else:
                self._begin()
                await self._find_all(self._to_find.take(1))

    def _begin(self) -> None:
        """Count a look-up that is on its way to those that wait, and not seen among them yet."""
        self._beginning += 1
        asyncio.get_running_loop().call_later(BEGINNING_S, self._begun)

    def _begun(self) -> None:
        self._beginning -= 1

    @property
    def _share(self) -> int:
        """All that there is is shared out, so that many take few requests."""
        return -(-len(self._to_find) // READS_AT_ONCE)

    async def _find_all(self, conversations: list[str]) -> None:
        rows: dict[int, Row] = {}
        for one in conversations:
            rows |= self._behind[one]
            self._behind[one] = {}
        for number in rows:
            del self._where[number]
        self._looking |= rows
        await self._find(Batch(list(rows.values()), self.rows, idle=True))
        for one in conversations:
            if self._behind[one]:  # more have come meanwhile
                self._to_find.add(one)
                if any(is_urgent(row) for row in self._behind[one].values()):
                    self._to_find.hurry(one)
            else:
                del self._behind[one]
        self._tell()

    def _without_dropped(self, found: Batch) -> Batch:
        rows = [row for row in found.rows if row.number in self._looking]
        for row in rows:
            self._looking.pop(row.number, None)  # one that means several is found several times
        return found._replace(rows=rows)

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _change(self) -> None:
        await self._changed.wait()
