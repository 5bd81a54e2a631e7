"""Several clients on one token follow one window by the server's count, and each gets its share."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from batchpatch.genesys.rate_limit.quota import Quota
from batchpatch.genesys.replies import QuotaHeaders

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUND = {
    "floor": math.floor,
    "ceil": math.ceil,
    "nearest": lambda left_s: math.floor(left_s + 0.5),
}


class Rules(NamedTuple):
    """Of one simulation."""

    rows: Sequence[int]
    """Of each client."""
    starts_s: Sequence[float]
    """When each begins."""
    allowed: int = 300
    window_s: float = 60.0
    rounding: str = "nearest"
    restarts: bool = False
    """Each window begins with the first request after the last; otherwise they form a grid."""
    least_s: float = 0.1
    most_s: float = 0.3
    """What a request takes there and back."""
    workers: int = 32
    steady_per_s: float = 0.0
    """Requests a second of one more client, which follows nothing."""


class World:
    """Clients, the network, and a server's fixed windows, in the order of time."""

    def __init__(self, rules: Rules, seed: int) -> None:
        self.rules, self.now_s = rules, 0.0
        self.chance = random.Random(seed)  # noqa: S311 - a network, not a key
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()
        self._began_s, self._count = -math.inf, 0
        self.used: list[int] = []
        """Of each window that is over."""
        self.steady_refused = self.steady_sent = 0
        self.clients = [
            Client(self, rows, start_s)
            for rows, start_s in zip(rules.rows, rules.starts_s, strict=True)
        ]
        if rules.steady_per_s:
            self.at(0.0, self._send_steadily)

    def run(self) -> World:
        """Until every row is settled."""
        while any(client.left for client in self.clients):
            self.now_s, _, what, how = heapq.heappop(self._events)
            what(*how)
        return self

    def at(self, when_s: float, what: Callable[..., None], *how: Any) -> None:
        """Let something happen then."""
        heapq.heappush(self._events, (when_s, next(self._order), what, how))

    def judge(self) -> tuple[bool, QuotaHeaders]:
        """Whether one request is admitted, and what the headers say."""
        rules = self.rules
        if self.now_s >= self._began_s + rules.window_s:
            if self._began_s > -math.inf:
                self.used.append(self._count)
            on_grid = self._began_s > -math.inf and not rules.restarts
            over_s = (self.now_s - self._began_s) % rules.window_s if on_grid else 0.0
            self._began_s, self._count = self.now_s - over_s, 0
        admitted = self._count < rules.allowed
        self._count += admitted
        left_s = self._began_s + rules.window_s - self.now_s
        return admitted, QuotaHeaders(self._count, rules.allowed, ROUND[rules.rounding](left_s))

    def _send_steadily(self) -> None:
        self.steady_sent += 1
        self.steady_refused += not self.judge()[0]
        self.at(self.now_s + 1 / self.rules.steady_per_s, self._send_steadily)

    @property
    def refused(self) -> int:
        """Requests of the clients that were refused."""
        return sum(client.refused for client in self.clients)

    @property
    def took_s(self) -> float:
        """Until the last row was settled."""
        return max(client.settled_s[-1] for client in self.clients)

    def shares(self, since_s: float, until_s: float) -> list[float]:
        """Of each client, what was settled then, in parts of an equal share."""
        counts = [
            sum(since_s <= at_s < until_s for at_s in client.settled_s) for client in self.clients
        ]
        return [count * len(counts) / max(1, sum(counts)) for count in counts]


