"""Connections: how long they wait for a byte, and with how many timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import SocketTimeoutError
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.genesys.connector import Connection

RunVirtual = Callable[[Any], Any]

READ_S = 10.0
ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


class Open(asyncio.Transport):
    """A transport to nobody."""

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""

    def pause_reading(self) -> None:
        """Nobody writes."""

    def resume_reading(self) -> None:
        """Nobody writes."""


def connected() -> Connection:
    connection = Connection(asyncio.get_running_loop())
    connection.connection_made(Open())
    return connection


def ask(connection: Connection) -> None:
    """As aiohttp does for each request, once its last byte has left."""
    connection.set_response_params(read_timeout=READ_S)
    connection.start_timeout()


def timers(loop: asyncio.AbstractEventLoop) -> int:
    """Timers that somebody still waits for."""
    return sum(not handle.cancelled() for handle in loop._scheduled)  # type: ignore[attr-defined]


SHORT_OR_LONG_S = st.floats(0.1, READ_S - 0.1) | st.floats(READ_S + 0.1, 3 * READ_S)


@given(st.lists(SHORT_OR_LONG_S, min_size=1, max_size=6))
def test_a_silence_is_timed_from_the_last_byte(run_virtual: RunVirtual, waits: list[float]) -> None:
    """One timer that looks back has to be as good as one that is made anew with every byte."""

    async def run() -> tuple[float | None, float | None]:
        loop, connection = asyncio.get_running_loop(), connected()
        ask(connection)
        head = iter(ANSWER)
        expected_s = None
        for wait_s in waits:
            silent_since_s = loop.time()
            await asyncio.sleep(wait_s)
            if wait_s > READ_S:
                expected_s = silent_since_s + READ_S
                break
            connection.data_received(bytes([next(head)]))
        else:
            expected_s = loop.time() + READ_S
        found_s = None
        try:
            await connection.read()
        except SocketTimeoutError:
            found_s = loop.time()
        return expected_s, found_s

    expected_s, found_s = run_virtual(run())
    assert found_s is not None
    assert found_s >= expected_s
    if max(waits) <= READ_S:
        assert found_s - expected_s < 0.01


def test_a_connection_has_one_timer_however_many_requests(run_virtual: RunVirtual) -> None:
    """Two timers a request, made and cancelled, cost as much as encoding it. This fails where a
    release of aiohttp starts its own again."""

    async def run() -> int:
        loop, connection, made = asyncio.get_running_loop(), connected(), []
        call_at = loop.call_at
        loop.call_at = lambda *what, **how: made.append(1) or call_at(*what, **how)  # type: ignore[method-assign]
        for _ in range(1000):
            ask(connection)
            connection.data_received(ANSWER)
            await connection.read()
        return len(made)

    assert run_virtual(run()) == 1


def test_a_connection_that_nobody_asks_never_times_out(run_virtual: RunVirtual) -> None:
    """It waits in the pool, which may be for long, and is of use afterwards."""

    async def run() -> BaseException | None:
        connection = connected()
        ask(connection)
        connection.data_received(ANSWER)
        await connection.read()
        await asyncio.sleep(100 * READ_S)
        return connection.exception()

    assert run_virtual(run()) is None


def test_a_lost_connection_leaves_no_timer(run_virtual: RunVirtual) -> None:
    """A server that closes each connection would otherwise leave one for every request."""

    async def run() -> int:
        loop, connection = asyncio.get_running_loop(), connected()
        ask(connection)
        before = timers(loop)
        connection.connection_lost(None)
        connection.exception()
        return before - timers(loop)

    assert run_virtual(run()) == 1


def test_it_stands_on_what_aiohttp_has() -> None:
    """The methods that it takes the place of, which are aiohttp's own affair."""
    for name in ("_reschedule_timeout", "_drop_timeout", "_on_read_timeout"):
        assert any(name in vars(kind) for kind in Connection.__mro__[1:]), name
    assert issubclass(Connection, BaseProtocol)
