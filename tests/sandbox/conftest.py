"""A sandbox on the test's own event loop, under a clock that only the test moves."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from batchpatch.sandbox import SandboxOptions, SandboxServer, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

CONVERSATION = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
PARTICIPANT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
# "Aladdin:open sesame", the example of RFC 7617.
BASIC = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


class ManualClock:
    """A `Clock` that stands still until `advance`."""

    def __init__(self) -> None:
        self._now_s = 1000.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._sleepers = asyncio.Semaphore(0)

    def now_s(self) -> float:
        return self._now_s

    async def sleep(self, delay_s: float) -> None:
        woken = asyncio.Event()
        self.call_later(delay_s, woken.set)
        self._sleepers.release()
        await woken.wait()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self._now_s + delay_s, next(self._order), callback))

    async def next_sleeper(self) -> None:
        """Wait until one more handler sleeps on this clock."""
        await self._sleepers.acquire()

    def advance(self, by_s: float) -> None:
        self._now_s += by_s
        while self._due and self._due[0][0] <= self._now_s:
            heapq.heappop(self._due)[2]()


class Caller:
    """A client of one sandbox that knows its routes and holds a token."""

    def __init__(self, server: SandboxServer, session: aiohttp.ClientSession) -> None:
        self.state = server.state
        self.url = server.url
        self._session = session
        self.token = ""

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | AsyncIterator[bytes] | None = None,
        **headers: str,
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request; headers are keyword arguments with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token and not path.startswith("/sandbox/"):
            named = {
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
            } | (named)
        async with self._session.request(
            method, self.url + path, data=body, headers=named
        ) as response:
            return response.status, dict(response.headers), await response.read()

    async def mint(self, *, authorization: str = BASIC, form: str = "") -> tuple[int, Any]:
        """Ask for a token and keep it where there is one."""
        form = form or "grant_type=client_credentials"
        status, _, body = await self.send(
            "POST",
            "/oauth/token",
            body=form.encode(),
            Authorization=authorization,
            Content_Type="application/x-www-form-urlencoded",
        )
        document = orjson.loads(body)
        self.token = document.get("access_token", self.token)
        return status, document

    async def patch(
        self,
        attributes: object,
        *,
        conversation: str = CONVERSATION,
        participant: str = PARTICIPANT,
        media: str = "",
    ) -> tuple[int, dict[str, str], bytes]:
        """PATCH the attributes of one participant."""
        path = f"/api/v2/conversations{media}/{conversation}/participants/{participant}/attributes"
        return await self.send("PATCH", path, body=orjson.dumps({"attributes": attributes}))

    async def stored(self) -> dict[str, dict[str, str]]:
        """What the sandbox holds: participant id to attributes."""
        _, _, body = await self.send("GET", "/sandbox/state")
        rows = [orjson.loads(line) for line in body.splitlines()]
        return {row["participantId"]: row["attributes"] for row in rows}

    async def stats(self) -> dict[str, Any]:
        """The sandbox's counts."""
        _, _, body = await self.send("GET", "/sandbox/stats")
        stats: dict[str, Any] = orjson.loads(body)
        return stats


@pytest.fixture
def clock() -> ManualClock:
    """The clock of every sandbox that the test starts."""
    return ManualClock()


@pytest_asyncio.fixture
async def start(clock: ManualClock) -> AsyncIterator[Callable[..., Awaitable[Caller]]]:
    """Start a sandbox with the given options; its caller has a token unless told otherwise."""
    async with AsyncExitStack() as stack:

        async def start_one(*, minted: bool = True, **options: Any) -> Caller:
            server = await stack.enter_async_context(
                running(SandboxOptions(**options), clock=clock)
            )
            session = await stack.enter_async_context(aiohttp.ClientSession())
            caller = Caller(server, session)
            if minted:
                await caller.mint()
            return caller

        yield start_one
