"""Few wait for a permit; those that are held back come in one by one, and nobody is forgotten."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchpatch.genesys.rate_limit.admission import Admission

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Run = Callable[[Coroutine[Any, Any, Any]], Any]


async def settled() -> None:
    """Let everybody go on who can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def pass_through(admission: Admission, waits_s: float) -> None:
    """What a worker does: take its turn, then wait for a permit."""
    while admission.crowded:
        await admission.room()
    with admission.waiting():
        await asyncio.sleep(waits_s)


@settings(deadline=None, max_examples=50)
@given(
    most=st.integers(1, 4),
    waits_s=st.lists(st.floats(0.01, 3), min_size=1, max_size=25),
    cancelled=st.sets(st.integers(0, 24)),
    when_s=st.floats(0, 2),
)
def test_no_more_wait_than_may_and_all_get_through(
    run_virtual: Run, most: int, waits_s: list[float], cancelled: set[int], when_s: float
) -> None:
    """Also where some are cancelled, be it while they are held back or at their turn: a turn that
    went with them would hold all others up for ever."""

    async def scene() -> tuple[int, int]:
        admission, inside, peak, through = Admission(most), 0, 0, 0

        async def worker(wait_s: float) -> None:
            nonlocal inside, peak, through
            while admission.crowded:
                await admission.room()
            with admission.waiting():
                inside += 1
                peak = max(peak, inside)
                try:
                    await asyncio.sleep(wait_s)
                finally:
                    inside -= 1
            through += 1

        tasks = [asyncio.create_task(worker(one)) for one in waits_s]
        await asyncio.sleep(when_s)
        gone = [tasks[one] for one in cancelled if one < len(tasks) and not tasks[one].done()]
        for task in gone:
            task.cancel()
        await asyncio.wait(tasks)
        assert through == len(tasks) - len(gone)
        return peak, len(tasks)

    peak, count = run_virtual(scene())
    assert peak <= most
    assert peak == min(most, count)


@pytest.mark.parametrize("at_its_turn", [False, True])
def test_a_cancelled_turn_is_the_next_ones(run_virtual: Run, at_its_turn: bool) -> None:
    """A worker that is cancelled in the moment in which it may go takes nothing with it."""

    async def scene() -> None:
        admission = Admission(1)
        inside = asyncio.create_task(pass_through(admission, 1))
        await settled()
        first = asyncio.create_task(pass_through(admission, 1))
        second = asyncio.create_task(pass_through(admission, 1))
        await settled()
        if at_its_turn:
            inside.cancel()
            await asyncio.wait([inside])
        first.cancel()
        await asyncio.wait([inside, first, second])
        assert not second.cancelled()

    run_virtual(scene())


def test_room_that_is_there_is_not_waited_for_twice(run_virtual: Run) -> None:
    """Whoever is let in looks again, and the next one as well where there is more room."""

    async def scene() -> None:
        admission = Admission(2)
        inside = [asyncio.create_task(pass_through(admission, 1)) for _ in range(2)]
        await settled()
        held = [asyncio.create_task(pass_through(admission, 1)) for _ in range(2)]
        await asyncio.wait(inside)
        await settled()
        assert admission.crowded  # both of them came in
        await asyncio.wait(held)
        assert not admission.crowded

    run_virtual(scene())


def test_once_closed_it_holds_nobody_back(run_virtual: Run) -> None:
    """A stop takes the workers home, and those that are held back have to learn of it."""

    async def scene() -> None:
        admission = Admission(1)
        inside = asyncio.create_task(pass_through(admission, 1000))
        await settled()
        held = [asyncio.create_task(pass_through(admission, 1)) for _ in range(5)]
        await settled()
        admission.close()
        await asyncio.wait(held, timeout=2)
        assert all(task.done() for task in held)
        assert not admission.crowded
        inside.cancel()

    run_virtual(scene())
