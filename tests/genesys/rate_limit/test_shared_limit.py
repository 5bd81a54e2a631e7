"""A limit of all tokens: found by its refusals, kept nearly whole, and never met by more tokens."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from batchpatch.genesys.account.credentials import Secret
from batchpatch.genesys.account.token_endpoint import Token
from batchpatch.genesys.rate_limit.limiter import RateLimiter
from batchpatch.genesys.rate_limit.shared_limit import SharedLimit
from batchpatch.genesys.rate_limit.token_slots import QuotaOptions
from batchpatch.genesys.replies import QuotaHeaders, Reply

RunVirtual = Callable[[Any], Any]
WORKERS = 32
TOKEN_ALLOWED, TOKEN_WINDOW_S = 300, 60.0


class Tokens:
    """A source of one token, minted in no time."""

    def __init__(self, name: str) -> None:
        self.minted = 0
        self._name = name
        self._token: Token | None = None

    def ready(self) -> Token | None:
        """The token, once it was asked for."""
        return self._token

    async def current(self) -> Token:
        """The token, minted where there is none."""
        if self._token is None:
            self.minted += 1
            self._token = Token(Secret(self._name), {}, 0.0)
        return self._token

    def reject(self, rejected: Token) -> None:
        """Not in these tests."""


class Organisation:
    """Limits each token, and all of them together; the latter in windows that follow each other."""

    def __init__(self, allowed: int, window_s: float, *, phase_s: float, says: str) -> None:
        self._allowed, self._window_s, self._phase_s = allowed, window_s, phase_s
        self._says = says
        self._window, self._count = -1, 0
        self._tokens: dict[str, tuple[float, int]] = {}
        self.refused_s: list[float] = []
        self._refused: Counter[int] = Counter()

    def ask(self, token: str) -> Reply:
        """What comes back to a request now."""
        now_s = asyncio.get_running_loop().time()
        began_s, count = self._tokens.get(token, (now_s, 0))
        if now_s >= began_s + TOKEN_WINDOW_S:
            began_s, count = now_s, 0
        reset_s = round(began_s + TOKEN_WINDOW_S - now_s)
        if count >= TOKEN_ALLOWED:
            self.refused_s.append(now_s)
            return Reply(429, retry_after_s=float(max(1, reset_s)))
        self._tokens[token] = began_s, count + 1
        headers = QuotaHeaders(count + 1, TOKEN_ALLOWED, reset_s)
        window, gone_s = divmod(now_s + self._phase_s, self._window_s)
        if window != self._window:
            self._window, self._count = int(window), 0
        if self._count < self._allowed:
            self._count += 1
            return Reply(202, quota=headers)
        self.refused_s.append(now_s)
        self._refused[int(window)] += 1
        wait_s = None if self._says == "nothing" else float(max(1, round(self._window_s - gone_s)))
        return Reply(
            429,
            retry_after_s=wait_s,
            quota=headers if self._says == "all" else None,
            limit="the.services.own" if self._says == "all" else None,
        )

    def most_refused_in_a_window(self) -> int:
        """By the limit of all."""
        return max(self._refused.values(), default=0)


class Sent(NamedTuple):
    """What came of some requests."""

    took_s: float
    minted: int
    said: set[str]
    """What was waited for."""


async def send(server: Organisation, count: int, *, tokens: int, trip_s: float) -> Sent:
    """Let the workers bring so many requests through, as the client's loop does."""
    loop = asyncio.get_running_loop()
    chance = random.Random(7)  # noqa: S311 - a network, not a key
    sources = [Tokens(str(number)) for number in range(tokens)]
    limiter = RateLimiter(sources, QuotaOptions(), clock=loop.time, random=chance.random)
    limiter.pool.foresee(count)
    left = iter(range(count))
    said = set()

    async def work() -> None:
        for _ in left:
            passed = None
            while True:
                permit = limiter.take() or await limiter.wait()
                one_way_s = trip_s * chance.uniform(0.2, 0.8)
                await asyncio.sleep(one_way_s)
                reply = server.ask(permit.token.secret.reveal())
                await asyncio.sleep(one_way_s)
                refusal = limiter.release(permit, reply, passed)
                said.add(limiter.waiting_for or "")
                if refusal is None:
                    break
                passed = await refusal.passed()

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    limiter.close()
    return Sent(loop.time(), limiter.pool.minted, said)


