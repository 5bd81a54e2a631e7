"""Permits go to those who wait, in their order, each with a token that has something left."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.errors import AccessError, OutageError
from batchpatch.genesys.rate_limit.limiter import RateLimiter
from batchpatch.genesys.rate_limit.token_slots import Permit, QuotaOptions
from batchpatch.genesys.replies import NoReply, QuotaHeaders, Reply

if TYPE_CHECKING:
    from batchpatch.genesys.account.tokens import MintedTokens

RunVirtual = Callable[[Any], Any]
MakeTokens = Callable[[Any], "MintedTokens"]
ALLOWED = 10
WINDOW_S = 60.0


class Server:
    """Counts requests by token in windows that begin with a token's first request."""

    def __init__(self, allowed: int = ALLOWED) -> None:
        self.allowed = allowed
        self.refused = 0
        self.sent: Counter[str] = Counter()
        self._windows: dict[str, tuple[float, int]] = {}

    def answer(self, permit: Permit) -> Reply:
        """What the platform would say now."""
        now_s = asyncio.get_running_loop().time()
        name = permit.token.secret.reveal()
        began_s, count = self._windows.get(name, (now_s, 0))
        if now_s >= began_s + WINDOW_S:
            began_s, count = now_s, 0
        self._windows[name] = (began_s, count + 1)
        self.sent[name] += 1
        left_s = began_s + WINDOW_S - now_s
        if count >= self.allowed:
            self.refused += 1
            return Reply(429, retry_after_s=left_s)
        return Reply(202, quota=QuotaHeaders(count + 1, self.allowed, round(left_s)))


@pytest.fixture
def make_limiter(token_source: MakeTokens) -> Callable[..., RateLimiter]:
    """Makes a limiter with so many token slots on the scripted platform."""

    def make(platform: Any, slots: int = 1, *, assumed_per_s: float | None = None) -> RateLimiter:
        clock = asyncio.get_running_loop().time
        options = QuotaOptions(assumed_per_s=assumed_per_s)
        return RateLimiter([token_source(platform) for _ in range(slots)], options, clock=clock)

    return make


async def send(
    limiter: RateLimiter, answer: Callable[[Permit], Reply | NoReply], count: int
) -> list[float]:
    """Send so many requests with eight workers; when each one left."""
    loop = asyncio.get_running_loop()
    times: list[float] = []
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            permit = limiter.take() or await limiter.wait()
            times.append(loop.time())
            await asyncio.sleep(0.1)
            reply = answer(permit)
            if isinstance(reply, Reply) and reply.status != 401:
                permit.token.accepted = True
            limiter.release(permit, reply)
            if isinstance(reply, Reply) and reply.status == 401:
                limiter.reject(permit)

    await asyncio.gather(*(work() for _ in range(8)))
    limiter.close()
    return times


def test_a_window_is_used_whole_and_never_overrun(
    platform: Any, make_limiter: Callable[..., RateLimiter], run_virtual: RunVirtual
) -> None:
    """Thirty-five requests at ten a window: three windows and the last five, no refusal."""
    server = Server()

    async def run() -> list[float]:
        return await send(make_limiter(platform), server.answer, 35)

    times = run_virtual(run())
    assert server.refused == 0
    assert 180 < max(times) < 190


def test_another_token_is_minted_only_where_the_first_must_wait(
    platform: Any, make_limiter: Callable[..., RateLimiter], run_virtual: RunVirtual
) -> None:
    """Ten tokens were offered; what one can do needs one."""

    async def run(count: int) -> int:
        limiter = make_limiter(platform, 10)
        await send(limiter, Server().answer, count)
        return limiter.pool.minted

    assert run_virtual(run(ALLOWED)) == 1
    assert run_virtual(run(ALLOWED + 1)) == 2


def test_ten_tokens_do_ten_times_as_much(
    platform: Any, make_limiter: Callable[..., RateLimiter], run_virtual: RunVirtual
) -> None:
    """Each has an allowance of its own, and all of it is used."""
    server = Server()

    async def run() -> list[float]:
        return await send(make_limiter(platform, 10), server.answer, 10 * ALLOWED)

    times = run_virtual(run())
    assert max(times) < WINDOW_S
    assert set(server.sent.values()) == {ALLOWED}
    assert server.refused == 0


