"""Requests that write their own body: the same bytes, and no task for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ClientRequest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.genesys.body import Body
from batchpatch.genesys.request import MOST_BYTES, DirectRequest, request_class

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
HEADERS = {"Authorization": "Bearer hush", "Content-Type": "application/json"}

is_ours = pytest.mark.skipif(
    request_class() is ClientRequest,
    reason="with this Python, or this aiohttp, the requests are aiohttp's own",
)


class Sent:
    """What requests put on the wire, and how many tasks wrote a body."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.tasks = 0

    def start(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **how: Any
    ) -> asyncio.Task[Any]:
        """As the loop itself starts tasks."""
        self.tasks += work.__name__ == "write_bytes"
        return asyncio.Task(work, loop=loop, **how)


async def send_all(bodies: Sequence[bytes | None], *kinds: type[ClientRequest]) -> list[Sent]:
    """The same requests by one kind of request after the other."""
    found = [Sent() for _ in kinds]
    taking = iter(found)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = next(taking)
        for body in bodies:
            sent.bytes += await reader.readuntil(b"\r\n\r\n")
            sent.bytes += await reader.readexactly(len(body or b""))
            writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        for kind, sent in zip(kinds, found, strict=True):
            asyncio.get_running_loop().set_task_factory(sent.start)
            async with aiohttp.ClientSession(request_class=kind) as session:
                for body in bodies:
                    url, data = f"http://127.0.0.1:{port}/a/b%20c?d", body and Body(body)
                    async with session.patch(url, data=data, headers=HEADERS) as answer:
                        assert answer.status == 202
    return found


@is_ours
@given(st.lists(st.none() | st.binary(min_size=1, max_size=300), min_size=1, max_size=4))
def test_the_wire_does_not_tell(bodies: list[bytes | None]) -> None:
    """What it takes over from aiohttp has to be what aiohttp does, to the byte."""
    theirs, ours = asyncio.run(send_all(bodies, ClientRequest, DirectRequest))
    assert ours.bytes == theirs.bytes


@is_ours
def test_a_small_body_has_no_task() -> None:
    """A task a body is a twentieth of all that a PATCH costs. Fails where aiohttp has changed."""
    theirs, ours = asyncio.run(send_all([b"x"] * 3, ClientRequest, DirectRequest))
    assert (theirs.tasks, ours.tasks) == (3, 0)


@is_ours
def test_a_large_body_has_one() -> None:
    """It may have to wait for the socket, while its answer comes already."""
    (ours,) = asyncio.run(send_all([b"x" * MOST_BYTES], DirectRequest))
    assert ours.tasks == 1
    assert ours.bytes.endswith(b"x" * MOST_BYTES)
