"""What an outage is, and that one call at a time finds out whether it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from batchpatch.genesys.circuit_breaker import CircuitBreaker, OutageWatch
from batchpatch.genesys.client import GenesysClient
from batchpatch.genesys.replies import NoReply

RunVirtual = Callable[[Any], Any]
MakeClient = Callable[..., GenesysClient]
LOST = NoReply("connection", "nobody is there", sent=False)
# What happens, and the seconds that pass before it: True is a failed first attempt, False a
# failed later one, None an answer.
EVENTS = st.lists(st.tuples(st.sampled_from([True, False, None]), st.floats(0, 10)), max_size=30)


def watched(events: list[tuple[bool | None, float]]) -> tuple[OutageWatch, float]:
    """A watch that has seen these events, and the time after them."""
    watch, now_s = OutageWatch(), 1000.0
    for fresh, after_s in events:
        now_s += after_s
        if fresh is None:
            watch.answered()
        else:
            watch.failed(now_s, fresh=fresh)
    return watch, now_s


@given(EVENTS, st.booleans())
def test_an_answer_ends_every_suspicion(
    events: list[tuple[bool | None, float]], last_try: bool
) -> None:
    """Whatever failed before it, a platform that answers is not down."""
    watch, now_s = watched([*events, (None, 0.0)])
    assert not watch.is_outage(now_s + 1e6, last_try=last_try)


@given(EVENTS, st.booleans())
def test_it_takes_failures_of_several_calls(
    events: list[tuple[bool | None, float]], last_try: bool
) -> None:
    """Five in a row, three of them first attempts, over two seconds unless a call is at its end."""
    watch, now_s = watched(events)
    answers = [at for at, (fresh, _) in enumerate(events) if fresh is None]
    row = events[answers[-1] + 1 :] if answers else events
    lasted_s = sum(after_s for _, after_s in row[1:])
    enough = len(row) >= 5 and sum(fresh is True for fresh, _ in row) >= 3
    if abs(lasted_s - 2) > 1e-6:
        wanted = enough and (last_try or lasted_s > 2)
        assert watch.is_outage(now_s, last_try=last_try) is wanted


@given(st.integers(1, 2), st.integers(1, 6))
def test_a_few_poison_rows_are_no_outage(rows: int, attempts: int) -> None:
    """The last rows of a run may each fail for a reason of their own, at every attempt."""
    tries = [(attempt == 0, 3.0) for _ in range(rows) for attempt in range(attempts)]
    watch, now_s = watched([(None, 0.0), *tries])
    assert not watch.is_outage(now_s, last_try=True)


def make_breaker() -> CircuitBreaker:
    """A breaker on the running loop's clock that is open."""
    clock = asyncio.get_running_loop().time
    breaker = CircuitBreaker("host", max_outage_s=900, clock=clock, sleep=asyncio.sleep)
    breaker.answered()
    for _ in range(5):
        breaker.failed(fresh=True, last_try=True)
    assert breaker.is_open
    return breaker


def test_a_cancelled_prober_hands_the_probe_on(run_virtual: RunVirtual) -> None:
    """A stop may hit the one call that probes; the others must not wait for it for ever."""

    async def run() -> list[bool]:
        breaker = make_breaker()
        turns = [asyncio.ensure_future(breaker.wait()) for _ in range(3)]
        await asyncio.sleep(0.5)
        turns[0].cancel()
        await asyncio.wait(turns, return_when=asyncio.FIRST_COMPLETED)
        assert await turns[1]
        assert not turns[2].done()
        breaker.answered()
        return [await turns[2]]

    assert run_virtual(run()) == [False]


def test_one_probes_at_a_time(run_virtual: RunVirtual) -> None:
    """Also when an outage ends and the next begins while the first one's probe is asleep."""

    async def run() -> int:
        breaker = make_breaker()
        first = asyncio.ensure_future(breaker.wait())
        await asyncio.sleep(0.2)
        breaker.answered()
        for _ in range(5):
            breaker.failed(fresh=True, last_try=True)
        second = asyncio.ensure_future(breaker.wait())
        await asyncio.sleep(5)
        probing = [turn.done() and turn.result() for turn in (first, second)]
        for turn in (first, second):
            turn.cancel()
        return sum(probing)

    assert run_virtual(run()) == 1