def test_a_revoked_token_does_not_stop_the_others(
    platform: Any, make_limiter: Callable[..., RateLimiter], run_virtual: RunVirtual
) -> None:
    """The next attempt takes another slot at once; the login host is down, and nobody waits."""
    server = Server(allowed=1000)
    revoked: set[str] = set()

    def answer(permit: Permit) -> Reply:
        name = permit.token.secret.reveal()
        return Reply(401) if name in revoked else server.answer(permit)

    async def run() -> list[float]:
        limiter = make_limiter(platform, 2)
        for slot in limiter.pool.slots:
            (await slot.source.current()).accepted = True
        platform.mints = [Reply(503)] * 99
        revoked.add("hush-1")
        return await send(limiter, answer, 100)

    assert max(run_virtual(run())) < 5


def test_a_token_that_never_worked_ends_the_run_only_where_it_is_the_last(
    platform: Any, make_limiter: Callable[..., RateLimiter], run_virtual: RunVirtual
) -> None:
    """A fresh token may be rejected while older ones work on: it is left out for a while."""

    async def run() -> None:
        limiter = make_limiter(platform, 2)
        first = await limiter.wait()
        first.token.accepted = True
        await limiter.pool.slots[1].source.current()
        second = first
        while second.slot is first.slot:
            limiter.release(second, Reply(429, retry_after_s=30))
            second = await limiter.wait()
        limiter.release(second, Reply(401))
        limiter.reject(second)
        third = await limiter.wait()
        assert third.slot is first.slot
        limiter.release(third, Reply(401))
        third.token.accepted = False
        with pytest.raises(AccessError):
            limiter.reject(third)

    run_virtual(run())


def test_the_wait_for_the_rate_limit_has_words_on_a_clock_that_moves(
    platform: Any, token_source: MakeTokens, run_virtual: RunVirtual
) -> None:
    """A minute in which nothing leaves is said, also where two readings of a clock differ."""

    async def main() -> str | None:
        loop, readings = asyncio.get_running_loop(), itertools.count()
        limiter = RateLimiter(
            [token_source(platform)],
            QuotaOptions(),
            clock=lambda: loop.time() + next(readings) * 1e-6,
        )
        limiter.release(await limiter.wait(), Reply(429, retry_after_s=30.0))
        waiting = loop.create_task(limiter.wait())
        await asyncio.sleep(5)
        words = limiter.waiting_for
        waiting.cancel()
        limiter.close()
        return words

    assert run_virtual(main()) == "the rate limit (26 s)"


def test_when_no_token_can_be_had_the_waiting_learn_why(
    platform: Any, make_limiter: Callable[..., RateLimiter], run_virtual: RunVirtual
) -> None:
    """The token expires while its window is waited for, and the login host is gone."""
    platform.mints = [platform.grant(expires_in=30)]

    async def run() -> None:
        limiter = make_limiter(platform)
        permit = await limiter.wait()
        limiter.release(permit, Reply(429, retry_after_s=59))
        platform.mints = [Reply(503)] * 99
        await limiter.wait()

    with pytest.raises(OutageError):
        run_virtual(run())


def test_tokens_that_all_expire_are_minted_again(
    platform: Any, make_limiter: Callable[..., RateLimiter], run_virtual: RunVirtual
) -> None:
    """Three slots over twenty lives of a token: every request is answered."""
    server = Server()
    platform.mints = [platform.grant(expires_in=20) for _ in range(100)]

    async def run() -> int:
        limiter = make_limiter(platform, 3)
        await send(limiter, server.answer, 400)
        return limiter.pool.minted

    assert run_virtual(run()) > 10
    assert sum(server.sent.values()) == 400
    assert server.refused == 0


