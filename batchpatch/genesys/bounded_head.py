"""A connector whose connections take so many bytes ahead of an answer, and no more.

What comes before it, `100 Continue` after `100 Continue` or header after header, aiohttp would take
for as long as the request may last, which is gigabytes. A body has bounds of its own.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from aiohttp import TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

MOST_BYTES = 256 * 1024
"""Of all that comes ahead of a body; the platform's heads have some 2 kB."""


class BoundedHandler(ResponseHandler):
    """The protocol of a connection, which breaks off an answer whose head does not end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._awaited: object = None
        """The parser of the answer whose head is awaited; each answer has its own."""
        self._headed: object = None
        """The parser of the last answer whose head has ended."""
        self._ahead_bytes = 0

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


def _is_ahead(code: int) -> bool:
    """True for what is no answer yet; 101 is one."""
    return 100 <= code < 200 and code != 101


class BoundedConnector(TCPConnector):
    """Connections of that kind."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The one seam that there is; a test tells when a release of aiohttp has it no more.
        handler: type[ResponseHandler] = BoundedHandler
        self._factory = partial(handler, loop=asyncio.get_running_loop())
