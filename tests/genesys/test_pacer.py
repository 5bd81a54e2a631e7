"""Permits come as the platform's windows admit them, and none while the platform has said stop."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchpatch.genesys.pacer import Pacer
from batchpatch.genesys.rate import DEFAULT_RATE, Rate
from batchpatch.genesys.replies import QuotaHeaders

RunVirtual = Callable[[Any], Any]


async def draw(pacer: Pacer, count: int, *, workers: int = 32) -> list[float]:
    """Let a pool of workers draw permits; return when each came."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    times: list[float] = []
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await pacer.permit()
            times.append(loop.time() - start_s)

    await asyncio.gather(*(work() for _ in range(workers)))
    return times


def most_in_a_window(times: list[float], window_s: float) -> int:
    """Return the largest count in any window of that length, wherever it begins."""
    times = sorted(times)
    return max(bisect_left(times, begin + window_s) - i for i, begin in enumerate(times))


@settings(max_examples=25, deadline=None)
@given(
    allowed=st.integers(3, 1500),
    window_s=st.sampled_from([10.0, 17.3, 60.0]),
    jitter_s=st.floats(0, 0.05),
    seed=st.integers(0, 2**32),
)
def test_no_window_sees_more_than_its_share(
    allowed: int, window_s: float, jitter_s: float, seed: int, run_virtual: RunVirtual
) -> None:
    """The server's windows begin when they like, and the network delays each request anew."""
    rate = Rate(allowed / window_s)
    times = run_virtual(draw(Pacer(rate), allowed * 2 + 40))
    noise = random.Random(seed)  # noqa: S311 - noise, not a key
    arrivals = [time_s + noise.uniform(0, jitter_s) for time_s in times]
    assert most_in_a_window(arrivals, window_s) <= allowed


@pytest.mark.parametrize("rate", [DEFAULT_RATE, Rate(30), Rate(500)])
def test_nearly_all_of_the_rate_is_used(rate: Rate, run_virtual: RunVirtual) -> None:
    """Caution costs 1 %, not a tenth."""
    count = int(rate.per_s * 120)
    times = run_virtual(draw(Pacer(rate), count))
    assert 120 <= max(times) * count / (count - 1) <= 120 * 1.02


def test_no_limit_takes_no_time(run_virtual: RunVirtual) -> None:
    """A sandbox without a limit runs at full speed."""
    assert max(run_virtual(draw(Pacer(None), 10_000))) < 0.01


@pytest.mark.parametrize("rate", [None, DEFAULT_RATE])
def test_a_hold_stops_everyone(rate: Rate | None, run_virtual: RunVirtual) -> None:
    """A 429 is about the token, so those who already wait for their turn wait on."""

    async def run() -> list[float]:
        pacer = Pacer(rate)
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, pacer.hold, 43.0)
        if rate is None:
            pacer.hold(43.5)
        return await draw(pacer, 100)

    times = run_virtual(run())
    assert not [time_s for time_s in times if 0.5 < time_s < 43.5]
    assert max(times) >= 43.5


def test_those_who_waited_do_not_leave_as_one(run_virtual: RunVirtual) -> None:
    """A permit kept through the hold would make a burst of the pool's size at its end."""

    async def run() -> list[float]:
        pacer = Pacer(DEFAULT_RATE)
        asyncio.get_running_loop().call_later(0.1, pacer.hold, 60.0)
        return await draw(pacer, 100)

    times = run_virtual(run())
    assert most_in_a_window([time_s for time_s in times if time_s > 60], 1.0) <= 5


def test_holds_never_shorten(run_virtual: RunVirtual) -> None:
    """Thirty-two refusals come back with thirty-two ideas of how long."""

    async def run() -> float:
        pacer = Pacer(None)
        for wait_s in (5.0, 40.0, 1.0):
            pacer.hold(wait_s)
        await pacer.permit()
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == pytest.approx(40.0, abs=0.01)


