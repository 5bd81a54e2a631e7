"""The server's window, followed from what it says: never too much in it, and nothing left of it."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchpatch.genesys.rate_limit.quota import Quota
from batchpatch.genesys.rate_limit.window_state import UNKNOWN_ROUNDING, Rounding
from batchpatch.genesys.replies import QuotaHeaders

FLOOR, CEIL, NEAREST = Rounding(0.0, 1.0), Rounding(-1.0, 0.0), Rounding(-0.5, 0.5)

ROUND = {
    FLOOR: math.floor,
    CEIL: math.ceil,
    NEAREST: lambda left_s: math.floor(left_s + 0.5),
}


class Server(NamedTuple):
    """A platform's windows, counted the slow way: from a list of all arrivals."""

    allowed: int
    window_s: float
    rounding: Rounding
    grid_s: float | None
    """An edge of its grid; None begins each window with the first request after the last."""
    arrivals_s: list[float]

    def began_s(self, now_s: float) -> float:
        """When the window of that instant began."""
        if self.grid_s is not None:
            return self.grid_s + (now_s - self.grid_s) // self.window_s * self.window_s
        began_s = -math.inf
        for at_s in [*self.arrivals_s, now_s]:
            if began_s + self.window_s <= at_s <= now_s:
                began_s = at_s
        return began_s

    def count(self, now_s: float) -> QuotaHeaders:
        """Count one request, admitted or not, and say what an answer would."""
        began_s = self.began_s(now_s)
        self.arrivals_s.append(now_s)
        count = sum(at_s >= began_s for at_s in self.arrivals_s)
        left_s = began_s + self.window_s - now_s
        return QuotaHeaders(count, self.allowed, ROUND[self.rounding](left_s))


class Trip(NamedTuple):
    """What happens to one request."""

    pause_s: float
    """Before anybody asks for it."""
    there_s: float
    back_s: float
    fate: str


class World:
    """One client, one server, and the events between them in the order of time."""

    def __init__(self, quota: Quota, server: Server) -> None:
        self.quota, self.server = quota, server
        self.now_s = 1000.0
        self.most = 0
        """The highest count that the server came to."""
        self.events: list[tuple[float, int, str, Any]] = []
        self._order = itertools.count()
        self._said: dict[int, QuotaHeaders] = {}
        self.heard = True
        """Something was known whenever a request left."""

    def send(self, trip: Trip) -> None:
        """Wait until the quota lets one go, and let it go."""
        self.run_until(self.now_s + trip.pause_s)
        while (wait_s := self.quota.wait_s(self.now_s)) > 0:
            next_s = self.events[0][0] if self.events else math.inf
            self.run_until(min(self.now_s + wait_s, next_s))
        self.heard = self.heard and self.quota.reset is not None
        number = self.quota.started(self.now_s)
        arrival_s = self.now_s + trip.there_s
        self._at(arrival_s, "arrive" if trip.fate != "stray" else "", number)
        self._at(arrival_s + trip.back_s, trip.fate, number)

    def run_until(self, until_s: float) -> None:
        """Let happen what happens until then."""
        while self.events and self.events[0][0] <= until_s:
            self.now_s, _, what, number = heapq.heappop(self.events)
            if what == "arrive":
                self._said[number] = self.server.count(self.now_s)
                self.most = max(self.most, self._said[number].count)
            elif what:
                self._end(what, number)
        self.now_s = max(self.now_s, until_s)

    def _at(self, when_s: float, what: str, number: int) -> None:
        heapq.heappush(self.events, (when_s, next(self._order), what, number))

    def _end(self, what: str, number: int) -> None:
        if what == "answer":
            self.quota.answered(number, self._said[number], self.now_s)
            self.check_reset()
        elif what == "bare":
            self.quota.answered(number, None, self.now_s)
        else:
            self.quota.lost(number, self.now_s)

    def check_reset(self) -> None:
        """The end of one of the server's windows lies within what the quota believes."""
        reset, server = self.quota.reset, self.server
        assert reset is not None
        ends_s = {server.began_s(at_s) + server.window_s for at_s in server.arrivals_s}
        assert any(reset.least_s - 1e-6 <= end_s <= reset.most_s + 1e-6 for end_s in ends_s)


