"""A relay in front of the sandbox: the platform goes away with it, and what it holds stays.

A sandbox that is ended forgets everything; behind this, only its clients find nobody there.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK_BYTES = 1 << 16


class Relay:
    """Passes connections on to a server. Belongs to one event loop."""

    def __init__(self, port: int) -> None:
        """`port`: where the server listens on this machine."""
        self._behind = port
        self._port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passing = asyncio.Event()
        self._passing.set()

    @property
    def url(self) -> str:
        """What clients are given."""
        return f"http://127.0.0.1:{self._port}"

    async def listen(self) -> None:
        """Be there, on the same port as before."""
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def leave(self) -> None:
        """Refuse new connections, and cut all that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._open:
            writer.transport.abort()

    def hang(self) -> None:
        """Take connections, and pass nothing on."""
        self._passing.clear()

    def go_on(self) -> None:
        """Pass on what has come meanwhile."""
        self._passing.set()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind = await asyncio.open_connection("127.0.0.1", self._behind)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, behind[1])
        self._open.update(pair)
        try:
            async with asyncio.TaskGroup() as group:
                done = pair[0].close, pair[1].close
                group.create_task(self._copy(reader, behind[1], done[1]))
                group.create_task(self._copy(behind[0], writer, done[0]))
        finally:
            self._open.difference_update(pair)

    async def _copy(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        end: Callable[[], None],
    ) -> None:
        """One way; when one side is gone, so is the other."""
        with suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                await self._passing.wait()
                writer.write(data)
                await writer.drain()
        end()
