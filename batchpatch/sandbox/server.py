"""The HTTP server around the sandbox: sockets, lifetime, signals, and cutting connections."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from batchpatch.sandbox.admin import PREFIX, Admin
from batchpatch.sandbox.api import Api
from batchpatch.sandbox.replies import Reply
from batchpatch.sandbox.state import SandboxState, SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from batchpatch.sandbox.options import SandboxOptions
    from batchpatch.sandbox.state import Clock

HOST = "127.0.0.1"
# The ids of a request to analytics are all in its first line: 1000 of them, commas encoded.
_LINE_BYTES = 65_536
# A request that a fault holds back must not hold back the end.
_SHUTDOWN_S = 0.1
# Linger on, for zero seconds: closing sends RST, where it would otherwise send FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class SandboxServer:
    """A running sandbox. `running` makes one."""

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        self.state = SandboxState(options, clock)
        """What it remembers; to be read and changed on its own event loop only."""
        self.url = ""
        """Base URL of the API and of the token endpoint, without a slash at its end."""
        self._api = Api(self.state)
        self._admin = Admin(self.state)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        path = request.raw_path
        if path.startswith(PREFIX):
            told = await self._admin.answer(request)
            return _response(told) if isinstance(told, Reply) else told
        answer = self._api.mint if path == "/oauth/token" else self._api.answer
        reply = await answer(request)
        return _cut(request) if reply is None else _response(reply)


def _response(reply: Reply) -> web.Response:
    response = web.Response(status=reply.status, body=reply.body, headers=reply.headers)
    if reply.body:
        response.headers["Content-Type"] = reply.content_type
    return response


def _cut(request: web.BaseRequest) -> web.Response:
    """Reset the connection. The response goes nowhere, aiohttp just wants one."""
    transport = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return web.Response()


@asynccontextmanager
async def running(
    options: SandboxOptions, *, clock: Clock | None = None
) -> AsyncIterator[SandboxServer]:
    """Run a sandbox on this event loop for as long as the context lasts.

    Raises OSError where the port is taken.
    """
    server = SandboxServer(options, clock or SystemClock())
    runner = web.ServerRunner(
        web.Server(server.handle, access_log=None, max_line_size=_LINE_BYTES),
        shutdown_timeout=_SHUTDOWN_S,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, options.port, backlog=1024).start()
        server.url = f"http://{HOST}:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


def serve(options: SandboxOptions, *, ready: Callable[[str], None] | None = None) -> None:
    """Run a sandbox until SIGINT or SIGTERM; `ready` is called with its base URL.

    Raises OSError where the port is taken.
    """
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(_serve(options, ready))


async def _serve(options: SandboxOptions, ready: Callable[[str], None] | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        # Windows has no handlers on the loop; there Ctrl-C ends it as KeyboardInterrupt.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(name, stopped.set)
    async with running(options) as server:
        if ready is not None:
            ready(server.url)
        await stopped.wait()


def _loop() -> Callable[[], Any] | None:
    """Factory of a faster event loop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - optional, and no use to those who run it in their own loop
    except ImportError:
        return None
    return uvloop.new_event_loop
