"""Live feeding: rows that somebody waits for, on their way to the patch queue.

They do not wait for a look-up of somebody else's conversation, and not for company either; rows of
one conversation keep their order in any case.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from batchpatch.finding.finder import READS_AT_ONCE
from batchpatch.model import Batch, InvalidRow, Row
from batchpatch.pipeline.feeding import Feeder

if TYPE_CHECKING:
    from batchpatch.pipeline.feeding import RowSource
    from batchpatch.pipeline.patch_queue import PatchQueue

MOST_BEHIND = 50_000
"""Rows that wait for a look-up, at most: then the source is read no further."""


class LiveFeeder(Feeder):
    """Feeds rows that somebody waits for: only those of a conversation wait for its look-up."""

    def __init__(self, source: RowSource, queue: PatchQueue, **parts: Any) -> None:
        """As `Feeder`."""
        super().__init__(source, queue, **parts)
        self._behind: dict[str, list[Row]] = {}
        """By conversation that is being looked up, or is to be: its rows, in order."""
        self._behind_rows = 0
        self._to_find: deque[str] = deque()
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
        while self._behind_rows >= MOST_BEHIND:
            await self._change()

    def _waits(self, row: Row) -> bool:
        """True for a row that is to be found, and for any behind such a one; it waits then."""
        conversation = row.conversation_id
        behind = self._behind.get(conversation)
        if behind is None:
            if not self._finder.has_to_look(row):
                return False
            self._behind[conversation] = behind = []
            urgent = row.context is not None and row.context.urgent
            (self._to_find.appendleft if urgent else self._to_find.append)(conversation)
            self._tell()
        behind.append(row)
        self._behind_rows += 1
        return True

    async def _keep_finding(self) -> None:
        while True:
            while not self._to_find:
                await self._change()
            # All that there is is shared out, so that many take few requests.
            share = -(-len(self._to_find) // READS_AT_ONCE)
            conversations = [self._to_find.popleft() for _ in range(share)]
            await self._find_all(conversations)

    async def _find_all(self, conversations: list[str]) -> None:
        rows: list[Row | InvalidRow] = []
        for one in conversations:
            rows += self._behind[one]
            self._behind[one] = []
        await self._find(Batch(rows, self.rows, idle=True))
        self._behind_rows -= len(rows)
        for one in conversations:
            if self._behind[one]:  # more have come meanwhile
                self._to_find.append(one)
            else:
                del self._behind[one]
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _change(self) -> None:
        await self._changed.wait()
