"""One history: what has become of failed rows, over all runs that have sent them again."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., subprocess.CompletedProcess[str]]
Rows = Callable[..., Path]

FAULT = "status=404,rate={},times=always"


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What was printed."""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_first_report_says_what_is_still_open(
    batchpatch: Run, sandbox: Any, make_rows: Rows, credentials: dict[str, str]
) -> None:
    """Three runs later nobody remembers which rows of Friday's file are in by now."""
    at = ("--api-url", sandbox.url)
    sandbox.set_faults(FAULT.format(0.5))
    first = document(
        batchpatch("run", str(make_rows(40)), *at, "--out", "runs/first", "--json", env=credentials)
    )
    lost = first["outcomes"]["rejected"]
    assert document(batchpatch("report", "runs/first", "--json"))["open"] == lost
    words = shlex.split(first["send_failed"])[1:]
    sandbox.set_faults(FAULT.format(0.3))
    again = document(batchpatch(*words, "--out", "runs/second", "--json", env=credentials))
    made_it = again["outcomes"].get("updated", 0)
    assert 0 < made_it < lost
    told = document(batchpatch("report", "runs/first", "--json"))
    assert told["open"] == lost - made_it
    assert told["repairs"] == [{"directory": "runs/second", "sent": lost, "made_it": made_it}]
    assert told["next"] == again["send_failed"]
    sandbox.set_faults()
    words = shlex.split(told["next"])[1:]
    batchpatch(*words, "--out", "runs/third", env=credentials)
    text = batchpatch("report", "runs/first").stdout
    assert f"Still open: 0 of {lost} failed rows\n" in text
    assert "batchpatch run " not in text
    listed = document(batchpatch("runs", "runs", "--json"))["runs"]
    following = {one["directory"]: one["next"] for one in listed}
    assert following["runs/first"] == "batchpatch report runs/first"
    assert "batchpatch run " not in batchpatch("runs", "runs").stdout
    assert document(batchpatch("report", "runs/second", "--json"))["open"] == 0


def test_the_history_of_a_folder_that_was_moved(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """Runs are archived, and what belongs together stays together."""
    lost = ("--sandbox", "--fault", FAULT.format(1))
    batchpatch("run", str(make_rows(3)), *lost, "--out", "runs/first")
    batchpatch("run", "runs/first/failed.csv", "--sandbox", "--out", "runs/second")
    shutil.move(tmp_path / "runs", tmp_path / "archive")
    assert document(batchpatch("report", "archive/first", "--json"))["open"] == 0


def test_failed_rows_through_a_pipe_are_followed_too(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """Rows go through a filter before they are sent again; half of them here in a second run."""
    lost = ("--sandbox", "--fault", FAULT.format(1))
    batchpatch("run", str(make_rows(4)), *lost, "--out", "runs/first")
    rows = (tmp_path / "runs" / "first" / "failed.csv").read_text(encoding="utf-8")
    words = ("--sandbox", "--limit", "1", "--out", "runs/second")
    batchpatch("run", "-", *words, stdin=rows)
    assert document(batchpatch("report", "runs/first", "--json"))["open"] == 3
    assert batchpatch("resume", "runs/second", "--sandbox").returncode == 0
    found = document(batchpatch("report", "runs/first", "--json"))
    assert (found["open"], [one["sent"] for one in found["repairs"]]) == (0, [4])


def test_a_run_that_was_taken_back_says_so(
    batchpatch: Run, sandbox: Any, make_rows: Rows, credentials: dict[str, str]
) -> None:
    """Its own summary still says updated, and that is no longer what is there."""
    rows = make_rows(3)
    ids = [line.split(",")[:2] for line in rows.read_text(encoding="utf-8").splitlines()[1:]]
    sandbox.know(*({"conversationId": one, "participantId": two} for one, two in ids))
    at = ("--api-url", sandbox.url)
    batchpatch("run", str(rows), *at, "--keep-before", "--out", "runs/r", env=credentials)
    batchpatch("undo", "runs/r", *at, "--out", "runs/u", env=credentials)
    assert document(batchpatch("report", "runs/r", "--json"))["undone"] == ["runs/u"]
    assert "Taken back: runs/u (finished)\n" in batchpatch("report", "runs/r").stdout
    batchpatch("undo", "runs/u", *at, "--out", "runs/again", env=credentials)
    told = batchpatch("report", "runs/r").stdout
    assert "Taken back: runs/u (finished), but runs/again has taken that back\n" in told
    assert "It can be undone: " in told
