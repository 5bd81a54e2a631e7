"""Whose limit a 429 tells of, and that one resource's own does not hold the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.genesys.rate_limit.limiter import RateLimiter
from batchpatch.genesys.rate_limit.quota import Quota
from batchpatch.genesys.rate_limit.shared_limit import Passed, Whose, whose_limit
from batchpatch.genesys.rate_limit.token_slots import QuotaOptions
from batchpatch.genesys.replies import NoReply, QuotaHeaders, Reply

if TYPE_CHECKING:
    from batchpatch.genesys.account.tokens import MintedTokens

RunVirtual = Callable[[Any], Any]
MakeTokens = Callable[[Any], "MintedTokens"]


def quota_at(count: int, *, allowed: int = 300, reset_s: int = 40) -> Quota:
    """A quota that has heard of its window at 0 s."""
    quota = Quota()
    quota.answered(quota.started(0), QuotaHeaders(count, allowed, reset_s), 0)
    return quota


@pytest.mark.parametrize(
    ("reply", "count", "whose"),
    [
        (Reply(429, limit="token.rate.per.minute"), 1, Whose.TOKEN),
        (Reply(429, limit="client.credentials.token.rate.per.minute"), 1, Whose.TOKEN),
        (Reply(429, limit="conversations.patch.rate"), 299, Whose.OTHER),
        (Reply(429, quota=QuotaHeaders(7, 300, 30)), 299, Whose.OTHER),
        (Reply(429, quota=QuotaHeaders(300, 300, 30)), 1, Whose.TOKEN),
        (Reply(429), 7, Whose.OTHER),
        (Reply(429, retry_after_s=5), 7, Whose.OTHER),
        (Reply(429, retry_after_s=40), 7, Whose.UNKNOWN),
        (Reply(429), 300, Whose.TOKEN),
    ],
)
def test_the_refusal_and_the_newest_headers_tell(reply: Reply, count: int, whose: Whose) -> None:
    """A key, the 429's own headers, the last headers: whoever knows most is believed."""
    quota = quota_at(count)
    quota.started(0.5)
    assert whose_limit(reply, quota, 1.0) is whose


@pytest.mark.parametrize("now_s", [30.0, 100.0])
def test_old_headers_tell_nothing(now_s: float) -> None:
    """Others may have used the token up since."""
    quota = quota_at(7)
    quota.started(now_s)
    assert whose_limit(Reply(429), quota, now_s) is Whose.UNKNOWN
    assert whose_limit(Reply(429), Quota(), now_s) is Whose.UNKNOWN


def test_what_is_refused_again_while_others_pass_is_refused_alone() -> None:
    """And what was alone stays so when nobody else is left to pass."""
    before = Passed(100, 3, alone=False)
    assert before.again_alone(101, 3)
    assert before.again_alone(140, 8)
    assert not before.again_alone(100, 3)
    assert not before.again_alone(104, 6)
    assert Passed(100, 3, alone=True).again_alone(100, 3)


@pytest.fixture
def limiter_of(token_source: MakeTokens) -> Callable[[Any], RateLimiter]:
    """Makes a limiter with one token on the scripted platform."""

    def make(platform: Any) -> RateLimiter:
        clock = asyncio.get_running_loop().time
        return RateLimiter([token_source(platform)], QuotaOptions(), clock=clock)

    return make


@pytest.mark.parametrize("headers", [None, QuotaHeaders(1, 300, 60)])
@pytest.mark.parametrize(
    ("second", "alone"),
    [
        (Reply(202), True),
        (Reply(429, retry_after_s=30), False),
        (NoReply("timeout", "no answer", sent=True), False),
    ],
)
def test_those_in_flight_tell_whether_it_is_alone(
    headers: QuotaHeaders | None,
    second: Reply | NoReply,
    alone: bool,
    platform: Any,
    limiter_of: Callable[[Any], RateLimiter],
    run_virtual: RunVirtual,
) -> None:
    """Nothing leaves until they are answered; with headers or without, then all or none wait."""

    async def run() -> tuple[bool, float]:
        limiter = limiter_of(platform)
        limiter.release(await limiter.wait(), Reply(202, quota=headers))
        one, other = await limiter.wait(), await limiter.wait()
        refusal = limiter.release(one, Reply(429, retry_after_s=30))
        assert refusal is not None
        waiting = asyncio.ensure_future(limiter.wait())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        limiter.release(other, second)
        passed = await refusal.passed()
        await waiting
        return passed.alone, asyncio.get_running_loop().time()

    found, time_s = run_virtual(run())
    assert found is alone
    assert (time_s < 1) is alone
    assert (time_s > 30) is not alone


def test_a_slow_answer_holds_nobody_up_for_long(
    platform: Any, limiter_of: Callable[[Any], RateLimiter], run_virtual: RunVirtual
) -> None:
    """A request in flight may take a minute to time out."""

    async def run() -> float:
        limiter = limiter_of(platform)
        limiter.release(await limiter.wait(), Reply(202))
        one, _slow, quick = [await limiter.wait() for _ in range(3)]
        limiter.release(one, Reply(429, retry_after_s=30))
        limiter.release(quick, Reply(202))
        await limiter.wait()
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) < 1.5