ANSWERED_AT_ONCE = Trip(0, 0, 0, "answer")


def drawn_trips(seed: int, count: int = 40) -> list[Trip]:
    """Requests as they come in bursts, on a network where everything happens."""
    chance = random.Random(seed)  # noqa: S311 - a network, not a key

    def leg_s() -> float:
        return chance.choice([0, 0.01, *(chance.uniform(0, most) for most in (2, 2, 2, 90))])

    fates = ["answer"] * 6 + ["bare", "lost", "stray"]
    pauses = (0, 0, 3, chance.choice([3, 30, 200]))
    return [
        Trip(chance.uniform(0, chance.choice(pauses)), leg_s(), leg_s(), chance.choice(fates))
        for _ in range(count)
    ]


SERVERS = st.builds(
    Server,
    allowed=st.integers(1, 12),
    window_s=st.sampled_from([7.0, 20.0, 59.6, 60.0, 61.7]),
    rounding=st.sampled_from(list(ROUND)),
    grid_s=st.one_of(st.none(), st.floats(940, 1000)),
    arrivals_s=st.builds(list),
)


@settings(max_examples=400, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    server=SERVERS,
    told=st.booleans(),
    share=st.sampled_from([1.0, 1.0, 0.8, 0.1]),
)
def test_no_window_of_the_server_gets_more_than_it_allows(
    seed: int, server: Server, told: bool, share: float
) -> None:
    """Wherever the edges are, however answers are late, overtake each other or never come.

    Nothing can be certain before the first answer, or once all was forgotten: those are let off.
    """
    quota = Quota(rounding=server.rounding if told else UNKNOWN_ROUNDING, share=share)
    world = World(quota, server)
    world.send(ANSWERED_AT_ONCE)
    world.run_until(world.now_s)
    world.heard = True
    for trip in drawn_trips(seed):
        world.send(trip)
    world.run_until(math.inf)
    assert world.most <= server.allowed or not world.heard


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), server=SERVERS)
def test_a_share_is_kept(seed: int, server: Server) -> None:
    """The rest of every window belongs to others, who must find it."""
    quota = Quota(share=0.5)
    world = World(quota, server._replace(allowed=10))
    world.send(ANSWERED_AT_ONCE)
    world.run_until(world.now_s)
    world.heard = True
    for trip in drawn_trips(seed):
        world.send(trip._replace(fate="answer"))
    world.run_until(math.inf)
    assert world.most <= 5 or not world.heard


def headers(count: int, reset_s: int, allowed: int = 300) -> QuotaHeaders:
    """What an answer says."""
    return QuotaHeaders(count, allowed, reset_s)


def opened(count: int = 1, reset_s: int = 40, **options: Any) -> Quota:
    """A quota that has heard of its window: at 0 s, by an answer that took no time."""
    quota = Quota(**options)
    quota.answered(quota.started(0), headers(count, reset_s), 0)
    return quota


def burst(quota: Quota, now_s: float, most: int = 1000) -> list[int]:
    """Send all that may be sent at one instant."""
    numbers: list[int] = []
    while len(numbers) < most and quota.wait_s(now_s) <= 0:
        numbers.append(quota.started(now_s))
    return numbers


def test_what_is_left_of_a_window_is_spent_at_once() -> None:
    """A smooth pace would make a small file take as long as a window."""
    assert len(burst(opened(count=51), 0.0)) == 249


def test_the_next_window_is_used_as_soon_as_it_surely_began() -> None:
    """Sooner would risk a refusal, later is time that nobody gives back."""
    quota = opened(count=300, reset_s=40)
    assert quota.wait_s(10) == pytest.approx(31.02)  # 40 s left, a second's rounding, the guard
    assert quota.wait_s(41.03) <= 0


