"""What a request that timed out can still do, when the platform applies it after the next one.

Nobody can take back a request that has left. When its answer does not come in time it is sent
again, and the first one may still be on its way: it can take effect later, even after a newer row
of the same participant. No client can rule that out without a version number in the API. What is
guaranteed is shown here: the report is whole, each attribute of that participant ends with the
newest value or with the one that was late, and nothing else is touched.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from harness.inputs import RowSpec, State, state_after
from harness.inside import HeldClock, Place
from harness.judging import whole_lines

from batchpatch.sandbox import SandboxOptions, parse_fault, running

if TYPE_CHECKING:
    from pathlib import Path

ANN = ("0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d", "7c9e6679-7425-40de-944b-e07fc1f90ae7")
BEN = ("1b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d", "8c9e6679-7425-40de-944b-e07fc1f90ae7")
ROWS = [
    RowSpec(1, ANN, {"stage": "old", "note": "from row 1"}, valid=True),
    RowSpec(2, BEN, {"stage": "of Ben"}, valid=True),
    RowSpec(3, ANN, {"stage": "new", "agent": "from row 3"}, valid=True),
]
LOST = f"kind=late,ms=1,times=1,participant={ANN[1]}"


def play(folder: Path, *, at_once: bool) -> tuple[State, Place]:
    """Row 1 gets no answer and is sent again; its first request arrives at once, or at the end."""

    async def run() -> tuple[State, Place]:
        clock = HeldClock()
        options = SandboxOptions(faults=(parse_fault(LOST),))
        async with running(options, clock=clock) as server:
            place = Place.of(server, folder, ROWS)
            working = asyncio.ensure_future(place.run())
            await clock.held.wait()
            server.state.injector.replace([])
            if at_once:
                clock.release()
            report = await working
            clock.release()
            assert report.summary.exit_code == 0
            assert server.state.writes.overlaps == 0
            return place.state(), place

    return asyncio.run(run())


def test_a_late_write_can_bring_an_old_value_back(tmp_path: Path) -> None:
    """Applied after everything else: the late row's own attributes, and not one more."""
    state, place = play(tmp_path, at_once=False)
    assert state[ANN] == {"stage": "old", "note": "from row 1", "agent": "from row 3"}
    assert state[BEN] == state_after(ROWS)[BEN]
    applied = [write["number"] for write in place.writes() if write["applied"]]
    assert len(applied) == len(ROWS) + 1  # the late one and its repetition


def test_a_write_that_is_not_too_late_does_no_harm(tmp_path: Path) -> None:
    """Applied before the next row of its participant: it says what its repetition says."""
    state, _ = play(tmp_path, at_once=True)
    assert state == state_after(ROWS)


@pytest.mark.parametrize("at_once", [False, True])
def test_the_report_of_a_late_write_is_whole(tmp_path: Path, at_once: bool) -> None:
    """Each row has its one line, and the line says that it took two attempts."""
    _, place = play(tmp_path, at_once=at_once)
    lines = {line["row"]: line for line in whole_lines(place.out / "results.jsonl")}
    assert sorted(lines) == [1, 2, 3]
    assert {line["outcome"] for line in lines.values()} == {"updated"}
    assert [lines[row]["attempts"] for row in (1, 2, 3)] == [2, 1, 1]
