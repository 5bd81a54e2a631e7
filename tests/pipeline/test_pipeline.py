"""The tasks of one run: what they send, and what they record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from sending_doubles import (
    MANY,
    MERGED,
    ScriptedCaller,
    work,
)

from batchpatch.errors import AccessError
from batchpatch.genesys.replies import NoReply, Reply
from batchpatch.options.run import MergeOptions
from batchpatch.pipeline.pipeline import Pipeline

if TYPE_CHECKING:
    from batchpatch.model import Row

RunVirtual = Callable[[Any], Any]
MakeJob = Callable[..., Pipeline]
Lines = Callable[[], list[dict[str, Any]]]


@pytest.mark.parametrize("status", [400, 413])
def test_a_refused_merge_is_sent_row_by_row(
    status: int, make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """One bad row does not sink its neighbours: only it is rejected, the others in order."""

    def judge(attributes: dict[str, str]) -> Reply:
        bad = len(attributes) == 3 or attributes["stage"] == "two"
        return Reply(status, "bad.request") if bad else Reply(202)

    caller = ScriptedCaller(judge)

    async def run() -> int:
        job = make_job(MERGED, caller)
        await work(job)
        return job.patches

    assert run_virtual(run()) == 4
    assert caller.bodies == [
        {"stage": "three", "note": "first", "agent": "last"},
        *(dict(zip(row.names, row.values, strict=True)) for row in MERGED),
    ]
    found = [(line["row"], line["outcome"], line["patch"]) for line in lines()]
    assert found == [(1, "updated", 2), (2, "rejected", 3), (3, "updated", 4)]


@pytest.mark.parametrize("status", [404, 409, 500])
def test_other_refusals_are_the_participants(
    status: int, make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """A participant that does not exist is not asked about once for each of its rows; and what
    never took effect has superseded nothing."""
    caller = ScriptedCaller(lambda _: Reply(status))

    async def run() -> None:
        await work(make_job(MERGED, caller))

    run_virtual(run())
    assert len(caller.bodies) == 1
    found = [(line["row"], line["outcome"], line.get("superseded_by")) for line in lines()]
    assert found == [(1, "rejected", None), (2, "rejected", None), (3, "rejected", None)]


def test_a_single_row_is_not_split(
    make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """It was refused alone; asking again would bring the same answer."""
    caller = ScriptedCaller(lambda _: Reply(400))

    async def run() -> None:
        await work(make_job(MERGED[:1], caller))

    run_virtual(run())
    assert len(caller.bodies) == len(lines()) == 1


@pytest.mark.parametrize("rows", [MERGED[:1], MERGED, MANY[:4]])
def test_a_short_input_of_denials_comes_to_its_end(
    rows: list[Row], make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """Fewer answers than it takes to blame the token: each row has its line, and the run ends.

    Held back for judgement, the denials once kept the participants leased for which the workers
    waited.
    """
    caller = ScriptedCaller(lambda _: Reply(403))

    async def run() -> None:
        async with asyncio.timeout(60):
            await work(make_job(rows, caller, merge=MergeOptions(body_bytes=1)))

    run_virtual(run())
    found = sorted((line["row"], line["status"]) for line in lines())
    assert found == [(r.number, 403) for r in rows]


def test_denials_alone_end_the_run_without_lines(
    make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """The token is at fault, so no row is settled and resuming begins at the first."""

    async def run() -> None:
        await work(make_job(MANY, ScriptedCaller(lambda _: Reply(403))))

    with pytest.raises(AccessError, match="status 403"):
        run_virtual(run())
    assert lines() == []


@pytest.mark.parametrize("thing", ["progress", "requests_left", "observe"])
def test_nothing_that_only_shows_ends_the_work(
    thing: str, make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """Whatever it raises, also at the last look: each row is sent and has its line."""
    looks: list[object] = []

    def broken(*_: object) -> None:
        looks.append(thing)
        raise OverflowError("cannot convert float infinity to integer")

    async def run() -> None:
        job = make_job(MANY, ScriptedCaller(lambda _: Reply(404)))
        setattr(job, thing, broken)
        await job.work(workers=3, observe=broken if thing == "observe" else looks.append)

    run_virtual(run())
    assert sorted(line["row"] for line in lines()) == [row.number for row in MANY]
    assert thing in looks


def test_no_answer_is_unknown_in_the_report(
    make_job: MakeJob, lines: Lines, run_virtual: RunVirtual
) -> None:
    """It may have taken effect: the report does not say that it did not."""
    lost = NoReply("timeout", "no answer in time", sent=True)

    async def run() -> None:
        await work(make_job(MERGED[:1], ScriptedCaller(lambda _: lost)))

    run_virtual(run())
    assert [(line["outcome"], line["code"]) for line in lines()] == [
        ("unknown", "no_answer.timeout")
    ]