@pytest.mark.parametrize(
    ("rounding", "reset"),
    [
        (FLOOR, (40, 41.5)),
        (CEIL, (39, 40.5)),
        (NEAREST, (39.5, 41)),
        (UNKNOWN_ROUNDING, (39, 41.5)),
    ],
)
def test_an_answer_tells_the_edge_as_an_interval(
    rounding: Rounding, reset: tuple[float, float]
) -> None:
    """The server stamped it at some instant of its way, and rounded."""
    quota = Quota(rounding=rounding)
    quota.answered(quota.started(0), headers(1, 40), 0.5)
    assert quota.reset == reset


def test_more_answers_narrow_the_edge() -> None:
    """Each falls on another part of the second, and the fast ones tell most."""
    quota = opened(reset_s=40)
    quota.answered(quota.started(0.6), headers(2, 40), 0.7)
    quota.answered(quota.started(0.8), headers(3, 39), 0.9)
    assert quota.reset == pytest.approx((39.6, 40.9))


def test_an_old_windows_late_answer_does_not_count_in_the_new_one() -> None:
    """It would close a window of which next to nothing is used."""
    quota = opened(count=298, reset_s=10)
    late = quota.started(5)
    quota.answered(quota.started(12), headers(1, 58), 12)
    quota.answered(late, headers(299, 5), 13)
    assert len(burst(quota, 13)) == 299


def test_requests_in_flight_count_against_the_next_window_too() -> None:
    """They may land on either side of the reset."""
    quota = opened(count=295, reset_s=10)
    assert len(burst(quota, 9)) == 5
    assert len(burst(quota, 12)) == 295


def test_a_lost_answer_counts_until_a_later_count_includes_it() -> None:
    """Nobody knows whether the request reached the server, and whose window it took from."""
    quota = opened(count=290)
    quota.lost(quota.started(1), 2)
    numbers = burst(quota, 5)
    assert len(numbers) == 9
    quota.answered(numbers[0], headers(291, 35), 5)
    for number in numbers[1:]:
        quota.lost(number, 5, left=False)
    assert len(burst(quota, 6)) == 9


def test_others_on_the_same_token_are_seen_in_the_count() -> None:
    """The window is the token's, and they do not announce themselves."""
    quota = opened(count=1)
    quota.answered(quota.started(1), headers(101, 39), 1)
    assert len(burst(quota, 1)) == 199


def test_what_others_spend_meanwhile_is_left_to_them() -> None:
    """The end of a window would be refused, a request or two in each."""
    quota = opened(count=1, reset_s=60)
    for second in range(1, 120):
        others, left_s = divmod(second, 60)[1], 60 - divmod(second, 60)[1]
        quota.answered(quota.started(second + 0.5), headers(2 * others + 1, left_s), second + 1.5)
    left = 300 - (2 * 59 + 1)
    assert left - 4 <= len(burst(quota, 120.6)) < left


@pytest.mark.parametrize("allowed", [100, 600])
def test_the_limit_is_what_the_server_says_last(allowed: int) -> None:
    """Support can change it at any time."""
    quota = opened(count=10)
    quota.answered(quota.started(1), headers(11, 39, allowed), 1)
    assert quota.allowed == allowed
    assert len(burst(quota, 1)) == allowed - 11


def test_a_refusal_closes_the_window_for_all() -> None:
    """What is on its way cannot be called back, but nothing may follow it."""
    quota = opened(count=5)
    refused, admitted = quota.started(1), quota.started(1)
    quota.refused(refused, 7, 2)
    quota.answered(admitted, headers(6, 38), 3)
    assert quota.wait_s(3) == 7  # of the 8, a second is for the rounding
    assert quota.wait_s(10) <= 0


