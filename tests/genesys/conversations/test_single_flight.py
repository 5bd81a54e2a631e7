"""Work that several want is done once, and whoever leaves does no harm to the others."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.genesys.conversations.single_flight import LruCache, SingleFlight, for_each

if TYPE_CHECKING:
    from collections.abc import Callable

    RunVirtual = Callable[[Any], Any]


class Work:
    """Takes a second; says when it began, and counts."""

    def __init__(self) -> None:
        self.began: list[float] = []
        self.cancelled = 0
        self.fails = False
        self.flights: SingleFlight[float] = SingleFlight(self.fly)

    async def fly(self, key: str) -> float:
        now_s = round(asyncio.get_running_loop().time(), 2)
        self.began.append(now_s)
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fails:
            raise ValueError(key)
        return now_s

    def join(self, *, fresh: bool = False, key: str = "k") -> asyncio.Task[float]:
        return asyncio.ensure_future(self.flights.join(key, fresh=fresh))


def test_those_who_come_meanwhile_share_it(run_virtual: RunVirtual) -> None:
    """One request serves them all; who comes later needs another."""

    async def scene() -> None:
        work = Work()
        first = work.join()
        await asyncio.sleep(0.5)
        others = [work.join(), work.join(key="other")]
        assert await asyncio.gather(first, *others) == [0, 0, 0.5]
        assert await work.join() == 1.5
        assert len(work.flights) == 0

    run_virtual(scene())


def test_fresh_work_begins_after_the_wish(run_virtual: RunVirtual) -> None:
    """What began before a write says nothing about it; and two at once would be one too many."""

    async def scene() -> None:
        work = Work()
        old = work.join()
        await asyncio.sleep(0.5)
        wishes = [work.join(fresh=True), work.join(fresh=True), work.join()]
        assert await asyncio.gather(old, *wishes) == [0, 1, 1, 0]
        assert work.began == [0, 1]
        assert len(work.flights) == 0

    run_virtual(scene())


def test_what_has_not_begun_is_fresh(run_virtual: RunVirtual) -> None:
    """Those who ask at one instant share one request, the first among them too."""

    async def scene() -> None:
        work = Work()
        assert await asyncio.gather(*(work.join(fresh=True) for _ in range(3))) == [0, 0, 0]

    run_virtual(scene())


def test_one_who_is_cancelled_leaves_the_others_theirs(run_virtual: RunVirtual) -> None:
    """A worker that is stopped must not fail its neighbours' rows."""

    async def scene() -> None:
        work = Work()
        leaving, staying = work.join(), work.join()
        await asyncio.sleep(0.5)
        leaving.cancel()
        assert await staying == 0
        assert (leaving.cancelled(), work.cancelled) == (True, 0)

    run_virtual(scene())


@pytest.mark.parametrize("fresh", [False, True])
def test_when_the_last_is_cancelled_so_is_the_work(run_virtual: RunVirtual, fresh: bool) -> None:
    """No request is left that nobody waits for, and whoever comes next gets a live one."""

    async def scene() -> None:
        work = Work()
        leaving = work.join()
        await asyncio.sleep(0.5)
        leaving.cancel()
        await asyncio.sleep(0)
        assert await work.join(fresh=fresh) == 0.5
        assert (work.cancelled, len(work.flights)) == (1, 0)

    run_virtual(scene())


def test_what_waits_behind_the_cancelled_goes_on(run_virtual: RunVirtual) -> None:
    """It does not share the fate of what it waits for, nor wait for its end."""

    async def scene() -> None:
        work = Work()
        leaving = work.join()
        await asyncio.sleep(0.5)
        fresh = work.join(fresh=True)
        await asyncio.sleep(0.1)
        leaving.cancel()
        late = work.join()
        assert [await fresh, await late] == [0.6, 0.6]
        assert (work.began, len(work.flights)) == ([0, 0.6], 0)

    run_virtual(scene())


def test_what_waits_behind_can_be_cancelled(run_virtual: RunVirtual) -> None:
    """The one under way is not touched, and a fresh one can be had again."""

    async def scene() -> None:
        work = Work()
        old = work.join()
        await asyncio.sleep(0.5)
        leaving = work.join(fresh=True)
        await asyncio.sleep(0.1)
        leaving.cancel()
        await asyncio.sleep(0)
        assert len(work.flights) == 1
        fresh = work.join(fresh=True)
        assert [await old, await fresh] == [0, 1]

    run_virtual(scene())


