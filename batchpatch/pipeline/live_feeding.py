"""Live feeding: rows that somebody waits for, on their way to the patch queue.

They do not wait for a look-up of somebody else's conversation, and not for company either; rows of
one conversation keep their order in any case.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from batchpatch.finding.finder import READS_AT_ONCE
from batchpatch.model import Batch, InvalidRow, Row
from batchpatch.pipeline.feeding import Feeder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.pipeline.feeding import RowSource
    from batchpatch.pipeline.patch_queue import PatchQueue

MOST_BEHIND = 50_000
"""Rows that wait for a look-up, at most: then the source is read no further."""


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
        self._to_find: OrderedDict[str, None] = OrderedDict()
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
                del self._to_find[conversation], self._behind[conversation]
        if dropped:
            self._tell()
        return dropped

    def _waits(self, row: Row) -> bool:
        """True for a row that is to be found, and for any behind such a one; it waits then."""
        conversation = row.conversation_id
        behind = self._behind.get(conversation)
        if behind is None:
            if not self._finder.has_to_look(row):
                return False
            self._behind[conversation] = behind = {}
            self._to_find[conversation] = None
            if row.context is not None and row.context.urgent:
                self._to_find.move_to_end(conversation, last=False)
            self._tell()
        behind[row.number] = row
        self._where[row.number] = conversation
        return True

    async def _keep_finding(self) -> None:
        while True:
            while not self._to_find:
                await self._change()
            # All that there is is shared out, so that many take few requests.
            share = -(-len(self._to_find) // READS_AT_ONCE)
            conversations = [self._to_find.popitem(last=False)[0] for _ in range(share)]
            await self._find_all(conversations)

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
                self._to_find[one] = None
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
