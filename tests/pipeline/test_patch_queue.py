"""The door between reader, window and workers: nobody waits too long, and nothing is lost.

The loop of these tests has no real time: a task that waits for ever ends the test at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchpatch.merging.window import Window
from batchpatch.model import Row
from batchpatch.options.run import MergeOptions
from batchpatch.pipeline.patch_queue import PatchQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from batchpatch.model import Patch

    Run = Callable[[Coroutine[Any, Any, Any]], Any]

STEPS = 5  # of the loop: more than any hand-over here needs


def row(number: int, who: int | None = None) -> Row:
    return Row(number, number + 1, 0, "c", f"p{number if who is None else who}", ("a",), ("x",))


def flow_of(window_rows: int) -> PatchQueue:
    return PatchQueue(Window(MergeOptions(window_rows=window_rows)))


async def settled() -> None:
    """Let everybody go on who can."""
    for _ in range(STEPS):
        await asyncio.sleep(0)


def later(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.ensure_future(coroutine)


@settings(deadline=None)
@given(
    people=st.lists(st.integers(0, 4), max_size=30),
    window_rows=st.integers(1, 8),
    workers=st.integers(1, 5),
    batch=st.integers(1, 6),
    idle=st.booleans(),
)
def test_each_row_comes_out_once(
    run_virtual: Run,
    people: list[int],
    window_rows: int,
    workers: int,
    batch: int,
    idle: bool,
) -> None:
    """With any number of workers, in the order of each participant, never two at a time."""
    rows = [row(number, who) for number, who in enumerate(people, 1)]

    async def scene() -> list[Patch]:
        flow = flow_of(window_rows)
        out: set[str] = set()
        done: list[Patch] = []

        async def feed() -> None:
            for at in range(0, len(rows), batch):
                await flow.put(rows[at : at + batch], idle=idle)
            flow.end()

        async def work(pace_s: float) -> None:
            while (patch := await flow.take()) is not None:
                assert patch.participant_id not in out
                out.add(patch.participant_id)
                await asyncio.sleep(pace_s)
                out.remove(patch.participant_id)
                done.append(patch)
                flow.give_back(patch)

        await asyncio.gather(feed(), *(work(0.1 + n / 7) for n in range(workers)))
        return done

    done = run_virtual(scene())
    for who in set(people):
        mine = [r for patch in done for r in patch.rows if r.participant_id == f"p{who}"]
        assert mine == [r for r in rows if r.participant_id == f"p{who}"]
    assert sum(len(patch.rows) for patch in done) == len(rows)


def test_put_waits_while_the_window_is_full_and_not_longer(run_virtual: Run) -> None:
    """This is what keeps a fast disk from filling the memory before slow requests."""

    async def scene() -> None:
        flow = flow_of(3)
        feeding = later(flow.put([row(1), row(2)], idle=False))
        await settled()
        assert feeding.done()
        feeding = later(flow.put([row(3), row(4)], idle=False))
        await settled()
        assert not feeding.done()
        await flow.take()
        await settled()
        assert not feeding.done()  # three rows still wait
        await flow.take()
        await settled()
        assert feeding.done()

    run_virtual(scene())


def test_rows_wait_for_company_until_the_reader_is_idle(run_virtual: Run) -> None:
    """A pipe never waits, and a file waits for a full window."""

    async def scene() -> None:
        flow = flow_of(10)
        taking = later(flow.take())
        await flow.put([row(1, 7)], idle=False)
        await settled()
        assert not taking.done()
        await flow.put([row(2, 7)], idle=False)
        await flow.put([], idle=True)  # nothing more at hand
        await settled()
        assert [r.number for r in taking.result().rows] == [1, 2]

    run_virtual(scene())


def test_a_lease_is_waited_for(run_virtual: Run) -> None:
    """A worker that finds only rows of a participant whose patch is out gets them with its end."""

    async def scene() -> None:
        flow = flow_of(10)
        await flow.put([row(1, 7)], idle=True)
        first = await flow.take()
        assert first is not None
        await flow.put([row(2, 7)], idle=True)
        taking = later(flow.take())
        await settled()
        assert not taking.done()
        flow.give_back(first)
        await settled()
        assert [r.number for r in taking.result().rows] == [2]

    run_virtual(scene())


@pytest.mark.parametrize("workers", [1, 8])
def test_the_end_sends_every_worker_home(run_virtual: Run, workers: int) -> None:
    """But not before the last patch is back: it may be what rows still wait for."""

    async def scene() -> None:
        flow = flow_of(10)
        await flow.put([row(1)], idle=True)
        patch = await flow.take()
        assert patch is not None
        takers = [later(flow.take()) for _ in range(workers)]
        flow.end()
        await settled()
        assert not any(taker.done() for taker in takers)
        flow.give_back(patch)
        assert await asyncio.gather(*takers) == [None] * workers
        assert await flow.take() is None

    run_virtual(scene())


def test_an_end_without_rows_is_an_end(run_virtual: Run) -> None:
    """An input with nothing but a header leaves no worker waiting."""

    async def scene() -> None:
        flow = flow_of(10)
        takers = [later(flow.take()) for _ in range(3)]
        await settled()
        flow.end()
        assert await asyncio.gather(*takers) == [None] * 3

    run_virtual(scene())


def test_close_wakes_everybody(run_virtual: Run) -> None:
    """On a stop, neither the reader nor a worker may hold the exit, whatever waits."""

    async def scene() -> None:
        flow = flow_of(2)
        await flow.put([row(1, 7)], idle=True)
        await flow.take()
        feeding = later(flow.put([row(2, 7), row(3, 7)], idle=False))
        taking = [later(flow.take()) for _ in range(3)]
        await settled()
        assert not any(task.done() for task in [feeding, *taking])
        flow.close()
        assert await asyncio.gather(feeding, *taking) == [None] * 4
        await flow.put([row(4), row(5)], idle=False)  # full, and yet it returns
        assert await flow.take() is None

    run_virtual(scene())


@pytest.mark.parametrize("woken", [False, True])
def test_a_cancelled_take_loses_nothing(run_virtual: Run, woken: bool) -> None:
    """A worker that is cancelled while it waits, or as it wakes, takes no patch with it."""

    async def scene() -> None:
        flow = flow_of(10)
        taking = later(flow.take())
        await settled()
        if woken:
            await flow.put([row(1)], idle=True)
        taking.cancel()
        await asyncio.wait([taking])
        assert taking.cancelled()
        if not woken:
            await flow.put([row(1)], idle=True)
        patch = await flow.take()
        assert patch is not None
        assert patch.number == 1

    run_virtual(scene())


def test_a_cancelled_put_leaves_its_rows_in_the_window(run_virtual: Run) -> None:
    """They count as read, so they must be sent or stay unattempted, but not vanish."""

    async def scene() -> None:
        flow = flow_of(2)
        feeding = later(flow.put([row(1), row(2), row(3)], idle=False))
        await settled()
        feeding.cancel()
        await asyncio.wait([feeding])
        flow.end()
        found = []
        while (patch := await flow.take()) is not None:
            found += [r.number for r in patch.rows]
            flow.give_back(patch)
        assert found == [1, 2, 3]

    run_virtual(scene())


@pytest.mark.parametrize(("window_rows", "patches"), [(1, 12), (5, 3), (11, 2), (12, 1)])
def test_a_window_that_is_smaller_than_a_batch_is_kept(
    run_virtual: Run, window_rows: int, patches: int
) -> None:
    """Whoever asks for a small one wants rows apart; a dry run counts its requests by it too."""

    async def scene() -> list[Patch]:
        flow = flow_of(window_rows)
        done: list[Patch] = []

        async def work() -> None:
            while (patch := await flow.take()) is not None:
                await asyncio.sleep(0)
                done.append(patch)
                flow.give_back(patch)

        working = later(work())
        await flow.put([row(number, who=1) for number in range(1, 13)], idle=False)
        flow.end()
        await working
        return done

    done = run_virtual(scene())
    assert len(done) == patches
    assert [r.number for patch in done for r in patch.rows] == list(range(1, 13))


def test_a_batch_larger_than_the_window_ends_with_the_queue(run_virtual: Run) -> None:
    """Nobody makes room any more, and the reader must not wait for it."""

    async def scene() -> None:
        flow = flow_of(2)
        feeding = later(flow.put([row(number) for number in range(1, 8)], idle=False))
        await settled()
        assert not feeding.done()
        flow.close()
        await settled()
        assert feeding.done()

    run_virtual(scene())
