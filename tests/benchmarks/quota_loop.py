"""A run on a virtual clock: workers, a network, a platform, and the pace to be judged."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from quota_server import Rules, Token

from batchpatch.genesys.rate_limit.quota import Quota
from batchpatch.genesys.rate_limit.token_slots import choose
from batchpatch.genesys.replies import QuotaHeaders

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.genesys.rate_limit.window_state import Rounding


class Pace(Protocol):
    """What is compared: decides when a request leaves, and on which token."""

    workers: int
    """Requests in flight at most."""

    def ask(self, now_s: float) -> tuple[int, float]:
        """The token to use, and how long to wait before asking again; 0 is now."""

    def sent(self, token: int, now_s: float) -> Any:
        """One leaves."""

    def answered(self, token: int, number: Any, headers: QuotaHeaders, now_s: float) -> None:
        """It was admitted."""

    def refused(self, token: int, number: Any, retry_after_s: int, now_s: float) -> float:
        """It was not; returns how long its worker sleeps before it tries again."""


class Following:
    """Ours."""

    def __init__(self, rounding: Rounding, *, tokens: int = 1, workers: int = 32) -> None:
        self.workers = workers
        self.quotas = [Quota(rounding=rounding) for _ in range(tokens)]
        self._last = 0

    def ask(self, now_s: float) -> tuple[int, float]:
        self._last, wait_s = choose(self.quotas, now_s, self._last)
        return self._last, wait_s

    def sent(self, token: int, now_s: float) -> int:
        return self.quotas[token].started(now_s)

    def answered(self, token: int, number: int, headers: QuotaHeaders, now_s: float) -> None:
        self.quotas[token].answered(number, headers, now_s)

    def refused(self, token: int, number: int, retry_after_s: int, now_s: float) -> float:
        self.quotas[token].refused(number, retry_after_s, now_s)
        return 0.0


class Unlimited:
    """No pace at all: what the network alone would take, or a client that waits to be refused."""

    def __init__(self, workers: int = 32) -> None:
        self.workers = workers

    def ask(self, now_s: float) -> tuple[int, float]:
        return 0, 0.0

    def sent(self, token: int, now_s: float) -> None:
        return None

    def answered(self, token: int, number: Any, headers: QuotaHeaders, now_s: float) -> None:
        return None

    def refused(self, token: int, number: Any, retry_after_s: int, now_s: float) -> float:
        # The vendor's samples and its SDK sleep on Retry-After, each connection for itself.
        return float(retry_after_s)


class LeakyBucket(Unlimited):
    """`AsyncLimiter(most, period_s)`, and each worker sleeps on its own Retry-After."""

    def __init__(self, most: float, period_s: float, workers: int = 32) -> None:
        super().__init__(workers)
        self._most, self._per_s = most, most / period_s
        self._level, self._at_s = 0.0, 0.0

    def ask(self, now_s: float) -> tuple[int, float]:
        self._level = max(0.0, self._level - (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        over = self._level + 1 - self._most
        # Less than a microsecond would not move the clock by anything that a float can hold.
        return 0, over / self._per_s if over > 1e-6 * self._per_s else 0.0

    def sent(self, token: int, now_s: float) -> None:
        self._level += 1


class Network(NamedTuple):
    """How long requests and answers are on their way, drawn anew for each."""

    least_s: float
    most_s: float

    def trip(self, chance: random.Random) -> tuple[float, float]:
        """There and back."""
        whole_s = chance.uniform(self.least_s, self.most_s)
        there_s = whole_s * chance.uniform(0.1, 0.9)
        return there_s, whole_s - there_s


NETWORKS = {
    "20 ms": Network(0.01, 0.03),
    "200 ms": Network(0.1, 0.3),
    "1 s": Network(0.5, 1.5),
    "20 ms to 2 s": Network(0.02, 2.0),
    "2 s": Network(1.5, 2.5),
}
PHASES_S = (0.0, 0.3, 7.1, 29.5, 45.6, 58.0, 59.7)
NO_LIMIT = Rules(allowed=10**9)


def starts() -> list[Rules]:
    """A token that is fresh, and others in the midst of a window."""
    return [Rules(), *(Rules(model="grid", phase_s=phase_s) for phase_s in PHASES_S)]


class Outcome(NamedTuple):
    """What came of a run."""

    took_s: float
    requests: int
    refused_s: list[float]
    """When each refusal was given."""
    tokens: list[Token]
    admitted_s: list[float]


class _Run:
    def __init__(self, pace: Pace, tokens: list[Token], network: Network, seed: int) -> None:
        self.now_s = 0.0
        self.pace, self.tokens, self.network = pace, tokens, network
        self.chance = random.Random(seed)  # noqa: S311 - a network, not a key
        self.events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.order = itertools.count()
        self.idle = pace.workers
        self.retries = self.to_do = self.left = self.requests = 0
        self.wake_s = math.inf
        self.refused_s: list[float] = []
        self.admitted_s: list[float] = []

    def at(self, when_s: float, what: Callable[..., None], *how: Any) -> None:
        heapq.heappush(self.events, (when_s, next(self.order), what, how))

    def start(self) -> None:
        """Let the idle workers send while the pace lets them."""
        while self.idle and (self.retries or self.to_do):
            token, wait_s = self.pace.ask(self.now_s)
            if wait_s > 0:
                if self.now_s + wait_s < self.wake_s or self.wake_s <= self.now_s:
                    self.wake_s = self.now_s + wait_s
                    self.at(self.wake_s, self.start)
                return
            self.idle -= 1
            if self.retries:
                self.retries -= 1
            else:
                self.to_do -= 1
            self.requests += 1
            there_s, back_s = self.network.trip(self.chance)
            number = self.pace.sent(token, self.now_s)
            self.at(self.now_s + there_s, self.arrive, token, number, back_s)

    def arrive(self, token: int, number: Any, back_s: float) -> None:
        verdict = self.tokens[token].ask(self.now_s)
        (self.admitted_s if verdict.admitted else self.refused_s).append(self.now_s)
        self.at(self.now_s + back_s, self.answer, token, number, verdict)

    def answer(self, token: int, number: Any, verdict: Any) -> None:
        pause_s = 0.0
        if verdict.admitted:
            self.left -= 1
            self.pace.answered(token, number, QuotaHeaders(*verdict[1:]), self.now_s)
        else:
            retry_after_s = max(1, verdict.reset_s)
            pause_s = self.pace.refused(token, number, retry_after_s, self.now_s)
        if pause_s:
            self.at(self.now_s + pause_s, self.resume, verdict.admitted)
        else:
            self.resume(verdict.admitted)

    def resume(self, admitted: bool) -> None:
        self.idle += 1
        self.retries += not admitted
        self.start()


def simulate(
    pace: Pace, rules: Rules, network: Network, count: int, *, tokens: int = 1, seed: int = 0
) -> Outcome:
    """Let a pace bring so many requests through."""
    run = _Run(pace, [Token(rules) for _ in range(tokens)], network, seed)
    run.to_do = run.left = count
    run.start()
    while run.left:
        run.now_s, _, what, how = heapq.heappop(run.events)
        what(*how)
    for token in run.tokens:
        token.end(run.now_s)
    return Outcome(run.now_s, run.requests, run.refused_s, run.tokens, run.admitted_s)