def test_without_headers_each_token_keeps_the_assumed_pace(
    platform: Any, make_limiter: Callable[..., RateLimiter], run_virtual: RunVirtual
) -> None:
    """A proxy may strip them; then two tokens go twice as fast, and evenly."""

    async def run(slots: int) -> float:
        limiter = make_limiter(platform, slots, assumed_per_s=5.0)
        return max(await send(limiter, lambda _: Reply(202), 300))

    start_s = run_virtual(run(1))
    assert start_s == pytest.approx(60, rel=0.05)
    assert run_virtual(run(2)) == pytest.approx(30, rel=0.1)


def test_a_limit_learned_later_changes_the_pace(
    platform: Any, make_limiter: Callable[..., RateLimiter], run_virtual: RunVirtual
) -> None:
    """The organisation's own limit was read, and answers bear no headers."""

    async def run() -> float:
        limiter = make_limiter(platform, assumed_per_s=5.0)
        limiter.release(await limiter.wait(), Reply(202))
        limiter.pool.assume(50.0)
        return max(await send(limiter, lambda _: Reply(202), 300))

    assert run_virtual(run()) == pytest.approx(6, rel=0.1)


def test_first_come_first_served(
    platform: Any, make_limiter: Callable[..., RateLimiter], run_virtual: RunVirtual
) -> None:
    """Nobody who comes later overtakes one who waits for the next window."""
    order: list[int] = []

    async def run() -> None:
        limiter = make_limiter(platform)
        server = Server(allowed=2)

        async def one(number: int) -> None:
            await asyncio.sleep(number)
            permit = limiter.take() or await limiter.wait()
            order.append(number)
            await asyncio.sleep(0.1)
            limiter.release(permit, server.answer(permit))

        await asyncio.gather(*(one(number) for number in range(12)))

    run_virtual(run())
    assert order == sorted(order)


def test_cancelling_those_who_wait_loses_no_permit(
    platform: Any, make_limiter: Callable[..., RateLimiter], run_virtual: RunVirtual
) -> None:
    """Half of the queue leaves, some at the very moment of their turn; the rest is served."""
    server = Server()

    async def run() -> None:
        limiter = make_limiter(platform)

        async def one() -> None:
            permit = limiter.take() or await limiter.wait()
            await asyncio.sleep(0.1)
            limiter.release(permit, server.answer(permit))

        tasks = [asyncio.ensure_future(one()) for _ in range(60)]
        loop = asyncio.get_running_loop()
        for number in range(0, 60, 3):
            loop.call_later(number * 3.1, tasks[number].cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        (slot,) = limiter.pool.slots
        assert not slot.quota.in_flight
        assert limiter.wait_s == 0

    run_virtual(run())
    assert server.refused == 0


def test_what_windows_allowed_is_summed_over_tokens(
    platform: Any, make_limiter: Callable[..., RateLimiter], run_virtual: RunVirtual
) -> None:
    """The summary's share of the allowance is over every window that was touched."""

    async def run() -> int:
        limiter = make_limiter(platform, 2)
        await send(limiter, Server().answer, 4 * ALLOWED)
        return limiter.pool.offered

    assert run_virtual(run()) == 4 * ALLOWED


def test_tokens_that_will_be_needed_begin_together(
    platform: Any, make_limiter: Callable[..., RateLimiter], run_virtual: RunVirtual
) -> None:
    """Each token's windows follow its first request: one that begins late ends late, for ever."""
    first: dict[str, float] = {}

    async def run(foreseen: int) -> tuple[int, float]:
        first.clear()
        limiter = make_limiter(platform, 5)
        server = Server(allowed=100)

        def answer(permit: Permit) -> Reply:
            now_s = asyncio.get_running_loop().time()
            first.setdefault(permit.token.secret.reveal(), now_s)
            return server.answer(permit)

        limiter.pool.foresee(foreseen)
        await send(limiter, answer, 350)
        return limiter.pool.minted, max(first.values()) - min(first.values())

    minted, ahead_s = run_virtual(run(350))
    assert minted == 4
    assert ahead_s < 0.6
    minted, behind_s = run_virtual(run(0))
    assert minted == 4
    assert behind_s > 3
