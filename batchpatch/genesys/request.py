"""A request whose body leaves at once, where aiohttp would give it a task of its own.

A body goes out in a task, because one that is large may have to wait for the socket. From Python
3.12 on aiohttp begins that task eagerly; before, each body costs a task, two turns of the event
loop and a callback, which is a twentieth of all that a PATCH costs. A small one never waits.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.http import StreamWriter

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientResponse
    from aiohttp.connector import Connection

MOST_BYTES = 1 << 16
"""Of a body that leaves at once: up to here aiohttp writes without asking whether it may."""

_TRIED = ("3.14.",)
"""Releases of aiohttp whose `send` is known to do the same as ours."""


class DirectRequest(ClientRequest):
    """A request that writes a small body itself."""

    async def send(self, conn: Connection) -> ClientResponse:
        """Write the request; the answer is yet to be read."""
        protocol, body, response_class = conn.protocol, self._body, self.response_class
        if (
            protocol is None
            or response_class is None
            or not body
            or (body.size or MOST_BYTES) >= MOST_BYTES
            or protocol.writing_paused
            or self.proxy
            or self._continue is not None
            or self._traces
        ):
            return await super().send(conn)
        writer = StreamWriter(protocol, self.loop)
        version = self.version
        target = f"{self.method} {self.url.raw_path_qs} HTTP/{version.major}.{version.minor}"
        await writer.write_headers(target, self.headers)
        await self.write_bytes(writer, conn, body.size)
        response = response_class(
            self.method,
            self.original_url,
            writer=None,
            continue100=None,
            timer=self._timer,
            request_info=self.request_info,
            traces=self._traces,
            loop=self.loop,
            session=self._session,
            stream_writer=writer,
        )
        self.response = response  # type: ignore[assignment]  # said to be None for ever
        return response


def request_class() -> type[ClientRequest]:
    """The cheapest class of requests that is right with this Python and this aiohttp."""
    is_tried = aiohttp.__version__.startswith(_TRIED)
    return DirectRequest if is_tried and sys.version_info < (3, 12) else ClientRequest