def test_all_hear_of_a_failure(run_virtual: RunVirtual) -> None:
    """What ends the run ends it for whoever asked, and the next one tries anew."""

    async def scene() -> None:
        work = Work()
        work.fails = True
        answers = await asyncio.gather(work.join(), work.join(), return_exceptions=True)
        assert [type(answer) for answer in answers] == [ValueError, ValueError]
        work.fails = False
        assert await work.join() == 1

    run_virtual(scene())


def test_a_failure_that_nobody_hears_is_no_noise(run_virtual: RunVirtual) -> None:
    """Asyncio complains of exceptions that were never retrieved."""

    async def scene() -> None:
        noise: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
        work = Work()
        work.fails = True
        leaving = work.join()
        await asyncio.sleep(1)
        leaving.cancel()
        await asyncio.sleep(2)
        del leaving, work
        gc.collect()
        assert noise == []

    run_virtual(scene())


def test_cancelled_at_any_moment_nothing_stays(cancel_at_each_await: Any) -> None:
    """Whatever it was waiting for."""

    async def fly(key: str) -> str:
        await asyncio.sleep(0)
        return key

    def scene() -> Any:
        flights = SingleFlight(fly)

        async def check() -> None:
            await asyncio.sleep(0)
            assert len(flights) == 0

        return flights.join("k"), check

    assert asyncio.run(cancel_at_each_await(scene)) == 1


def test_a_few_at_a_time_in_order(run_virtual: RunVirtual) -> None:
    """Neither a task a row, nor more requests than were asked for."""

    async def scene() -> None:
        began: list[tuple[float, int]] = []

        async def work(item: int) -> None:
            began.append((round(asyncio.get_running_loop().time()), item))
            await asyncio.sleep(1)

        await for_each(range(5), work, at_once=2)
        await for_each([], work, at_once=2)
        assert began == [(0, 0), (0, 1), (1, 2), (1, 3), (2, 4)]

    run_virtual(scene())


def test_the_first_failure_comes_bare_and_ends_the_rest(run_virtual: RunVirtual) -> None:
    """The run is stopped by the exception itself, not by a group that nobody expects."""

    async def scene() -> None:
        ended: list[int] = []

        async def work(item: int) -> None:
            try:
                await asyncio.sleep(item + 1)
                raise ValueError(str(item))
            finally:
                ended.append(item)

        with pytest.raises(ValueError, match="0"):
            await for_each(range(9), work, at_once=3)
        assert sorted(ended) == [0, 1, 2]

    run_virtual(scene())


def test_cancelling_it_cancels_the_work(run_virtual: RunVirtual) -> None:
    """A stop must not leave look-ups behind."""

    async def scene() -> None:
        ended: list[int] = []

        async def work(item: int) -> None:
            try:
                await asyncio.sleep(1)
            finally:
                ended.append(item)

        task = asyncio.ensure_future(for_each(range(9), work, at_once=3))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sorted(ended) == [0, 1, 2]

    run_virtual(scene())


def test_the_longest_unasked_is_forgotten() -> None:
    """Nothing grows with the input."""
    recent: LruCache[int] = LruCache(2, most_bytes=100)
    for number in range(2):
        recent.put(str(number), number, about_bytes=1)
    assert recent.get("0") == 0
    recent.put("2", 2, about_bytes=1)
    assert [recent.get(key) for key in "012"] == [0, None, 2]


def test_bytes_are_a_bound_as_well() -> None:
    """A few huge conversations take as much memory as many small ones."""
    recent: LruCache[int] = LruCache(10, most_bytes=100)
    recent.put("a", 1, about_bytes=60)
    recent.put("b", 2, about_bytes=40)
    assert len(recent) == 2
    recent.put("b", 3, about_bytes=41)
    assert [recent.get(key) for key in "ab"] == [None, 3]
    recent.put("c", 4, about_bytes=101)
    assert [recent.get(key) for key in "bc"] == [3, None]
    recent.drop("b")
    recent.drop("b")
    assert len(recent) == 0
