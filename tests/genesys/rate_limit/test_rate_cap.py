"""A cap that somebody has named is kept, evenly and nearly whole."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchpatch.genesys.account.credentials import Secret
from batchpatch.genesys.account.token_endpoint import Token
from batchpatch.genesys.account.tokens import ReadyToken
from batchpatch.genesys.rate_limit.limiter import RateLimiter
from batchpatch.genesys.rate_limit.token_slots import QuotaOptions
from batchpatch.genesys.replies import Reply
from batchpatch.options.run import DEFAULT_RATE, Rate

RunVirtual = Callable[[Any], Any]


def capped(rate: Rate) -> RateLimiter:
    """A limiter on the running loop's clock that nothing but a cap holds up."""
    source = ReadyToken(Token(Secret("hush"), {}, 0.0), origin="a test")
    clock = asyncio.get_running_loop().time
    return RateLimiter([source], QuotaOptions(), clock=clock, cap=rate)


async def draw(rate: Rate, count: int, *, workers: int = 32) -> list[float]:
    """Let a pool of workers draw permits; return when each came."""
    return await draw_from(capped(rate), count, workers=workers)


async def draw_from(limiter: RateLimiter, count: int, *, workers: int = 32) -> list[float]:
    """The same, from a limiter that there is."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    times: list[float] = []
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            permit = limiter.take() or await limiter.wait()
            times.append(loop.time() - start_s)
            limiter.release(permit, Reply(202))

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
    times = run_virtual(draw(rate, allowed * 2 + 40))
    noise = random.Random(seed)  # noqa: S311 - noise, not a key
    arrivals = [time_s + noise.uniform(0, jitter_s) for time_s in times]
    assert most_in_a_window(arrivals, window_s) <= allowed


@pytest.mark.parametrize("rate", [DEFAULT_RATE, Rate(30), Rate(500)])
def test_nearly_all_of_the_rate_is_used(rate: Rate, run_virtual: RunVirtual) -> None:
    """Caution costs 1 %, not a tenth."""
    count = int(rate.per_s * 120)
    times = run_virtual(draw(rate, count))
    assert 120 <= max(times) * count / (count - 1) <= 120 * 1.02


def test_the_progress_line_can_say_what_is_waited_for(run_virtual: RunVirtual) -> None:
    """A run that stands still and does not say why looks broken."""

    async def run() -> list[str | None]:
        limiter = capped(DEFAULT_RATE)
        said = [limiter.waiting_for]
        pool = asyncio.ensure_future(draw_from(limiter, 40))
        await asyncio.sleep(0.3)
        said.append(limiter.waiting_for)
        await pool
        return [*said, limiter.waiting_for]

    assert run_virtual(run()) == [
        None,
        "its turn at 300/min",
        None,
    ]


def test_a_cancelled_wait_leaves_nothing_behind(run_virtual: RunVirtual) -> None:
    """Stopping a run cancels the pool in the middle of its waiting."""

    async def run() -> tuple[str | None, float]:
        limiter = capped(DEFAULT_RATE)
        pool = asyncio.ensure_future(draw_from(limiter, 1000))
        await asyncio.sleep(0.5)
        pool.cancel()
        await asyncio.gather(pool, return_exceptions=True)
        await asyncio.sleep(1.0)
        left = limiter.waiting_for
        before_s = asyncio.get_running_loop().time()
        await limiter.wait()
        return left, asyncio.get_running_loop().time() - before_s

    left, wait_s = run_virtual(run())
    assert left is None
    assert wait_s < 0.01


@pytest.mark.parametrize("after", [Rate(50.0), None])
def test_another_cap_holds_for_those_who_wait_already(
    run_virtual: RunVirtual, after: Rate | None
) -> None:
    """Whoever raises the pace of a run that sends once an hour does not wait for the hour."""

    async def scene() -> list[float]:
        limiter = capped(Rate(1 / 3600))
        asyncio.get_running_loop().call_later(10.0, limiter.change_cap, after)
        return await draw_from(limiter, 100)

    times = run_virtual(scene())
    assert len(times) == 100
    assert times[1] >= 10.0
    assert times[-1] <= 10.0 + (2.1 if after else 0.1)


def test_a_cap_that_is_lowered_is_kept_from_then_on(run_virtual: RunVirtual) -> None:
    """Operations ring up because something else suffers: what follows is slow."""

    async def scene() -> list[float]:
        limiter = capped(Rate(100.0))
        asyncio.get_running_loop().call_later(1.0, limiter.change_cap, Rate(1.0))
        return await draw_from(limiter, 110)

    late = [at for at in run_virtual(scene()) if at > 1.0]
    assert most_in_a_window(late, 1.0) <= 2


def test_a_run_without_a_cap_gets_one(run_virtual: RunVirtual) -> None:
    """Most runs begin without."""

    async def scene() -> list[float]:
        source = ReadyToken(Token(Secret("hush"), {}, 0.0), origin="a test")
        clock = asyncio.get_running_loop().time
        limiter = RateLimiter([source], QuotaOptions(), clock=clock)
        limiter.change_cap(Rate(10.0))
        assert limiter.cap == Rate(10.0)
        return await draw_from(limiter, 20)

    assert run_virtual(scene())[-1] >= 1.8