def test_a_refusal_that_names_no_time_lasts_until_the_edge() -> None:
    """The window is full, and its end is known."""
    quota = opened(count=5, reset_s=40)
    quota.refused(quota.started(1), None, 2)
    assert quota.wait_s(2) == pytest.approx(39.02)


def test_refusals_that_tell_nothing_are_met_with_growing_patience() -> None:
    """There is no header and no Retry-After: all that is left is to ask less and less often."""
    quota, now_s, waits = Quota(), 0.0, []
    for _ in range(7):
        together = [quota.started(now_s), quota.started(now_s)]
        for number in together:
            quota.refused(number, None, now_s)
        waits.append(quota.wait_s(now_s))
        now_s += waits[-1]
    assert waits == [1, 2, 4, 8, 16, 32, 60]


def test_one_request_goes_ahead_on_a_new_token() -> None:
    """It brings the headers; a token that others have used up costs one refusal, not thirty."""
    quota = Quota()
    first = burst(quota, 0)
    assert len(first) == 1
    assert quota.wait_s(0) == 1
    assert len(burst(quota, 1)) == 1
    quota.answered(first[0], headers(1, 60), 1.2)
    assert len(burst(quota, 1.2)) == 298


def test_without_headers_nothing_is_held_back() -> None:
    """Not every platform bears them; the pace is then another's business."""
    quota = Quota()
    quota.answered(quota.started(0), None, 0.1)
    assert quota.silent
    assert len(burst(quota, 0.1)) == 1000
    quota.answered(1000, headers(7, 30), 0.2)
    assert not quota.silent


@pytest.mark.parametrize("nonsense", [headers(1, 10**6), headers(1, 30, 0)])
def test_headers_that_make_no_sense_are_none(nonsense: QuotaHeaders) -> None:
    """A run that waits for days, or for ever, because of a typo in a proxy helps nobody."""
    quota = Quota()
    quota.answered(quota.started(0), nonsense, 0.1)
    assert quota.wait_s(0.1) <= 0


def test_what_is_older_than_two_windows_is_forgotten() -> None:
    """After a night's sleep it says nothing, so one request goes ahead again."""
    quota = opened(count=300, reset_s=60)
    assert len(burst(quota, 10_000)) == 1
    assert quota.reset is None


def test_a_clock_that_stood_still_is_survived() -> None:
    """Some do while a laptop sleeps: an edge seems ahead that is long past."""
    quota = opened(count=100, reset_s=50)
    quota.answered(quota.started(1), headers(1, 10), 1.1)
    assert quota.reset == pytest.approx((10, 12.1))
    assert len(burst(quota, 1.1)) == 299


def test_a_sliding_limit_is_suspected_until_a_count_speaks_against_it() -> None:
    """Fixed windows are a guess: at the first edge, one request looks what lies behind it."""
    quota = opened(count=1, reset_s=60)
    for number in burst(quota, 30):
        quota.answered(number, headers(number, 30), 31)
    first = burst(quota, 61.1)
    assert len(first) == 1
    quota.answered(first[0], headers(1, 60), 61.2)
    assert len(burst(quota, 61.2)) == 299


def test_where_a_window_just_begun_is_full_the_limit_slides() -> None:
    """A refusal there is the other answer; from then on, each request waits for an old one."""
    quota = opened(count=1, reset_s=60)
    for number in burst(quota, 30):
        quota.answered(number, headers(number, 30), 31)
    quota.refused(burst(quota, 61.1)[0], 1, 61.2)
    assert len(burst(quota, 70)) == 1  # for the one of 0 s
    assert quota.wait_s(70) == pytest.approx(22.02)  # the 299 of 31 s, a window and a second on


def test_windows_and_what_they_allowed_are_counted() -> None:
    """The summary says how much of the allowance was used."""
    quota = opened(count=1, reset_s=60)
    quota.answered(quota.started(1), headers(2, 59), 1)
    quota.answered(quota.started(70), headers(1, 50, 500), 70)
    assert (quota.windows, quota.offered) == (2, 800)
