"""The tasks of one run: what ends or delays them, and what they leave behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sending_doubles import (
    LATENCY_S,
    MANY,
    MERGED,
    LoopSource,
    ScriptedCaller,
    make_row,
    work,
)

from batchpatch.errors import RecordError
from batchpatch.genesys.replies import Reply
from batchpatch.model import InvalidRow, Stop
from batchpatch.options.run import LimitOptions, MaxFailures, MergeOptions
from batchpatch.pipeline.pipeline import Pipeline
from batchpatch.pipeline.recorder import EarlierRun
from batchpatch.pipeline.stop import OpeningHours, Stopper
from batchpatch.recording.results import ResultsLog

RunVirtual = Callable[[Any], Any]
MakeJob = Callable[..., Pipeline]
Lines = Callable[[], list[dict[str, Any]]]


def open_files() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_too_many_failures_stop_the_run(
    make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """What is in flight is settled and recorded; nothing new is begun."""
    stopper = Stopper()
    caller = ScriptedCaller(lambda _: Reply(404))

    async def run() -> None:
        limits = LimitOptions(max_failures=MaxFailures(rows=2))
        merge = MergeOptions(body_bytes=1)
        await work(make_job(MANY, caller, limits=limits, stopper=stopper, merge=merge))

    run_virtual(run())
    assert stopper.stop is not None
    assert stopper.stop.exit_code == 3
    assert "--max-failures 2" in stopper.stop.because
    assert len(lines()) == len(caller.bodies) < 7


def test_a_share_of_failures_is_that_of_this_process(
    make_job: MakeJob, run_virtual: RunVirtual
) -> None:
    """A resumed run of a million good rows still notices that nothing works any more."""
    stopper = Stopper()
    caller = ScriptedCaller(lambda _: Reply(404))
    rows = [make_row(number, who=number, stage="done") for number in range(1, 301)]

    async def run() -> None:
        limits = LimitOptions(max_failures=MaxFailures(percent=5))
        before = EarlierRun(outcomes={"updated": 1_000_000})
        await work(make_job(rows, caller, limits=limits, stopper=stopper, before=before))

    run_virtual(run())
    assert stopper.stop is not None
    assert 100 <= len(caller.bodies) < 110


def test_a_share_is_judged_of_failures_that_came_first_too(
    make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """Rows that are refused unsent settle before any other: no failure comes after them."""
    stopper, caller = Stopper(), ScriptedCaller()
    refused = [InvalidRow(number, number, 0, "bad", "no", "no") for number in range(1, 74)]
    rows = [*refused, *(make_row(number, who=number, stage="done") for number in range(74, 201))]

    async def run() -> None:
        limits = LimitOptions(max_failures=MaxFailures(percent=1))
        await work(make_job(rows, caller, limits=limits, stopper=stopper), workers=1)

    run_virtual(run())
    assert stopper.stop is not None
    assert stopper.stop.exit_code == 3
    assert len(caller.bodies) < 40


def test_a_share_of_a_small_file_is_judged(
    make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """Sixty rows of which half fail are too many of sixty, though they are no hundred."""
    stopper = Stopper()
    caller = ScriptedCaller(lambda _: Reply(404))
    rows = [make_row(number, who=number, stage="done") for number in range(1, 61)]

    async def run() -> None:
        limits = LimitOptions(max_failures=MaxFailures(percent=50))
        await work(make_job(rows, caller, limits=limits, stopper=stopper), workers=1)

    run_virtual(run())
    assert stopper.stop is not None
    assert stopper.stop.because == "31 of 60 rows failed, more than --max-failures 50% allows."
    assert len(lines()) < 40


def test_a_duration_that_is_over_stops_the_run(
    make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """By the clock, not by the rows."""
    stopper = Stopper()

    async def run() -> float:
        limits = LimitOptions(max_duration_s=3.5 * LATENCY_S)
        merge = MergeOptions(window_rows=4, body_bytes=1)
        job = make_job(MANY, ScriptedCaller(), limits=limits, stopper=stopper, merge=merge)
        await work(job)
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == pytest.approx(4.5 * LATENCY_S, rel=0.3)
    assert stopper.stop is not None
    assert stopper.stop.exit_code == 3
    assert 0 < len(lines()) < len(MANY)


def test_the_grace_is_as_long_as_it_says(
    make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """A request that is never answered is cut off after it, and its row has no line."""
    stopper = Stopper()

    class Silent(ScriptedCaller):
        async def call(self, *_: Any) -> Any:
            self.traffic.on_the_wire = 1
            stopper.request(Stop(130, "interrupted"))
            await asyncio.Event().wait()

    async def run() -> float:
        await work(make_job(MERGED, Silent(), limits=LimitOptions(grace_s=7), stopper=stopper))
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == pytest.approx(7, abs=0.5)
    assert lines() == []


class Opening:
    """Hours that open at this time of the running loop."""

    def __init__(self, opens_at_s: float) -> None:
        self._opens_at_s = opens_at_s

    def wait_s(self, _: object) -> float:
        """Seconds until then."""
        return max(0.0, self._opens_at_s - asyncio.get_running_loop().time())


def test_nothing_is_sent_before_the_hours_open(
    make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """However often it looks at the clock meanwhile."""
    times: list[float] = []

    def judge(_: dict[str, str]) -> Reply:
        times.append(asyncio.get_running_loop().time())
        return Reply(202)

    async def run() -> None:
        limits = LimitOptions(between=Opening(4000))  # type: ignore[arg-type]
        await work(make_job(MANY, ScriptedCaller(judge), limits=limits))

    run_virtual(run())
    assert 4000 <= min(times) <= max(times) < 4001
    assert len(lines()) == len(MANY)


def test_a_stop_outside_the_hours_is_at_once(
    make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """Nothing is in flight, so there is nothing to be patient for."""
    stopper = Stopper()

    async def run() -> float:
        limits = LimitOptions(between=Opening(4000), grace_s=10)  # type: ignore[arg-type]
        asyncio.get_running_loop().call_later(100, stopper.request, Stop(130, "interrupted"))
        await work(make_job(MANY, ScriptedCaller(), limits=limits, stopper=stopper))
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == pytest.approx(100, abs=0.1)
    assert lines() == []


def test_hours_that_nobody_waits_for_any_more_are_not_named(run_virtual: RunVirtual) -> None:
    """The progress of a run that winds down would go on saying that it waits for them."""

    async def run() -> list[str | None]:
        stopper, opening = Stopper(), Opening(4000)
        hours = OpeningHours(opening, stopper)  # type: ignore[arg-type]
        waiting = asyncio.ensure_future(hours.wait())
        await asyncio.sleep(100)
        said = [hours.waiting_for]
        stopper.request(Stop(130, "interrupted"))
        assert not await waiting
        return [*said, hours.waiting_for]

    while_closed, after = run_virtual(run())
    assert (bool(while_closed), after) == (True, None)


def test_cancelling_at_any_moment_leaves_nothing_behind(
    make_job: MakeJob, lines: Lines, run_virtual: RunVirtual, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No task, no request in flight, no reader, no open file; and a file that can be resumed."""
    monkeypatch.setattr("batchpatch.pipeline.pipeline.SYNC_EVERY_S", 2.5 * LATENCY_S)

    async def cancelled_after(wait_s: float) -> bool:
        caller = ScriptedCaller()
        job = make_job(MANY, caller, merge=MergeOptions(body_bytes=1))
        files = open_files()
        working = asyncio.ensure_future(work(job))
        await asyncio.sleep(wait_s)
        ended = working.done()
        working.cancel()
        await asyncio.wait([working])
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert (caller.traffic.on_the_wire, LoopSource.open) == (0, 0)
        assert open_files() == files - 1
        order: dict[str, int] = {}
        for line in lines():
            assert line["row"] > order.get(line["participant_id"], 0)
            order[line["participant_id"]] = line["row"]
        return ended

    async def run() -> int:
        moments = 0
        while not await cancelled_after(moments * LATENCY_S / 8):
            moments += 1
        return moments

    assert run_virtual(run()) > 50


def test_a_disk_that_fills_up_ends_every_task(
    make_job: MakeJob, run_virtual: RunVirtual, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first worker that cannot write its line takes the others with it."""
    append, left = ResultsLog.append, 5

    def failing(log: ResultsLog, line: bytes) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise RecordError("disk full")
        append(log, line)

    monkeypatch.setattr(ResultsLog, "append", failing)

    async def run() -> None:
        with pytest.raises(RecordError, match="disk full"):
            await work(make_job(MANY, ScriptedCaller(), merge=MergeOptions(body_bytes=1)))
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert LoopSource.open == 0

    run_virtual(run())
