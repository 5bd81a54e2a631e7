"""The patch queue: where the reader, the window and the workers wait for each other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from batchpatch.genesys.rate_limit.admission import Admission
    from batchpatch.merging.window import Window
    from batchpatch.model import Patch, Row


class PatchQueue:
    """A window that tasks can wait at. Belongs to one event loop.

    One task puts rows in and says when no more come; any number take patches out and give each
    back when its lines are in the writer's buffer.
    """

    def __init__(
        self,
        window: Window,
        *,
        admission: Admission | None = None,
        drop: Callable[[list[Row]], None] | None = None,
    ) -> None:
        """Nothing waits yet.

        Args:
            window: where rows wait.
            admission: asked before a patch leaves the window; None lets any leave.
            drop: gets the rows that leave it in no patch.
        """
        self._window = window
        self._admission = admission
        self._drop = drop
        self._room = asyncio.Event()
        self._patch = asyncio.Event()
        self._draining = False
        self._ended = False
        self._closed = False

    async def put(self, rows: list[Row], *, idle: bool) -> None:
        """Let rows wait; returns when there is room for more.

        The window takes them all, for a batch of a file is small beside the usual one. Of a batch
        that is larger than the window, only so many as there is room for, again and again; but not
        where rows are idle, which wait for nothing here.

        Args:
            rows: in input order.
            idle: no more rows are at hand, so what waits need not wait for company.
        """
        if len(rows) > self._window.most_rows and not idle:
            rows = await self._put_most(rows)
        self._add(rows, idle=idle)
        await self._wait_for_room()

    async def _put_most(self, rows: list[Row]) -> list[Row]:
        """Let so many rows wait, in turn, that there is room for the others: these."""
        window, at = self._window, 0
        while len(rows) - at > (room := max(1, window.most_rows - window.rows)):
            self._add(rows[at : at + room], idle=False)
            at += room
            try:
                await self._wait_for_room()
            except asyncio.CancelledError:
                self._add(rows[at:], idle=False)  # they count as read, so they must not vanish
                raise
            if self._closed:
                break
        return rows[at:]

    def _add(self, rows: list[Row], *, idle: bool) -> None:
        for row in rows:
            self._window.add(row)
        self._record_dropped()
        self._draining = idle
        if rows or idle:  # of what is settled already nothing comes, batch after batch
            self._wake()

    async def _wait_for_room(self) -> None:
        while self._window.full and not self._closed:
            self._room.clear()
            await self._room.wait()

    def end(self) -> None:
        """No more rows: what waits may leave."""
        self._ended = True
        self._wake()

    def close(self) -> None:
        """Hand out nothing more, whatever waits."""
        self._closed = True
        self._wake()
        self._room.set()

    async def take(self) -> Patch | None:
        """The next patch, when one may leave; None when there will be none."""
        window, admission = self._window, self._admission
        while not self._closed:
            if admission is not None and admission.crowded:
                await admission.room()
                continue
            patch = window.take(flush=self._draining or self._ended)
            if window.dropped:
                self._record_dropped()
            if patch is not None:
                if not window.full:
                    self._room.set()
                return patch
            if self._ended and window.idle:
                self._wake()  # the others wait for this as well
                return None
            self._patch.clear()
            await self._patch.wait()
        return None

    def give_back(self, patch: Patch) -> None:
        """The patch is settled and recorded: its participant's next rows may leave."""
        self._window.release(patch)
        if self._ended or self._draining or self._window.full:
            self._wake()

    def expire(self, now_s: float) -> None:
        """Let those go that are of no use any more, by the clock of their deadlines."""
        self._window.expire(now_s)
        self._record_dropped()

    def drop_withdrawn(self, numbers: Iterable[int]) -> None:
        """Let those of these go that wait here, however long they would have to wait."""
        self._window.drop_withdrawn(numbers)
        self._record_dropped()

    def _record_dropped(self) -> None:
        if not self._window.dropped:
            return
        dropped, self._window.dropped = self._window.dropped, []
        if self._drop is not None:
            self._drop(dropped)
        if not self._window.full:
            self._room.set()
        self._wake()  # where that was the last of them, nobody is to wait for more

    def _wake(self) -> None:
        self._patch.set()