def test_a_hold_that_grows_is_waited_out(run_virtual: RunVirtual) -> None:
    """The second refusal comes while the first is being waited for."""

    async def run() -> float:
        pacer = Pacer(None)
        pacer.hold(10.0)
        asyncio.get_running_loop().call_later(9.0, pacer.hold, 20.0)
        await pacer.permit()
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == pytest.approx(29.0, abs=0.01)


def test_the_servers_limit_is_followed_where_none_was_named(run_virtual: RunVirtual) -> None:
    """Support raises limits, so the number in the answer counts, not the one in the code."""

    async def run() -> tuple[list[float], Rate | None]:
        pacer = Pacer(None)
        pacer.follow(QuotaHeaders(1, 600, 59))
        return await draw(pacer, 101), pacer.rate

    times, rate = run_virtual(run())
    assert rate == Rate(10.0)
    assert max(times) == pytest.approx(10.1, abs=0.05)


def test_waiters_take_up_a_new_limit(run_virtual: RunVirtual) -> None:
    """Who queued under the old limit is not released by it."""

    async def run() -> list[float]:
        pacer = Pacer(DEFAULT_RATE)
        asyncio.get_running_loop().call_later(1.0, pacer.follow, QuotaHeaders(1, 60, 50))
        return await draw(pacer, 40)

    times = run_virtual(run())
    assert most_in_a_window([time_s for time_s in times if time_s > 1.0], 10.0) <= 10


@pytest.mark.parametrize("rate", [Rate(2.0), None])
def test_a_limit_named_by_the_user_stays(rate: Rate | None, run_virtual: RunVirtual) -> None:
    """`--rate` is a cap that somebody chose, `none` included."""

    async def run() -> Rate | None:
        pacer = Pacer(rate, follow_server=False)
        pacer.follow(QuotaHeaders(1, 600, 59))
        return pacer.rate

    assert run_virtual(run()) == rate


def test_a_limit_of_nothing_is_not_believed(run_virtual: RunVirtual) -> None:
    """A zero in a header must not stop the run for ever."""

    async def run() -> Rate | None:
        pacer = Pacer(DEFAULT_RATE)
        pacer.follow(QuotaHeaders(0, 0, 0))
        return pacer.rate

    assert run_virtual(run()) == DEFAULT_RATE


def test_the_progress_line_can_say_what_is_waited_for(run_virtual: RunVirtual) -> None:
    """A run that stands still and does not say why looks broken."""

    async def run() -> list[str | None]:
        pacer = Pacer(DEFAULT_RATE)
        said = [pacer.waiting_for]
        pool = asyncio.ensure_future(draw(pacer, 40))
        await asyncio.sleep(0.3)
        said.append(pacer.waiting_for)
        pacer.hold(41.5)
        said.append(pacer.waiting_for)
        await pool
        return [*said, pacer.waiting_for]

    assert run_virtual(run()) == [
        None,
        "its turn at 300/min",
        "the platform's rate limit, 42 s more",
        None,
    ]


@pytest.mark.parametrize("held", [False, True])
def test_a_cancelled_wait_leaves_nothing_behind(held: bool, run_virtual: RunVirtual) -> None:
    """Stopping a run cancels the pool in the middle of its waiting."""

    async def run() -> tuple[str | None, float]:
        pacer = Pacer(DEFAULT_RATE)
        pool = asyncio.ensure_future(draw(pacer, 1000))
        await asyncio.sleep(0.5)
        if held:
            pacer.hold(2.0)
            await asyncio.sleep(1.9)
        pool.cancel()
        await asyncio.gather(pool, return_exceptions=True)
        await asyncio.sleep(1.0)
        left = pacer.waiting_for
        before_s = asyncio.get_running_loop().time()
        await pacer.permit()
        return left, asyncio.get_running_loop().time() - before_s

    left, wait_s = run_virtual(run())
    assert left is None
    assert wait_s < 0.01
