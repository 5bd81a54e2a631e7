"""Rows that were refused are sent again once the cause is gone, and never over a newer value."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest
from harness.inputs import RowSpec, make_rows, state_after
from harness.inside import Place
from harness.judging import line_counts, whole_lines

from batchpatch.model import Outcome, Stop
from batchpatch.options.read import ReadOptions
from batchpatch.pipeline.stop import Stopper
from batchpatch.sandbox import Fault, SandboxOptions, parse_fault, running

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.sandbox import SandboxServer

REJECTED = frozenset({Outcome.REJECTED})
FIRST = ReadOptions(limit=120)
"""The part of the rows during which some participants are refused."""
SCENES = [(0, 1), (1, 40), (2, 1000), (3, 40), (4, 1)]
"""Seeds, and the rows of the window."""


def scene(seed: int) -> tuple[list[RowSpec], tuple[Fault, ...]]:
    """Rows, and faults that refuse some of their participants for good."""
    dice = Random(seed)  # noqa: S311 - nothing here is a secret
    rows = make_rows(dice, 240, marked=True)
    people = sorted({dice.choice(rows).who[1] for _ in range(8)})
    rules = (f"status=404,times=always,participant={one}" for one in people)
    return rows, tuple(map(parse_fault, rules))


async def overtaken(server: SandboxServer, place: Place, window_rows: int) -> None:
    """Some rows are refused, and then later rows of the same participants are applied."""
    first = await place.run(window_rows=window_rows, read=FIRST)
    server.state.injector.replace([])
    second = await place.resume()
    assert second.summary.outcomes["rejected"] == first.summary.outcomes["rejected"]
    assert second.summary.exit_code == 1


@pytest.mark.parametrize(("seed", "window_rows"), SCENES)
def test_old_never_beats_new(seed: int, window_rows: int, tmp_path: Path) -> None:
    """Of a row that is sent again only what no later row has set may count."""
    rows, faults = scene(seed)

    async def play() -> None:
        async with running(SandboxOptions(faults=faults)) as server:
            place = Place.of(server, tmp_path, rows)
            await overtaken(server, place, window_rows)
            report = await place.resume(retry_outcomes=REJECTED)
            assert place.state() == state_after(rows)
            assert server.state.writes.overlaps == 0
        assert "rejected" not in report.summary.outcomes
        assert report.summary.unattempted == 0
        assert line_counts(rows, whole_lines(report.directory / "results.jsonl")) == ([], [])

    asyncio.run(play())


@pytest.mark.parametrize(("seed", "window_rows"), SCENES)
def test_a_retry_that_is_stopped_is_only_resumed(
    seed: int, window_rows: int, tmp_path: Path
) -> None:
    """The rows that it had taken out are still to be sent, and still without what is newer."""
    rows, faults = scene(seed)

    async def play() -> None:
        async with running(SandboxOptions(faults=faults)) as server:
            place = Place.of(server, tmp_path, rows)
            await overtaken(server, place, window_rows)
            stopper, stop = Stopper(), Stop(130, "interrupted")
            stopped = await place.resume(
                retry_outcomes=REJECTED,
                stopper=stopper,
                observe=lambda _: stopper.request(stop),  # as the work begins: they are out by then
            )
            assert stopped.resumable
            assert "rejected" not in stopped.summary.outcomes
            report = await place.resume()
            assert place.state() == state_after(rows)
        assert report.summary.unattempted == 0
        assert line_counts(rows, whole_lines(report.directory / "results.jsonl")) == ([], [])

    asyncio.run(play())


@pytest.mark.parametrize(("seed", "window_rows"), SCENES)
def test_a_retry_that_fails_again_forgets_nothing(
    seed: int, window_rows: int, tmp_path: Path
) -> None:
    """What a later row has set stays out of the file of failed rows, too.

    A row sent again without what is newer, and refused again, asked for less than it holds: the
    next one to send it, from the file of failed rows, still must not send the rest.
    """
    rows, faults = scene(seed)

    async def play() -> None:
        async with running(SandboxOptions(faults=faults)) as server:
            place = Place.of(server, tmp_path, rows)
            await overtaken(server, place, window_rows)
            server.state.injector.replace(faults)
            refused = await place.resume(retry_outcomes=REJECTED)
            assert refused.summary.outcomes["rejected"]
            server.state.injector.replace([])
            again = place._replace(input=refused.failed[0], out=tmp_path / "again")
            await again.run()
            assert place.state() == state_after(rows)

    asyncio.run(play())
