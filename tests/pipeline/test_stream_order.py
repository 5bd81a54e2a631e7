"""Rows that somebody waits for, through the whole pipeline: each has one result, and whatever is
urgent, late or given up, each participant ends with what its rows say one by one."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sending_doubles import ScriptedCaller, make_row, work

from batchpatch.errors import ExitCode
from batchpatch.model import Outcome, RowContext, Stop
from batchpatch.options.run import MergeOptions
from batchpatch.pipeline import feeding, pipeline, stream_step
from batchpatch.pipeline.job import Stream
from batchpatch.pipeline.pipeline import Pipeline
from batchpatch.pipeline.stop import Stopper

if TYPE_CHECKING:
    from batchpatch.model import Row, RowResult

RunVirtual = Callable[[Any], Any]
MakeJob = Callable[..., Pipeline]
Lines = Callable[[], list[dict[str, Any]]]


class Wanted(NamedTuple):
    """What a row is like."""

    who: int
    urgent: bool
    deadline_s: float | None
    withdrawn_s: float | None
    """When its caller gives up."""


WANTED = st.builds(
    Wanted,
    who=st.integers(0, 4),
    urgent=st.booleans(),
    deadline_s=st.sampled_from([None, None, 0.001, 0.02, 0.15, 5.0]),
    withdrawn_s=st.sampled_from([None, None, None, 0.0, 0.015, 0.06, 0.13]),
)


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines are by the loop's clock, which jumps."""
    for module in (feeding, pipeline, stream_step):
        monkeypatch.setattr(module, "monotonic", lambda: asyncio.get_running_loop().time())


def rows_of(wanted: list[Wanted]) -> list[Row]:
    """Their rows: each says whose it is and which, and has a name of its own."""
    rows = []
    for number, one in enumerate(wanted, 1):
        attributes = {"of": str(one.who), "stage": str(number), f"n{number % 3}": str(number)}
        context = RowContext(id=f"r{number}", urgent=one.urgent, deadline_s=one.deadline_s)
        rows.append(make_row(number, one.who, **attributes)._replace(context=context))
    return rows


def give_up_in_time(job: Pipeline, wanted: list[Wanted], gone: set[int]) -> None:
    """Let callers go away, before it begins or while it goes on; `gone` gets their rows."""

    def give_up(number: int) -> None:
        gone.add(number)
        job.withdraw(number, unread=None)

    for number, one in enumerate(wanted, 1):
        if one.withdrawn_s == 0:
            give_up(number)
        elif one.withdrawn_s is not None:
            asyncio.get_running_loop().call_later(one.withdrawn_s, give_up, number)


@settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    wanted=st.lists(WANTED, max_size=40),
    workers=st.integers(1, 4),
    window_rows=st.sampled_from([3, 1000]),
    stop_s=st.sampled_from([None, None, 0.01, 0.04]),
)
def test_each_row_has_one_result_and_no_order_is_broken(
    make_job: MakeJob,
    lines: Lines,
    run_virtual: RunVirtual,
    wanted: list[Wanted],
    workers: int,
    window_rows: int,
    stop_s: float | None,
) -> None:
    """Callers give up at any moment and it is stopped, too: what is told is what is on record, and
    what was not sent is not there."""
    rows = rows_of(wanted)
    gone: set[int] = set()
    caller = ScriptedCaller()
    told: list[RowResult] = []

    async def run() -> None:
        stopper = Stopper()
        job = make_job(
            rows,
            caller,
            stopper=stopper,
            merge=MergeOptions(window_rows=window_rows),
            stream=Stream(told.append, withdrawn=gone.__contains__),
        )
        give_up_in_time(job, wanted, gone)
        if stop_s is not None:
            stop = Stop(ExitCode.INTERRUPTED, "SIGTERM")
            asyncio.get_running_loop().call_later(stop_s, stopper.request, stop)
        await work(job, workers)

    run_virtual(run())
    assert [result.row for result in told] == [line["row"] for line in lines()]
    by_row = {result.row: result for result in told}
    assert len(by_row) == len(told), "a row is told once"
    assert all(result.id == f"r{result.row}" for result in told)
    if stop_s is None:
        assert by_row.keys() == {row.number for row in rows}
    sent = defaultdict(list)
    for body in caller.bodies:
        sent[body["of"]].append(body)
    for bodies in sent.values():
        stages = [int(body["stage"]) for body in bodies]
        assert stages == sorted(set(stages)), "a participant's rows take effect in their order"
    states: dict[str, dict[str, str]] = defaultdict(dict)
    expected: dict[str, dict[str, str]] = defaultdict(dict)
    for body in caller.bodies:
        states[body["of"]].update(body)
    for row in rows:
        result = by_row.get(row.number)
        if result is not None and result.outcome in (Outcome.UPDATED, Outcome.SUPERSEDED):
            expected[row.values[0]].update(zip(row.names, row.values, strict=True))
    if stop_s is None:
        assert states == expected