@pytest.mark.parametrize("tokens", [1, 10])
@pytest.mark.parametrize("says", ["all", "the time", "nothing"])
@pytest.mark.parametrize("trip_s", [0.01, 0.2])
def test_what_all_tokens_share_is_kept(
    tokens: int, says: str, trip_s: float, run_virtual: RunVirtual
) -> None:
    """Sixty in ten seconds, whatever the tokens would admit: no worse than a pace that knows it.

    The pace of 6/s takes 67 s; what more tokens cannot lift is not met by more of them.
    """
    server = Organisation(60, 10.0, phase_s=0.0, says=says)
    sent = run_virtual(send(server, 400, tokens=tokens, trip_s=trip_s))
    assert server.most_refused_in_a_window() <= (WORKERS if says != "nothing" else 40)
    assert len(server.refused_s) <= 60
    assert sent.minted <= min(tokens, 2)
    if tokens > 1 and says != "nothing":
        assert sent.took_s <= 1.1 * 400 / 6 * 1.01
    assert any(words.startswith("another limit") for words in sent.said)
    assert any("the.services.own" in words for words in sent.said) == (says == "all")


@settings(max_examples=15, deadline=None)
@example(
    allowed=25, window_s=10.0, phase=0.36995516654807925, trip_s=0.4207840077192389, says="all"
)
@given(
    allowed=st.integers(10, 200),
    window_s=st.sampled_from([5.0, 10.0, 30.0, 60.0]),
    phase=st.floats(0, 1),
    trip_s=st.floats(0.01, 0.5),
    says=st.sampled_from(["all", "the time"]),
)
def test_refusals_stay_few_whatever_the_limit(
    allowed: int, window_s: float, phase: float, trip_s: float, says: str, run_virtual: RunVirtual
) -> None:
    """In no window more than were in flight; and it is used, not crept along.

    A refusal without headers whose time is the end of the token's own window cannot be told from
    the token's own limit, used up by somebody else; other tokens are tried before all are held.
    Windows as long as the token's, which end with it, are therefore left out where nothing else
    is said, and of the others one more token may be tried.
    """
    assume(says == "all" or window_s != TOKEN_WINDOW_S)
    server = Organisation(allowed, window_s, phase_s=phase * window_s, says=says)
    count = 5 * allowed
    sent = run_virtual(send(server, count, tokens=10, trip_s=trip_s))
    assert server.most_refused_in_a_window() <= (WORKERS if says == "all" else 2 * WORKERS)
    assert sent.took_s <= 1.6 * 5 * window_s + 10


def test_a_limit_that_is_gone_is_forgotten() -> None:
    """One refusal must not slow a run of hours down for good."""
    limit = SharedLimit()
    for second in range(60):
        limit.admitted(float(second))
    limit.refused(60.0, 5.0)
    assert limit.wait_s(60.0) == pytest.approx(5.5)
    assert limit.wait_s(65.6) == 0
    assert limit.per_s(65.6) == pytest.approx(1, rel=0.15)
    assert limit.per_s(165.6) > 1.8
    assert limit.per_s(465.6) == float("inf")
    assert not limit.is_known


def test_refusals_that_name_no_time_are_met_with_growing_patience() -> None:
    """From a second, doubled as long as nothing gets through, up to a minute."""
    limit, now_s, waits = SharedLimit(), 0.0, []
    for _ in range(8):
        limit.refused(now_s, None)
        waits.append(limit.wait_s(now_s))
        now_s += waits[-1] + 0.001
    assert waits == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60])
    limit.admitted(now_s)
    limit.refused(now_s, None)
    assert limit.wait_s(now_s) == pytest.approx(1)
