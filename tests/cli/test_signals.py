"""Signals on the event loop: which thread they come to, and what is left when the work is over."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from batchpatch.cli.signals import handled_on, stop_numbers
from batchpatch.service.event_loop import loop_factory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The tests' own process keeps its signals."""
    before = {number: signal.getsignal(number) for number in stop_numbers()}
    yield
    for number, action in before.items():
        signal.signal(number, action)


@pytest.mark.parametrize("make_loop", [asyncio.SelectorEventLoop, loop_factory()])
def test_a_signal_that_another_thread_gets_wakes_the_loop(
    make_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """The system picks any thread of the process; a loop that sleeps must not sleep on."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()

    async def listen() -> str:
        heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        with handled_on(asyncio.get_running_loop(), heard.set_result):
            assert thread.ident is not None
            signal.pthread_kill(thread.ident, signal.SIGTERM)
            return await asyncio.wait_for(heard, timeout=20)

    try:
        with asyncio.Runner(loop_factory=make_loop) as runner:
            assert runner.run(listen()) == "SIGTERM"
    finally:
        over.set()
        thread.join()