class Client:
    """Workers that send as a quota lets them, and send again what was refused."""

    def __init__(self, world: World, rows: int, start_s: float) -> None:
        self.world, self.quota = world, Quota()
        self.left = self._to_send = rows
        self._idle = world.rules.workers
        self._wakes_s = math.inf
        self.settled_s: list[float] = []
        self.sent = self.refused = 0
        world.at(start_s, self._go)

    def _go(self) -> None:
        world = self.world
        while self._idle and self._to_send:
            if (wait_s := self.quota.wait_s(world.now_s)) > 0:
                if world.now_s + wait_s < self._wakes_s or self._wakes_s <= world.now_s:
                    self._wakes_s = world.now_s + wait_s
                    world.at(self._wakes_s, self._go)
                return
            self._idle, self._to_send, self.sent = self._idle - 1, self._to_send - 1, self.sent + 1
            whole_s = world.chance.uniform(world.rules.least_s, world.rules.most_s)
            there_s = whole_s * world.chance.uniform(0.1, 0.9)
            number = self.quota.started(world.now_s)
            world.at(world.now_s + there_s, self._arrive, number, whole_s - there_s)

    def _arrive(self, number: int, back_s: float) -> None:
        self.world.at(self.world.now_s + back_s, self._answer, number, *self.world.judge())

    def _answer(self, number: int, admitted: bool, headers: QuotaHeaders) -> None:
        self._idle += 1
        if admitted:
            self.left -= 1
            self.settled_s.append(self.world.now_s)
            self.quota.answered(number, headers, self.world.now_s)
        else:
            self.refused, self._to_send = self.refused + 1, self._to_send + 1
            self.quota.refused(number, float(max(1, headers.reset_s)), self.world.now_s)
        self._go()


def drawn_rules(seed: int) -> Rules:
    """Clients that begin together, on any network, in windows of any kind."""
    chance = random.Random(seed)  # noqa: S311 - a network, not a key
    clients = chance.choice([2, 3, 4, 4, 4, 5, 6])
    least_s = chance.choice([0.005, 0.02, 0.1, 0.2])
    return Rules(
        [1450 // clients] * clients,
        [chance.uniform(0, 0.5) for _ in range(clients)],
        window_s=chance.choice([20.0, 60.0]),
        rounding=chance.choice(list(ROUND)),
        restarts=chance.random() < 0.5,
        least_s=least_s,
        most_s=least_s * chance.choice([1.2, 3.0]),
    )


@pytest.mark.parametrize("seed", range(30))
def test_clients_that_share_a_token_are_hardly_ever_refused(seed: int) -> None:
    """None is told of the others; each has 32 in flight, of 300 that a window takes from all."""
    world = World(drawn_rules(seed), seed).run()
    sent = sum(client.sent for client in world.clients)
    assert world.refused <= 0.01 * sent
    # Four windows and most of a fifth.
    assert world.took_s <= 1.15 * 4 * world.rules.window_s
    assert min(world.used) >= 0.95 * world.rules.allowed


@pytest.mark.parametrize("seed", range(10))
def test_shares_become_equal(seed: int) -> None:
    """Whoever begins first may have the first windows, where the network is fast; not all."""
    rules = drawn_rules(seed)
    world = World(rules._replace(rows=[1500] * len(rules.rows)), seed).run()
    assert min(world.shares(3 * rules.window_s, 6 * rules.window_s)) > 0.8


@pytest.mark.parametrize("rounding", ROUND)
@pytest.mark.parametrize("start_s", [3.0, 25.6, 58.3])
def test_a_newcomer_is_not_starved(start_s: float, rounding: str) -> None:
    """One that is alone on a fast network has spent every window before a refused one is back."""
    rules = Rules([2700, 900], [0.0, start_s], rounding=rounding, least_s=0.004, most_s=0.006)
    world = World(rules, 0).run()
    assert min(world.shares(240, 420)) > 0.8
    assert world.refused <= 5


def test_one_that_follows_nothing_gets_its_requests_through() -> None:
    """A service that sends one a second would have found nearly every window spent."""
    world = World(Rules([1400], [0.0], steady_per_s=1.0), 0).run()
    assert world.steady_refused < 0.5 * world.steady_sent
    assert world.refused <= 0.01 * 1400
    assert min(world.used) == 300


def test_whoever_is_left_alone_uses_all_again() -> None:
    """The others have ended; nothing is kept for them, and nothing is waited for."""
    world = World(Rules([1500, 100, 100], [0.0, 0.1, 0.2]), 0).run()
    assert world.used[2:] == [300, 300, 300]
    assert world.took_s < 5 * 60 + 5
    assert world.refused == 0
