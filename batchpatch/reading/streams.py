"""Streams that may block: read in a daemon thread, and copied by a tee as they are read."""

from __future__ import annotations

import asyncio
import errno
import io
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from batchpatch.model import Batch

_CHUNK_BYTES = 1 << 16
"""As much as a pipe holds."""


class Tee:
    """A tee in one stream, whichever threads read it: the copy has its bytes in their order.

    Once the copy could not be written, nothing more is read: it must not get a hole.
    """

    def __init__(
        self, write: Callable[[bytes], None], *, ended: Callable[[], None] | None = None
    ) -> None:
        """`write` gets the bytes before the reader does, `ended` is called once at their end."""
        self._write = write
        self._ended = ended
        self._raw: io.RawIOBase | None = None
        self._reading = threading.Lock()
        self._attaching = threading.Lock()
        self._failure: Exception | None = None
        self._closed = threading.Event()
        self.copied_bytes = 0
        self.at_end = False
        """The stream was read to its end, and copied."""

    @property
    def attached(self) -> bool:
        """The stream was opened."""
        return self._raw is not None

    @property
    def is_typed(self) -> bool:
        """The stream is a terminal, at which somebody types it."""
        return self._raw is not None and not self._raw.closed and self._raw.isatty()

    def attach(self, raw: io.RawIOBase) -> io.RawIOBase:
        """What to read instead of `raw`, which is the tee's to close. The first one stays."""
        with self._attaching:
            if self._raw is None:
                self._raw = raw
            else:
                raw.close()
            return _Outlet(self, self._raw)

    def read(self, most_bytes: int = _CHUNK_BYTES) -> bytes:
        """Some bytes, once they are copied; none at the end.

        Raises:
            OSError: the stream cannot be read.
            Exception: what `write` or `ended` raised, now or before.
        """
        assert self._raw is not None  # noqa: S101 - there is nothing to read before `attach`
        with self._reading:
            if self._failure is not None:
                raise self._failure
            if self._closed.is_set():
                self._raw.close()
                raise OSError(errno.EBADF, "It was closed")
            if self.at_end:  # of a terminal, another read would ask for more
                return b""
            try:
                data = self._raw.read(most_bytes) or b""
            finally:
                if self._closed.is_set():
                    self._raw.close()
            self._copy(data)
            return data

    def _copy(self, data: bytes) -> None:
        try:
            if data:
                self._write(data)
            elif self._ended is not None:
                self._ended()
        except Exception as error:
            self._failure = error
            raise
        self.copied_bytes += len(data)
        self.at_end = not data

    def copy_rest(self) -> None:
        """Read on to the end, or until it is closed. Raises what `read` does."""
        try:
            while self.read():
                pass
        except OSError:
            if not self._closed.is_set():
                raise

    def close(self) -> None:
        """Let go of the stream; a thread that waits for its bytes does so when they come."""
        self._closed.set()
        if self._raw is not None and self._reading.acquire(blocking=False):
            self._raw.close()
            self._reading.release()


class _Outlet(io.RawIOBase):
    """The raw stream that a reader reads; closing it leaves the tee open."""

    def __init__(self, tee: Tee, raw: io.RawIOBase) -> None:
        self._tee = tee
        self._raw = raw

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._tee.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


BATCHES_AHEAD = 4
_PASSED_OVER = 32
"""Batches of settled rows alone that are one to whoever takes them: each costs a turn of both."""


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
        empty: list[Batch] = []
        batches = iter(self._batches)
        try:
            for batch in batches:
                if not (batch.rows or batch.idle) and len(empty) < _PASSED_OVER:
                    empty.append(batch)  # whatever comes next says how far it was read
                    continue
                empty.clear()
                if not self._hand_over(batch):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again by next()
            end = error
        finally:
            if isinstance(batches, Generator):
                batches.close()  # and with it the file
        if not empty or self._hand_over(empty[-1]):
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
