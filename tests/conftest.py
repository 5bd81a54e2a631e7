"""What the tests of all stages share: a clock that jumps, and aioresponses made to fit aiohttp."""

from __future__ import annotations

import asyncio
import inspect
import os
import selectors
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

sys.path.insert(0, str(Path(__file__).with_name("forking")))

# Neither a deadline nor the time in which examples are made tells anything of a test: a machine has
# other work, and the first text in a fresh tree has tables of Unicode to be built for seconds.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_xdist_auto_num_workers() -> int:
    """Two workers a core: about half of the time is waiting for a server's clock."""
    return 2 * (os.cpu_count() or 1)


# Any loop that runs is a loop in which time passes. Without this, a timer that is due by less
# than a float can tell would be asked for again and again at the same instant.
_TICK_S = 1e-6


class _JumpingSelector(selectors.SelectSelector):
    """Where a real one would sleep until the next timer, it puts the clock there."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing is ready and no timer is set: this test would hang")
        self.now_s += max(timeout, _TICK_S)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose hours take milliseconds. For code that touches no network."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


@pytest.fixture(scope="session")
def run_virtual() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine in virtual time and return its result."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(coroutine)

    return run


@types.coroutine
def _cancelled_at(coroutine: Coroutine[Any, Any, Any], await_number: int) -> Any:
    """Run a coroutine in the current task, and cancel that task at its n-th suspension."""
    task = asyncio.current_task()
    assert task is not None
    inner = coroutine.__await__()
    step, argument = inner.send, None
    count = 0
    while True:
        try:
            waited_for = step(argument)
        except StopIteration as done:
            return done.value
        count += 1
        if count == await_number:
            asyncio.get_running_loop().call_soon(task.cancel)
        try:
            yield waited_for
            step, argument = inner.send, None
        except BaseException as error:  # noqa: BLE001 - it goes on to the coroutine
            step, argument = inner.throw, error


@pytest.fixture(scope="session")
def cancel_at_each_await() -> Callable[..., Any]:
    """Return a driver that cancels a coroutine at its first await, at its second, and so on.

    `scene()` sets a fresh scene and returns the coroutine to be cancelled and an async function
    that checks what is left of it. The driver returns how many awaits it has cancelled at.
    """

    async def drive(scene: Callable[[], tuple[Coroutine[Any, Any, Any], Any]]) -> int:
        for number in range(1, 1000):
            coroutine, check = scene()
            task = asyncio.ensure_future(_cancelled_at(coroutine, number))
            await asyncio.wait([task])
            await check()
            if not task.cancelled():
                await task
                return number - 1
        raise AssertionError("this coroutine does not end")

    return drive


class _FittedResponse(aiohttp.ClientResponse):
    """aioresponses 0.7 does not know `stream_writer`, which aiohttp 3.14 began to require."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:
            kwargs.setdefault("stream_writer", Mock(output_size=0))
        super().__init__(*args, **kwargs)


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[aioresponses.aioresponses]:
    """Answer every request of aiohttp's from a script, without a network."""
    monkeypatch.setattr(aioresponses.core, "ClientResponse", _FittedResponse)
    with aioresponses.aioresponses() as script:
        yield script
