"""Estimates: what is said to be left is what it takes, whatever the run waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchpatch.genesys.rate_limit.pace import Allowance
from batchpatch.options.read import FindOptions
from batchpatch.options.run import Rate, Safeguards, Settings, VerifyOptions
from batchpatch.pipeline.estimate import (
    Cost,
    RequestRate,
    Seen,
    foresee,
    left_s,
    requests_left,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, WINDOW_ROWS = 4000, 500
QUOTA = Allowance(300)


class World:
    """A run by the second: participants are found ahead of what is sent, by a window of rows."""

    def __init__(self, *, finding: float, settling: float) -> None:
        """Requests that a row costs until it is found, and from then on."""
        self.finding, self.settling = finding, settling
        self.found = self.settled = 0.0
        self.find_requests = self.requests = 0.0

    def spend(self, requests: float) -> None:
        """Use so many requests, the finding first where there is room for more rows."""
        while requests > 1e-9 and self.settled < ROWS:
            ahead = min(ROWS, self.settled + WINDOW_ROWS) - self.found
            if ahead > 1e-9 and not self.finding:
                self.found += ahead
                continue
            cost, rows = (self.finding, ahead) if ahead > 1e-9 else (self.settling, 1.0)
            part = min(requests, cost * rows)
            requests -= part
            self.requests += part
            if ahead > 1e-9:
                self.found += part / cost
                self.find_requests += part
            else:
                self.settled += part / cost

    @property
    def seen(self) -> Seen:
        """What the run knows of it."""
        found, settled = int(self.found), int(self.settled)
        finding, requests = round(self.find_requests), round(self.requests)
        return Seen(ROWS, found, found, settled, settled, finding, requests)


def in_bursts(second: int, spent: float) -> float:
    """The quota: all of a window's allowance at its start, as fast as answers come."""
    return 50.0 if second % 60 < 6 else 0.0


def evenly(second: int, spent: float) -> float:
    """`--rate 120/min`."""
    return 2.0


def slowly(second: int, spent: float) -> float:
    """Answers take so long that the allowance is never used up."""
    return 3.0


@pytest.mark.parametrize(
    ("paced", "allowance"),
    [
        (in_bursts, QUOTA),
        (evenly, QUOTA._replace(cap=Rate(2.0))),
        (slowly, QUOTA),
        (slowly, None),
    ],
    ids=["the quota", "--rate", "slow answers", "slow answers without a limit"],
)
@pytest.mark.parametrize(
    ("finding", "settling"),
    [(0.0, 1.0), (0.4, 1.0), (0.0, 2.0), (0.0, 0.5)],
    ids=["plain", "look-ups first", "verified", "merging"],
)
def test_the_time_left_is_right_within_15_percent_after_a_minute(
    paced: Callable[[int, float], float],
    allowance: Allowance | None,
    finding: float,
    settling: float,
) -> None:
    """Whoever starts at five wants to know whether to wait. Not in the last two minutes of it:
    there a window more or less is much."""
    world, rate = World(finding=finding, settling=settling), RequestRate()
    said: list[tuple[int, float]] = []
    rate.look(0.0, 0)
    second = 0
    while world.settled < ROWS - 1e-6:
        world.spend(paced(second, world.requests))
        second += 1
        rate.look(float(second), round(world.requests))
        to_come = requests_left(world.seen)
        present = _present(allowance, second, world)
        left = left_s(to_come, present, per_s=rate.per_s(float(second), round(world.requests)))
        if left is not None and second >= 60:
            said.append((second, left))
    wrong = [
        (at, left, second - at)
        for at, left in said
        if second - at > 120 and abs(left - (second - at)) > 0.15 * (second - at)
    ]
    assert said
    assert wrong == []


