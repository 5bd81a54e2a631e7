"""The lines of a request's body, read ahead: a client may send all of it before it listens."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Self

from aiohttp import web

from batchpatch.errors import InputError, why_refused
from batchpatch.reading.json_framing import is_blank

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

MOST_LINE_BYTES = 1 << 20
"""A row: twice what the platform takes in a request."""
MOST_AHEAD_BYTES = 16 << 20
"""Read and not taken yet. Beyond it a client waits, which one that does not read its answers
before it has sent everything does for ever; so it holds 20,000 rows and more."""
TOO_LONG = f"A row is at most {MOST_LINE_BYTES:,} bytes of JSON."
UNREADABLE = "The body is not what its headers say (Content-Encoding, Transfer-Encoding)."
LOOK_EVERY_S = 0.02


class Lines:
    """An async iterator of the lines that are not blank."""

    def __init__(self, *, is_full: Callable[[], bool]) -> None:
        """`is_full` tells that no more rows are to be taken for now."""
        self._is_full = is_full
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()
        self._over = False
        self._error: Exception | None = None
        self.cut_short: str | None = None
        """Why not all lines were taken."""

    @classmethod
    @asynccontextmanager
    async def of(cls, request: web.Request, *, is_full: Callable[[], bool]) -> AsyncIterator[Self]:
        """The lines of a request, read for as long as this lasts."""
        lines = cls(is_full=is_full)
        reading = asyncio.create_task(lines._read(request))
        try:
            yield lines
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    def end(self, because: str) -> None:
        """Give no more lines, whatever comes."""
        self.cut_short = because
        self._changed.set()

    async def _read(self, request: web.Request) -> None:
        rest = b""
        try:
            async for chunk in request.content.iter_any():
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    self._add(line)
                _refuse_long(rest)
                while self._bytes > MOST_AHEAD_BYTES:
                    self._changed.clear()
                    await self._changed.wait()
            self._add(rest)
        except InputError as error:
            self._error = error
        except web.RequestPayloadError:
            self._error = InputError(UNREADABLE)
        except OSError as error:
            self._error = InputError(f"The body broke off ({why_refused(error)}).")
        finally:
            self._over = True
            self._changed.set()

    def _add(self, line: bytes) -> None:
        _refuse_long(line)
        if not is_blank(line):
            self._lines.append(line)
            self._bytes += len(line)
            self._changed.set()

    def __aiter__(self) -> Self:
        """Itself."""
        return self

    async def __anext__(self) -> bytes:
        """The next line. Raises InputError where there is something wrong with the body."""
        while self.cut_short is None:
            if self._lines and not self._is_full():
                line = self._lines.popleft()
                self._bytes -= len(line)
                self._changed.set()
                return line
            if self._lines:
                await asyncio.sleep(LOOK_EVERY_S)  # until others have had their results
            elif self._error is not None:
                raise self._error
            elif self._over:
                break
            else:
                self._changed.clear()
                await self._changed.wait()
        raise StopAsyncIteration


def _refuse_long(line: bytes) -> None:
    if len(line) > MOST_LINE_BYTES:
        raise InputError(TOO_LONG)
