"""Reads in a daemon thread, so that a blocked standard input never holds the exit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.model import Batch


BATCHES_AHEAD = 4


class BackgroundReader:
    """An async source of the batches that an iterable makes in a thread of its own.

    The thread is at most `BATCHES_AHEAD` batches ahead. What the iterable raises is raised by
    `next` once the batches before it have been taken.
    """

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._batches = batches
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Batch | BaseException | None] = asyncio.Queue()
        self._room = threading.Semaphore(BATCHES_AHEAD)
        self._stopped = False
        self._thread = threading.Thread(target=self._read, name="batchpatch-reader", daemon=True)
        self._thread.start()

    async def next(self) -> Batch | None:
        """The next batch; None at the end of the input.

        Raises:
            InputError: the input cannot be used, or turned bad here.
        """
        item = await self._queue.get()
        self._room.release()
        if isinstance(item, BaseException):
            raise item
        return item

    def stop(self) -> None:
        """Read no further. A thread that waits for bytes is left behind, and dies with us."""
        self._stopped = True
        self._room.release()

    def _read(self) -> None:
        end: BaseException | None = None
        batches = iter(self._batches)
        try:
            for batch in batches:
                if not self._hand_over(batch):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again by next()
            end = error
        finally:
            if isinstance(batches, Generator):
                batches.close()  # and with it the file
        self._hand_over(end)

    def _hand_over(self, item: Batch | BaseException | None) -> bool:
        self._room.acquire()
        if self._stopped:
            return False
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
        except RuntimeError:  # the loop is closed: nobody waits for rows any more
            return False
        return True