@pytest.mark.parametrize("window", [1, 2, 5])
def test_a_window_that_has_just_begun_makes_no_run_slow(window: int) -> None:
    """The burst of a minute ago is out of sight then and the new one has hardly begun: for a second
    in each minute a quarter of an hour was said to be left of three minutes."""
    rate = RequestRate()
    for second in range(60 * window + 1):
        rate.look(float(second), 300 * (1 + (second - 1) // 60) if second else 0)
    rate.look(60.0 * window + 1.5, 300 * window + 64)
    per_s = rate.per_s(60.0 * window + 1.5, 300 * window + 64)
    assert per_s == pytest.approx(5.0, rel=0.1)
    assert left_s(300, QUOTA._replace(left=236, ends_in_s=59.0), per_s=per_s) == pytest.approx(
        60.0, abs=5.0
    )


def test_a_run_that_gets_slower_is_seen_to() -> None:
    """In a minute and a quarter at most."""
    rate = RequestRate()
    for second in range(200):
        rate.look(float(second), min(second, 100) * 5)
    assert rate.per_s(199.0, 500) == 0.0


def test_another_pace_is_believed_at_once() -> None:
    """`pace` is answered within a second, and for a minute the time left was that of before."""
    rate, faster = RequestRate(), QUOTA._replace(cap=Rate(4.0))
    for second in range(61):
        rate.look(float(second), second, cap=Rate(1.0))
    rate.look(61.0, 61, cap=faster.cap)
    assert left_s(400, faster, per_s=rate.per_s(61.0, 61)) == pytest.approx(100.0, rel=0.15)
    rate.look(63.0, 69, cap=faster.cap)
    assert rate.per_s(63.0, 69) == pytest.approx(4.0)


def test_values_before_are_counted_from_the_first_row_on() -> None:
    """With --keep-before a row is two requests: half the time is no estimate. What was read ahead
    is not to come once more, unless another process goes on."""
    first = Seen(100, 100, 100, settled=2, settled_here=2, finding=0, requests=31, reading=30)
    assert requests_left(first) == 98 + 98 - 28
    assert requests_left(first, anew=True) == 98 + 98
    later = first._replace(settled=60, settled_here=60, requests=160, reading=100)
    assert requests_left(later) == 40


def test_reading_back_is_counted_from_the_first_row_on() -> None:
    """With --verify a row is two requests, and half the time is no estimate either."""
    first = Seen(100, 100, 100, 2, 2, finding=0, requests=4, verifies=1.0)
    assert requests_left(first) == 98 * 2
    known = first._replace(settled=60, settled_here=60, requests=90)
    assert requests_left(known) == 60


def test_what_only_waits_to_be_read_back_is_not_sent_again() -> None:
    """Up to two thousand patches are sent ahead of what is read back: of a run of 700 rows all of
    them, and the time left was said to be half as long again. Another process sends them anew."""
    first = Seen(700, 700, 700, 16, 16, finding=0, requests=32, verifies=1.0, accepted=584)
    assert requests_left(first) == 684 * 2 - 584
    assert requests_left(first, anew=True) == 684 * 2
    later = first._replace(settled=200, settled_here=200, requests=400, accepted=500)
    assert requests_left(later) == 500


@pytest.mark.parametrize(
    ("sought", "settings", "expected"),
    [
        (0, Settings(), Cost(1000, 0, is_bound=True)),
        (1000, Settings(), Cost(2010, 1010, is_bound=True)),
        (10, Settings(), Cost(1011, 11, is_bound=True)),
        (10, Settings(find=FindOptions(fresh=True)), Cost(1010, 10, is_bound=True)),
        (10, Settings(find=FindOptions(ambiguous="all")), Cost(1011, 11, is_bound=False)),
        (0, Settings(find=FindOptions(learn_ended=True)), Cost(1010, 10, is_bound=True)),
        (
            0,
            Settings(find=FindOptions(learn_ended=True, ended="skip")),
            Cost(2010, 1010, is_bound=True),
        ),
        (
            0,
            Settings(safeguards=Safeguards(keep_before=True, verify=VerifyOptions(share=0.05))),
            Cost(2050, 1050, is_bound=False),
        ),
    ],
)
def test_what_a_run_takes_that_has_not_begun(
    sought: int, settings: Settings, expected: Cost
) -> None:
    """Who says yes by this number must not find that it was half of it."""
    assert foresee(1000, sought, settings, reads_route=False) == expected


def test_what_was_found_ahead_is_found_again_by_another_process() -> None:
    """A process that has looked for all, and sent nothing, leaves all its look-ups to the next."""
    seen = Seen(1000, 1000, 1000, settled=0, settled_here=0, finding=400, requests=400)
    assert requests_left(seen) == 1000
    assert requests_left(seen, anew=True) == 1000 + 400


def test_what_is_being_looked_for_is_not_found_yet() -> None:
    """A thousand rows are looked for before the first of them is sent: three minutes in which the
    reads to come were in no count, and a later batch's made every row dearer than it is."""
    seen = Seen(1000, 1000, 0, 0, 0, finding=300, requests=300, in_hand=1000, reads_left=700)
    assert requests_left(seen) == 700 + 1000
    more = seen._replace(expected=3000)
    assert requests_left(more) == 700 + 2000 + 3000
    later = more._replace(read=2000, fed=1000, finding=1300, requests=1300)
    assert requests_left(later) == 700 + 1000 + 3000


def test_few_reads_serve_many_rows_of_one_conversation() -> None:
    """Nor is there a read for each of them to come."""
    seen = Seen(
        1000, 1000, 1000, settled=500, settled_here=500, finding=0, requests=100, reading=50
    )
    assert requests_left(seen) == 100


def _present(allowance: Allowance | None, second: int, world: World) -> Allowance | None:
    """What the platform says that is left of the window under way."""
    if allowance is None:
        return None
    used = min(300.0, 50.0 * (second % 60)) if allowance.cap is None else 0.0
    return allowance._replace(left=round(300 - used), ends_in_s=60.0 - second % 60)
