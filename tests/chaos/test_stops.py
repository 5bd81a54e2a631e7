"""A run that is stopped, or breaks, at whatever moment leaves files that a resumption can use."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from harness import client
from harness.inputs import RowSpec, make_rows, state_after, write_input
from harness.inside import Place
from harness.judging import Epoch, disorder, gaps, line_counts, line_problems, whole_lines
from harness.world import LONG_S, sandbox_process

from batchpatch.errors import AccessError, BatchpatchError, InputError, OutageError, RecordError
from batchpatch.model import Stop
from batchpatch.pipeline.patch_queue import PatchQueue
from batchpatch.pipeline.stop import Stopper
from batchpatch.reading.streams import BackgroundReader
from batchpatch.recording.results import ResultsLog
from batchpatch.sandbox import SandboxOptions, parse_fault, running
from batchpatch.sending.sender import Sender

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchpatch.pipeline.report import RunReport

ROWS = 1200
FAULTS = ("kind=reset_after,rate=0.05", "status=503,rate=0.05")
STAGES: dict[str, tuple[type, str, int]] = {
    "reading": (BackgroundReader, "next", 3),
    "handing out": (PatchQueue, "take", 400),
    "sending": (Sender, "call", 400),
    "recording": (ResultsLog, "append", 800),
}
"""What a stage calls, and about how often in this run."""
INTERRUPTED = Stop(130, "interrupted by the test")
STOPS = [(stage, times) for stage in STAGES for times in (1, 2)]
ERRORS = [
    ("reading", InputError("the input turned bad")),
    ("sending", AccessError("the token may do nothing any more")),
    ("sending", OutageError("nothing answers")),
    ("recording", RecordError("the disk is full")),
]


def at_some_point(
    monkeypatch: pytest.MonkeyPatch, stage: str, dice: Random, act: Callable[[], None]
) -> None:
    """Act before one of the stage's calls, drawn evenly, and never again."""
    owner, name, times = STAGES[stage]
    original = getattr(owner, name)
    left = dice.randint(2, times)

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            act()
        return original(*args, **options)

    monkeypatch.setattr(owner, name, counted)


def check_stopped(rows: list[RowSpec], report: RunReport, code: int) -> Epoch:
    """The files of a run that ended early agree with each other."""
    summary = report.summary
    path = report.directory / "results.jsonl"
    lines = whole_lines(path)
    assert not path.stat().st_size or path.read_bytes().endswith(b"\n")
    assert len({line["row"] for line in lines}) == len(lines) == sum(summary.outcomes.values())
    assert (summary.exit_code, summary.unattempted) == (code, summary.rows - len(lines))
    written = json.loads((report.directory / "summary.json").read_bytes())
    assert written == summary._asdict() | {"notices": list(summary.notices)}
    settled = frozenset(line["row"] for line in lines)
    assert gaps(rows, settled) == []
    return Epoch(0, settled)


def check_finished(rows: list[RowSpec], place: Place, report: RunReport, stopped: Epoch) -> None:
    """The resumption has done the rest, and no more."""
    lines = whole_lines(report.directory / "results.jsonl")
    assert report.summary.exit_code == 1  # for the invalid rows
    assert report.summary.stopped_because is None
    assert line_counts(rows, lines) == ([], [])
    assert line_problems(rows, lines) == []
    assert place.state() == state_after(rows)
    assert place.server.state.writes.overlaps == 0
    assert disorder(place.writes(), [stopped]) == []


def break_and_resume(
    folder: Path,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
    breaking: Callable[..., None],
    code: int,
) -> None:
    """Run until what `breaking` prepares ends it, check, resume without it, check again."""
    dice = Random(seed)  # noqa: S311 - nothing here is a secret
    rows = make_rows(dice, ROWS, marked=True)

    async def play() -> None:
        options = SandboxOptions(faults=tuple(map(parse_fault, FAULTS)), seed=seed)
        async with running(options) as server:
            place = Place.of(server, folder, rows)
            stopper = Stopper()
            with monkeypatch.context() as patched:
                breaking(patched, dice, stopper)
                report = await place.run(window_rows=dice.choice((1, 100)), stopper=stopper)
            assert report.resumable
            stopped = check_stopped(rows, report, code)
            stopped = stopped._replace(last_write=len(place.writes()))
            check_finished(rows, place, await place.resume(), stopped)

    asyncio.run(play())


@pytest.mark.parametrize(("stage", "times"), STOPS)
def test_a_stop_at_any_stage(
    stage: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked once or twice, while rows are read, handed out, sent or written."""

    def breaking(patched: pytest.MonkeyPatch, dice: Random, stopper: Stopper) -> None:
        def stop() -> None:
            for _ in range(times):
                stopper.request(INTERRUPTED)

        at_some_point(patched, stage, dice, stop)

    break_and_resume(tmp_path, 10 * times + len(stage), monkeypatch, breaking, 130)


@pytest.mark.parametrize(("stage", "error"), ERRORS)
def test_an_error_at_any_stage(
    stage: str, error: BatchpatchError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends a run in the middle is told by its exit code, and costs no settled row."""

    def breaking(patched: pytest.MonkeyPatch, dice: Random, _: Stopper) -> None:
        def fail() -> None:
            raise error

        at_some_point(patched, stage, dice, fail)

    code = 3 if isinstance(error, InputError) else error.exit_code
    break_and_resume(tmp_path, len(str(error)), monkeypatch, breaking, code)


def test_a_full_disk(tmp_path: Path) -> None:
    """The system takes half a line and no more: it is cut off, said, and resumed from there."""
    rows = make_rows(Random(7), ROWS, marked=True)  # noqa: S311 - nothing here is a secret
    source = tmp_path / "rows.jsonl"
    write_input(source, rows)
    results = tmp_path / "out" / "results.jsonl"
    with sandbox_process([]) as server:
        order = {
            "api_url": server.url,
            "input": str(source),
            "out": str(tmp_path / "out"),
            "window_rows": 100,
            "concurrency": 8,
        }
        assert start({**order, "most_bytes": 100_000}) == 3
        settled = frozenset(line["row"] for line in whole_lines(results))
        assert settled
        assert results.read_bytes().endswith(b"\n")
        full = Epoch(len(server.writes()), settled)
        assert start({**order, "resume": True}) == 1  # for the invalid rows
        assert server.state() == state_after(rows)
        assert disorder(server.writes(), [full]) == []
    assert line_counts(rows, whole_lines(results)) == ([], [])


def start(order: dict[str, Any]) -> int:
    """Run the client to its end; its exit code."""
    done = subprocess.run(
        [sys.executable, client.__file__, json.dumps(order)],
        env={**os.environ, **client.CREDENTIALS},
        timeout=LONG_S,
        check=False,
    )
    return done.returncode
