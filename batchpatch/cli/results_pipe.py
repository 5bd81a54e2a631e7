"""The pipe of results: their lines to whoever reads standard output, while a run goes on.

A thread writes, because a reader may be slow, and not everything that standard output may be can
be waited for on the event loop. What is yet to be written is bounded: past that the run takes no
more rows in, and of those that it has, its window is the bound.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import sys
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from batchpatch.errors import ExitCode, SettingsError
from batchpatch.formats.result_line import encode
from batchpatch.model import Stop
from batchpatch.pipeline.job import Stream

if TYPE_CHECKING:
    from batchpatch.model import RowResult
    from batchpatch.options.run import LimitOptions
    from batchpatch.pipeline.stop import Stopper

MOST_UNREAD_BYTES = 1 << 20
"""A few thousand lines."""
_CHUNK_BYTES = 4096
"""What a pipe takes whole or not at all: what was not written is then known by the line."""
_LOOK_EVERY_S = 1.0
"""That nobody reads any more is noticed while nothing happens, too."""


class ResultsPipe:
    """Writes result lines in the order in which they are given. Belongs to one event loop."""

    def __init__(self, descriptor: int, stopper: Stopper, *, patience_s: float) -> None:
        """Write to this descriptor; ask for a stop once nobody reads there any more.

        Args:
            descriptor: to write to.
            stopper: of the run.
            patience_s: so long a reader may take nothing while the run waits for it, in seconds.
        """
        self._descriptor = descriptor
        self._stopper = stopper
        self._patience_s = patience_s
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._writing: list[bytes] = []
        self._unread_bytes = 0
        """Of both."""
        self._moved = asyncio.Event()
        self._is_awaited = False
        self._broken = False
        self._closed = False
        threading.Thread(target=self._write_all, name="batchpatch-results", daemon=True).start()

    @property
    def stream(self) -> Stream:
        """What a run is to be given."""
        return Stream(self.add, room=self.room, drain=self.drain)

    def add(self, result: RowResult) -> None:
        """Let a result be written; never waits."""
        line = encode(result)
        with self._changed:
            self._waiting.append(line)
            self._unread_bytes += len(line)
            self._changed.notify()

    async def room(self) -> None:
        """Return once what is yet to be written is not too much; or ask for a stop, and wait on."""
        while self._is_beyond(MOST_UNREAD_BYTES):
            try:
                async with asyncio.timeout(self._patience_s):
                    await self._moved.wait()
            except TimeoutError:
                self._request_stop(
                    f"Nobody has read the results for {self._patience_s:g} s (--max-outage): "
                    "standard output takes no more."
                )
                await self._moved.wait()

    async def drain(self, grace_s: float) -> int:
        """Write what is left, as long as somebody reads.

        Args:
            grace_s: a reader that takes nothing for so long takes nothing more; the next request
                of a stop ends it as well.

        Returns:
            How many lines were not written, and will not be.
        """
        urged = asyncio.create_task(self._stopper.asked_again())
        try:
            while self._is_beyond(0):
                moved = asyncio.create_task(self._moved.wait())
                first = asyncio.FIRST_COMPLETED
                await asyncio.wait({moved, urged}, timeout=grace_s, return_when=first)
                if not moved.done():
                    moved.cancel()
                    break
        finally:
            urged.cancel()
            self.close()
        return len(self._writing) + len(self._waiting)

    def close(self) -> None:
        """Begin to write nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _is_beyond(self, most_bytes: int) -> bool:
        """True where more is yet to be written, and can be; `_moved` tells of the next write."""
        with self._changed:
            if self._broken or self._unread_bytes <= most_bytes:
                return False
            self._moved.clear()
            self._is_awaited = True
            return True

    def _write_all(self) -> None:
        """The thread."""
        try:
            while chunk := self._next_chunk():
                _write(self._descriptor, chunk)
                self._note_written(len(chunk))
        except OSError as error:
            self._note_broken(error)

    def _next_chunk(self) -> bytes:
        """Whole lines; none once it is closed. Raises OSError where nobody would read them."""
        while True:
            with self._changed:
                if not (self._waiting or self._closed):
                    self._changed.wait(_LOOK_EVERY_S)
                if self._closed:
                    return b""
                if self._waiting:
                    return self._take_chunk()
            if _is_unread(self._descriptor):
                raise OSError(errno.EPIPE, "Nobody reads it")

    def _take_chunk(self) -> bytes:
        size = 0
        while self._waiting and (not size or size + len(self._waiting[0]) <= _CHUNK_BYTES):
            size += len(self._waiting[0])
            self._writing.append(self._waiting.popleft())
        return b"".join(self._writing)

    def _note_written(self, size: int) -> None:
        with self._changed:
            self._writing.clear()
            self._unread_bytes -= size
            self._tell()

    def _note_broken(self, error: OSError) -> None:
        with self._changed:
            self._broken = True
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._ask_for_stop, error)
            self._tell()

    def _tell(self) -> None:
        if self._is_awaited:
            self._is_awaited = False
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._moved.set)

    def _ask_for_stop(self, error: OSError) -> None:
        because = "Nobody reads the results any more: standard output was closed."
        if error.errno != errno.EPIPE:
            because = f"The results cannot be written to standard output: {error.strerror}."
        self._request_stop(because)

    def _request_stop(self, because: str) -> None:
        stop = Stop(ExitCode.STOPPED, because)
        if self._stopper.is_asked:  # another request would leave what is in flight
            self._stopper.record(stop)
        else:
            self._stopper.request(stop)


def results_to_stdout(stopper: Stopper, limits: LimitOptions) -> Stream:
    """What a run is to be given so that its results go there, as long as somebody reads them."""
    return ResultsPipe(sys.stdout.fileno(), stopper, patience_s=limits.max_outage_s).stream


def refuse_closed_stdout() -> None:
    """Raise SettingsError where the process was started without a standard output."""
    if sys.__stdout__ is None:
        raise SettingsError("--results - writes to standard output, which is closed.")


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:  # whoever shares it has made it so
            select.select([], [descriptor], [])


def _is_unread(descriptor: int) -> bool:
    """True for a pipe that nobody can read any more, where the system tells."""
    if not hasattr(select, "poll"):  # Windows
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(what & (select.POLLERR | select.POLLHUP) for _, what in poll.poll(0))
