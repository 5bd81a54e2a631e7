"""A connector whose connections take so many bytes ahead of an answer, and no more.

What comes before it, `100 Continue` after `100 Continue` or header after header, aiohttp would take
for as long as the request may last, which is gigabytes. A body has bounds of its own.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

if TYPE_CHECKING:
    from aiohttp.http_parser import RawResponseMessage
    from aiohttp.streams import StreamReader

MOST_BYTES = 256 * 1024
"""Of all that comes ahead of a body; the platform's heads have some 2 kB."""


class BoundedHandler(ResponseHandler):
    """The protocol of a connection, which breaks off an answer whose head does not end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._awaits_head = True
        self._ahead_bytes = 0

    def set_response_params(self, **options: Any) -> None:
        """A request is about to be answered."""
        super().set_response_params(**options)
        self._awaits_head, self._ahead_bytes = True, 0

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """A head has ended; of an answer, or of what comes ahead of one."""
        super().feed_data(data, size)
        code = data[0].code
        self._awaits_head = 100 <= code < 200 and code != 101

    def data_received(self, data: bytes) -> None:
        """Take bytes, unless they are too many."""
        super().data_received(data)
        if self._awaits_head:
            self._ahead_bytes += len(data)
            if self._ahead_bytes > MOST_BYTES and self.transport is not None:
                self.set_exception(HttpProcessingError(message="the answer's head does not end"))
                self.transport.abort()


class BoundedConnector(TCPConnector):
    """Connections of that kind."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The one seam that there is; a test tells when a release of aiohttp has it no more.
        handler: type[ResponseHandler] = BoundedHandler
        self._factory = partial(handler, loop=asyncio.get_running_loop())
