"""A run that cannot show something goes on, settles every row, and ends as it would have."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BROKEN = """
from batchpatch.cli import ending, main, session
from batchpatch.genesys.client import GenesysClient
from batchpatch.recording.reasons import FailureReasons
from batchpatch.cli.progress import PlainLines
from batchpatch.pipeline.pipeline import Pipeline

def broken(*_, **__):
    raise OverflowError("cannot convert float infinity to integer")

{breakage}
main()
"""
BREAKAGES = {
    "progress": "Pipeline.progress = broken",
    "waiting": "GenesysClient.waiting_for = property(broken)",
    "estimates": (
        "Pipeline.requests_left = GenesysClient.allowance = FailureReasons.most_common = broken"
    ),
    "words": (
        "PlainLines.__call__ = ending.summary_lines = ending.reason_lines = broken\n"
        "ending.plan_lines = ending.change_lines = broken"
    ),
    "screen": "session.shown_progress = broken",
}
RUN = ["run", "rows.csv", "--out", "out"]
PLAN = ["plan", "rows.csv", "--out", "plan.jsonl"]


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=BREAKAGES)
def test_nothing_that_only_shows_ends_the_work(
    breakage: str,
    tmp_path: Path,
    sandbox: Any,
    make_rows: Callable[..., Path],
    environment: dict[str, str],
    credentials: dict[str, str],
    results: Callable[[Path], list[dict[str, Any]]],
) -> None:
    """Each of them was once called where an error of its own became the run's."""
    rows = csv.reader(make_rows(40).read_text(encoding="utf-8").splitlines()[1:])
    sandbox.know(*({"conversationId": row[0], "participantId": row[1]} for row in rows))

    def program(words: list[str]) -> subprocess.CompletedProcess[str]:
        script = BROKEN.format(breakage=breakage)
        return subprocess.run(
            [sys.executable, "-c", script, *words, "--api-url", sandbox.url],
            cwd=tmp_path,
            env=environment | credentials,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    planned, done = program(PLAN), program(RUN)
    for ended in (planned, done):
        assert ended.returncode == 0, ended.stderr
        assert "Traceback" not in ended.stderr
        assert "cannot be shown (OverflowError); the work goes on" in ended.stderr
    assert len((tmp_path / "plan.jsonl").read_text(encoding="utf-8").splitlines()) == 40
    assert [line["outcome"] for line in results(tmp_path / "out")] == ["updated"] * 40


def test_a_token_that_is_due_while_workers_wait_for_the_limit_is_replaced(
    start_sandbox: Callable[..., Any],
    batchpatch: Callable[..., subprocess.CompletedProcess[str]],
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
    tmp_path: Path,
    results: Callable[[Path], list[dict[str, Any]]],
) -> None:
    """Every run that is longer than a token's life comes there; it once died of its own words."""
    sandbox = start_sandbox("--allowed", "5", "--rate-window-s", "3", "--expires-in", "1")
    make_rows(8)
    done = batchpatch(*RUN, "--api-url", sandbox.url, env=credentials)
    assert done.returncode == 0, done.stderr
    assert "cannot be shown" not in done.stderr
    assert {line["outcome"] for line in results(tmp_path / "out")} == {"updated"}


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX")
def test_a_terminal_that_goes_away_changes_nothing(
    sandbox: Any,
    start_batchpatch: Callable[..., subprocess.Popen[str]],
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
    tmp_path: Path,
    results: Callable[[Path], list[dict[str, Any]]],
) -> None:
    """Its window is closed in mid-run: each look at the progress, and the last, is an EIO."""
    sandbox.set_faults("kind=latency,ms=500")
    make_rows(100)
    ours, theirs = os.openpty()
    process = start_batchpatch(*RUN, "--api-url", sandbox.url, env=credentials, stderr=theirs)
    os.close(theirs)
    shown = b""
    while b"rows" not in shown:
        shown += os.read(ours, 4096)
    os.close(ours)
    assert process.wait(timeout=30) == 0
    assert [line["outcome"] for line in results(tmp_path / "out")] == ["updated"] * 100
