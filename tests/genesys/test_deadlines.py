"""Deadlines: whose time is over is cancelled, in time, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.genesys.deadlines import Deadlines

RunVirtual = Callable[[Any], Any]

AFTER_S = 10.0
SOON_S = 0.001


async def attempt(deadlines: Deadlines, takes_s: float, *, begins_s: float = 0.0) -> float | None:
    """Take that long; returns when it was over, None where it ended before."""
    await asyncio.sleep(begins_s)
    task = deadlines.begin()
    try:
        await asyncio.sleep(takes_s)
    except asyncio.CancelledError:
        if not deadlines.is_over(task):
            raise
        return asyncio.get_running_loop().time()
    finally:
        deadlines.end(task)
    return None


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=8))
def test_each_ends_at_its_own_time(
    run_virtual: RunVirtual, plan: list[tuple[float, float]]
) -> None:
    """One timer for all of them is as good as one for each, whenever they begin and end."""

    async def run() -> list[float | None]:
        deadlines = Deadlines(AFTER_S)
        return await asyncio.gather(
            *(attempt(deadlines, takes_s, begins_s=begins_s) for begins_s, takes_s in plan)
        )

    for (begins_s, takes_s), over_s in zip(plan, run_virtual(run()), strict=True):
        if abs(takes_s - AFTER_S) > SOON_S:
            assert (over_s is not None) == (takes_s > AFTER_S)
        if over_s is not None:
            assert over_s == pytest.approx(begins_s + AFTER_S, abs=SOON_S)


def test_a_cancellation_from_outside_stays_one(run_virtual: RunVirtual) -> None:
    """A run that is stopped at the very moment must not go on with the next row."""

    async def run() -> bool:
        deadlines = Deadlines(AFTER_S)
        task = asyncio.create_task(attempt(deadlines, 2 * AFTER_S))
        asyncio.get_running_loop().call_at(AFTER_S, task.cancel)
        await asyncio.wait([task])
        return task.cancelled()

    assert run_virtual(run())


def test_a_task_goes_on_after_its_time_was_over(run_virtual: RunVirtual) -> None:
    """A worker's next attempt has a time of its own, and its next await is not cancelled."""

    async def run() -> list[float | None]:
        deadlines = Deadlines(AFTER_S)
        found = [await attempt(deadlines, 2 * AFTER_S) for _ in range(2)]
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
        return [*found, await attempt(deadlines, 1.0)]

    first_s, second_s, none = run_virtual(run())
    assert (first_s, second_s) == pytest.approx((AFTER_S, 2 * AFTER_S), abs=SOON_S)
    assert none is None


def test_an_error_in_place_of_the_cancellation_leaves_none_behind(run_virtual: RunVirtual) -> None:
    """What is cancelled may answer with an error of its own; the task is then cancelled no more."""

    async def run() -> int:
        deadlines = Deadlines(AFTER_S)
        task = deadlines.begin()
        try:
            await asyncio.sleep(2 * AFTER_S)
        except asyncio.CancelledError:
            deadlines.end(task)
        await asyncio.sleep(2 * AFTER_S)
        return task.cancelling()

    assert run_virtual(run()) == 0
