"""Blocking work off the loop: it ends as it would, or is left where somebody asks for that."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

from batchpatch.errors import LeftError, RecordError
from batchpatch.model import Stop
from batchpatch.pipeline.blocking import off_loop, off_loop_unless_stopped, unless_stopped
from batchpatch.pipeline.stop import Stopper

STOP = Stop(130, "SIGINT")


def test_what_it_returns_and_raises_comes_through() -> None:
    """A full disk is still a sentence when another thread has met it."""

    def fail() -> None:
        raise RecordError("disk full")

    async def run() -> int:
        assert await off_loop(lambda: 7, unless=Stopper().asked()) == 7
        with pytest.raises(RecordError, match="disk full"):
            await off_loop(fail, unless=Stopper().asked())
        return len([one for one in asyncio.all_tasks() if one is not asyncio.current_task()])

    assert asyncio.run(run()) <= 2  # what waited for the stopper is being cancelled


def test_where_no_thread_begins_it_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """While `atexit` runs Python 3.12 starts none, and a patcher that is drained then has a report
    to make."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    async def run() -> int:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        return await off_loop(lambda: 7, unless=Stopper().asked())

    assert asyncio.run(run()) == 7


def test_the_loop_hears_while_it_works() -> None:
    """That is what it is for; and who has left is not held by the thread."""
    going_on = threading.Event()

    async def run() -> None:
        stopper = Stopper()
        loop = asyncio.get_running_loop()
        for delay_s in (0.01, 0.02):
            loop.call_later(delay_s, stopper.request, STOP)
        with pytest.raises(LeftError, match="Left early"):
            await off_loop(going_on.wait, unless=stopper.asked_to_leave(), left="Left early.")
        with pytest.raises(LeftError):
            stopper.refuse_leaving()

    asyncio.run(run())
    assert not going_on.is_set()
    going_on.set()


def test_what_takes_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of gigabytes are read before the first row is sent, and a terminal on which nothing
    happens looks like one that hangs. Nothing is told of what has ended by then."""
    monkeypatch.setattr("batchpatch.pipeline.blocking._WORTH_TELLING_S", 0.0)
    told: list[str] = []
    seen = threading.Event()

    def tell(words: str) -> None:
        told.append(words)
        seen.set()

    async def run() -> None:
        stopper = Stopper(tell=tell)
        looking = off_loop_unless_stopped(seen.wait, stopper, left="Left.", doing="Looking at it")
        assert await looking
        monkeypatch.setattr("batchpatch.pipeline.blocking._WORTH_TELLING_S", 60.0)
        assert await off_loop_unless_stopped(seen.is_set, stopper, left="Left.", doing="Again")

    asyncio.run(run())
    assert told == ["Looking at it (Ctrl-C: leave)."]


@pytest.mark.parametrize(("before", "needed"), [(0, 2), (1, 1), (2, 1)])
def test_who_has_asked_before_needs_to_ask_once_more(before: int, needed: int) -> None:
    """Two requests have ended the work; the third is about what is done after it."""

    async def run() -> int:
        stopper = Stopper()
        for _ in range(before):
            stopper.request(STOP)
        leaving = asyncio.ensure_future(stopper.asked_to_leave())
        asked = 0
        await asyncio.sleep(0)
        while not leaving.done():
            assert not stopper.is_leaving
            stopper.request(STOP)
            asked += 1
            for _ in range(3):
                await asyncio.sleep(0)
        return asked

    assert asyncio.run(run()) == needed


def test_what_fails_while_it_is_left_is_no_trace() -> None:
    """Nobody waits for the answer any more, nor for why there is none."""
    said: list[dict[str, Any]] = []

    async def ask() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            raise RecordError("closed")

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
        stopper = Stopper()
        asyncio.get_running_loop().call_soon(stopper.request, STOP)
        with pytest.raises(LeftError, match="Left early"):
            await unless_stopped(ask(), stopper, left="Left early.")
        gc.collect()

    asyncio.run(run())
    assert said == []
