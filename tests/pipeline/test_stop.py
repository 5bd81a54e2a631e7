"""Asked once, a run finishes what is in flight; asked twice, it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from batchpatch.model import Stop
from batchpatch.pipeline.stop import Stopper

RunVirtual = Callable[[Any], Any]
FIRST, SECOND = Stop(130, "SIGINT"), Stop(3, "a threshold")


def test_the_first_reason_stands() -> None:
    """A second Ctrl-C, or the failures it causes, do not change why the run ended."""

    async def run() -> Stop | None:
        stopper = Stopper()
        stopper.request(FIRST)
        stopper.request(SECOND)
        stopper.record(SECOND)
        return stopper.stop

    assert asyncio.run(run()) is FIRST


def test_a_note_stops_nothing(run_virtual: RunVirtual) -> None:
    """An input that turned bad is told at the end; what was read is still sent."""

    async def run() -> Stop | None:
        stopper = Stopper()
        stopper.record(FIRST)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await stopper.asked()
        return stopper.stop

    assert run_virtual(run()) is FIRST


@pytest.mark.parametrize(("again_after_s", "wanted_s"), [(None, 10), (4, 4), (60, 10)])
def test_the_grace_ends_early_for_the_impatient(
    again_after_s: float | None, wanted_s: float, run_virtual: RunVirtual
) -> None:
    """As long as it says, or until somebody asks again."""

    async def run() -> float:
        stopper = Stopper()
        loop = asyncio.get_running_loop()
        stopper.request(FIRST)
        await stopper.asked()
        if again_after_s is not None:
            loop.call_later(again_after_s, stopper.request, FIRST)
        at_work = asyncio.create_task(asyncio.Event().wait())
        await stopper.grace_is_over(10, unless=at_work)
        at_work.cancel()
        return loop.time()

    assert run_virtual(run()) == pytest.approx(wanted_s, abs=0.01)


def test_two_requests_at_once_leave_no_grace(run_virtual: RunVirtual) -> None:
    """The second may come before anyone has noticed the first."""

    async def run() -> float:
        stopper = Stopper()
        stopper.request(FIRST)
        stopper.request(FIRST)
        at_work = asyncio.create_task(asyncio.Event().wait())
        await stopper.grace_is_over(10, unless=at_work)
        at_work.cancel()
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == pytest.approx(0, abs=0.01)


def test_nothing_is_waited_for_when_nothing_is_under_way(run_virtual: RunVirtual) -> None:
    """A run that only waits for its turn has nothing to settle."""

    async def run() -> float:
        stopper = Stopper()
        stopper.request(FIRST)
        settling = asyncio.create_task(asyncio.sleep(2))
        await stopper.grace_is_over(10, unless=settling)
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == pytest.approx(2, abs=0.01)


def test_the_time_that_is_over_does_not_hide_another_reason(run_virtual: RunVirtual) -> None:
    """Whoever pressed Ctrl-C a second before is told that, and not `--max-duration`."""

    async def run() -> tuple[Stop | None, bool]:
        stopper = Stopper()
        stopper.record(FIRST)
        await stopper.expire(5)
        return stopper.stop, stopper.is_asked

    assert run_virtual(run()) == (FIRST, False)
