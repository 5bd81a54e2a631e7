"""A limit that is met again and again costs time, and no row."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest
from harness.inputs import make_rows, state_after
from harness.inside import Place
from harness.judging import line_counts, whole_lines

from batchpatch.sandbox import SandboxOptions, running

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.model import Summary


@pytest.mark.parametrize("headers_on_429", [False, True])
def test_a_window_that_is_full(headers_on_429: bool, tmp_path: Path) -> None:
    """The platform refuses the rest of each window, with its rate-limit headers or without.

    Nothing keeps the client below the limit here, so every window ends in refusals; none of them
    is a retry that a row has fewer of afterwards.
    """
    rows = make_rows(Random(3), 60, marked=True)  # noqa: S311 - nothing here is a secret
    options = SandboxOptions(allowed=25, window_s=0.5, headers_on_429=headers_on_429)

    async def play() -> Summary:
        async with running(options) as server:
            place = Place.of(server, tmp_path, rows)
            report = await place.run()
            assert place.state() == state_after(rows)
            assert server.state.counts.throttled == report.summary.throttled
            assert server.state.writes.overlaps == 0
            return report.summary

    summary = asyncio.run(play())
    assert summary.throttled > 0
    assert summary.outcomes.keys() <= {"updated", "unchanged", "invalid"}
    assert line_counts(rows, whole_lines(tmp_path / "out" / "results.jsonl")) == ([], [])
