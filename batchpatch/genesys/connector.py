"""A connector whose connections bound what comes ahead of an answer, and time their reads cheaply.

What comes before an answer, `100 Continue` after `100 Continue` or header after header, aiohttp
would take for as long as the request may last, which is gigabytes. A body has bounds of its own.

And its read timeout is a timer that is cancelled and made anew twice in each request: as much work
as encoding the request. Here each connection keeps one timer. Bytes only note the time; the timer
looks at it when it fires, and goes on for what is left.
"""

from __future__ import annotations

import asyncio
import math
from functools import partial
from typing import Any

from aiohttp import TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

MOST_BYTES = 256 * 1024
"""Of all that comes ahead of a body; the platform's heads have some 2 kB."""


class Connection(ResponseHandler):
    """The protocol of a connection, which breaks off an answer whose head does not end.

    Where a release of aiohttp names its own methods otherwise, its own read timeout is back, which
    does the same; a test tells.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._awaited: object = None
        """The parser of the answer whose head is awaited; each answer has its own."""
        self._headed: object = None
        """The parser of the last answer whose head has ended."""
        self._ahead_bytes = 0
        self._silent_since_s = math.inf
        """On the loop's clock; infinite while no byte is waited for."""
        self._silence_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take bytes, unless they are too many. Hot: a head mostly comes, and ends, at once."""
        super().data_received(data)
        parser = self._parser
        if parser is self._headed:
            return
        if self._buffer and not _is_ahead(self._buffer[-1][0][0].code):
            self._headed = parser
            return
        if parser is not self._awaited:
            self._awaited, self._ahead_bytes = parser, 0
        self._ahead_bytes += len(data)
        if self._ahead_bytes > MOST_BYTES and self.transport is not None:
            self.set_exception(HttpProcessingError(message="the answer's head does not end"))
            self.transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nothing comes any more."""
        super().connection_lost(exc)
        if self._silence_timer is not None:
            self._silence_timer.cancel()
            self._silence_timer = None

    def _reschedule_timeout(self) -> None:
        """A byte came, or is waited for from now on."""
        timeout_s = self.read_timeout
        if not timeout_s:
            return
        self._silent_since_s = now_s = self._loop.time()
        if self._silence_timer is None:
            self._silence_timer = self._loop.call_at(now_s + timeout_s, self._look)

    def _drop_timeout(self) -> None:
        """No byte is waited for."""
        self._silent_since_s = math.inf

    def _look(self) -> None:
        self._silence_timer, timeout_s = None, self.read_timeout
        if not timeout_s or self._silent_since_s == math.inf:
            return
        due_s = self._silent_since_s + timeout_s
        if due_s > self._loop.time():
            self._silence_timer = self._loop.call_at(due_s, self._look)
        else:
            self._on_read_timeout()


def _is_ahead(code: int) -> bool:
    """True for what is no answer yet; 101 is one."""
    return 100 <= code < 200 and code != 101


class Connector(TCPConnector):
    """Connections of that kind."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The one seam that there is; a test tells when a release of aiohttp has it no more.
        handler: type[ResponseHandler] = Connection
        self._factory = partial(handler, loop=asyncio.get_running_loop())
