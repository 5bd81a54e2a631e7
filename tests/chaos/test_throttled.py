"""Refusals for a rate limit cost time, and no row."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

from harness.inputs import make_rows, state_after
from harness.inside import Place
from harness.judging import line_counts, whole_lines

from batchpatch.sandbox import SandboxOptions, running
from batchpatch.sandbox.faults import parse_fault

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.model import Summary


def test_refusals_out_of_nowhere(tmp_path: Path) -> None:
    """Nothing that the headers said let expect them, and several hit the same rows.

    None of them is a retry that a row has fewer of afterwards.
    """
    rows = make_rows(Random(3), 6, marked=True)  # noqa: S311 - nothing here is a secret
    faults = tuple(map(parse_fault, ("status=429,rate=1,times=1", "kind=bare_429,rate=1,times=2")))

    async def play() -> Summary:
        async with running(SandboxOptions(allowed=10_000, faults=faults)) as server:
            place = Place.of(server, tmp_path, rows)
            report = await place.run()
            assert place.state() == state_after(rows)
            assert server.state.counts.statuses[429] == report.summary.throttled
            assert server.state.writes.overlaps == 0
            return report.summary

    summary = asyncio.run(play())
    assert summary.throttled > 10
    assert summary.outcomes.keys() <= {"updated", "unchanged", "invalid"}
    assert line_counts(rows, whole_lines(tmp_path / "out" / "results.jsonl")) == ([], [])
