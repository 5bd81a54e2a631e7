"""A limit holds until it is reached, whoever goes on; then it has been a canary, and is lifted."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from other_process import wait_for_lines

Run = Callable[..., subprocess.CompletedProcess[str]]
Rows = Callable[..., Path]


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What --json printed."""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def interrupted(
    start_batchpatch: Callable[..., subprocess.Popen[str]],
    make_rows: Rows,
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> tuple[dict[str, Any], str]:
    """A canary of 60 of 300 rows that was interrupted on its way: its report, and what it said."""
    words = ("--api-url", sandbox.url, "--rate", "30/s", "--limit", "60", "--json", "--out", "r")
    process = start_batchpatch("run", str(make_rows(300)), *words, env=credentials)
    wait_for_lines(tmp_path / "r" / "results.jsonl", 10)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    return json.loads(stdout), stderr


def test_a_canary_that_was_interrupted_stays_one(
    interrupted: tuple[dict[str, Any], str],
    batchpatch: Run,
    sandbox: Any,
    credentials: dict[str, str],
) -> None:
    """Whoever pastes what is printed has asked for sixty rows, and looks before the others go."""
    stopped, said = interrupted
    settled = sum(stopped["outcomes"].values())
    assert settled < 60
    assert stopped["rows_expected"] == 60
    assert f"{settled} of about 60 rows" in said
    assert f"Left: about {60 - settled} requests" in said
    assert "up to its --limit 60:" in said
    words = [*shlex.split(stopped["resume"])[1:], "--rate", "none"]
    first = batchpatch(*words, env=credentials)
    assert (first.returncode, "Stopped: --limit is reached." in first.stderr) == (0, True)
    assert sandbox.get("stats")["by_resource"]["attributes"] <= 60 + 32
    assert len(sandbox.state()) == 60
    assert "Left: about 240 requests" in first.stderr
    assert "To go on with this run:" in first.stderr
    for command in ("status", "runs"):
        where = ("r",) if command == "status" else (".",)
        assert "60 of about 300 rows" in batchpatch(command, *where).stdout
    rest = document(batchpatch(*words, "--json", env=credentials))
    assert (rest["rows"], rest["outcomes"]) == (300, {"updated": 300})


def test_a_limit_that_was_lifted_stays_lifted(
    start_batchpatch: Callable[..., subprocess.Popen[str]],
    batchpatch: Run,
    make_rows: Rows,
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """The rest of a canary, killed on its way, is still the rest."""
    at = ("--api-url", sandbox.url)
    rows = str(make_rows(120))
    batchpatch("run", rows, *at, "--limit", "5", "--out", "r", env=credentials)
    process = start_batchpatch("resume", "r", *at, "--rate", "20/s", env=credentials)
    wait_for_lines(tmp_path / "r" / "results.jsonl", 10)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = document(batchpatch("resume", "r", *at, "--json", env=credentials))
    assert done["outcomes"] == {"updated": 120}


def test_a_canary_that_is_asked_for_again_leaves_the_rest_of_its_rest(
    batchpatch: Run, make_rows: Rows, sandbox: Any, credentials: dict[str, str], tmp_path: Path
) -> None:
    """A kill has left a row behind the limit without a line: that is no fault of the results."""
    rows, at = str(make_rows(10)), ("--api-url", sandbox.url)
    asked = ("run", rows, *at, "--limit", "3", "--out", "r", "--resume")
    batchpatch(*asked, env=credentials)
    batchpatch("resume", "r", *at, env=credentials)
    path = tmp_path / "r" / "results.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if not line.startswith(b'{"row":7,')))
    done = batchpatch(*asked, env=credentials)
    assert (done.returncode, "Stopped: --limit is reached.\n" in done.stderr) == (0, True)
    done = document(batchpatch("resume", "r", *at, "--json", env=credentials))
    assert done["outcomes"] == {"updated": 10}


def test_the_failed_rows_of_a_canary_are_named_beside_its_rest(
    batchpatch: Run, make_rows: Rows
) -> None:
    """Of two things to do, the one that is not named is forgotten."""
    words = ("--sandbox", "--fault", "status=400,rate=0.5,times=always", "--limit", "20")
    done = batchpatch("run", str(make_rows(40)), *words, "--out", "r", "--json")
    found = document(done)
    lines = [line.strip() for line in done.stderr.splitlines()]
    assert found["next"] == found["resume"]
    assert lines.index(found["resume"]) < lines.index(found["send_failed"])
    quiet = batchpatch("run", "rows.csv", *words, "--out", "q", "--quiet")
    assert quiet.stderr == ""  # the limit was asked for


def test_what_stops_a_quiet_run_is_said(batchpatch: Run, make_rows: Rows) -> None:
    """A job without a word would have sent half of it, and nobody knows."""
    words = ("--sandbox", "--fault", "status=400,rate=1,times=always", "--max-failures", "3")
    done = batchpatch("run", str(make_rows(90)), *words, "--rate", "30/s", "--out", "r", "--quiet")
    assert done.returncode == 3
    assert "rows failed, more than --max-failures 3 allows." in done.stderr
    assert "batchpatch resume r --max-failures 3 --sandbox" in done.stderr


def test_nothing_is_left_of_a_finished_pipe_that_was_purged(
    batchpatch: Run, make_rows: Rows
) -> None:
    """Its rows are gone, and nobody needs them any more."""
    rows = make_rows(3).read_text(encoding="utf-8")
    batchpatch("run", "-", "--sandbox", "--out", "r", stdin=rows)
    batchpatch("purge", "r")
    done = batchpatch("resume", "r", "--sandbox")
    assert (done.returncode, "Nothing was left to do." in done.stderr) == (0, True), done.stderr
    batchpatch("run", "-", "--sandbox", "--limit", "1", "--out", "half", stdin=rows)
    batchpatch("purge", "half")
    done = batchpatch("resume", "half", "--sandbox")
    assert (done.returncode, "was purged" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("more", [(), ("--limit", "9")])
def test_a_threshold_that_the_last_row_crosses_ends_nothing(
    more: tuple[str, ...],
    batchpatch: Run,
    make_rows: Rows,
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """Nothing is left that a `resume` could do; what failed can be sent, and the inputs may go."""
    sandbox.set_faults("status=400,rate=1,times=always")
    words = ("--max-failures", "2", "--api-url", sandbox.url, "--concurrency", "1", *more)
    done = batchpatch("run", str(make_rows(3)), *words, "--out", "r", "--json", env=credentials)
    said = "3 rows failed, more than --max-failures 2 allows. No row was left by then."
    assert (done.returncode, f"Stopped: {said}" in done.stderr) == (1, True), done.stderr
    found = document(done)
    assert (found["resume"], found["next"]) == (None, found["send_failed"])
    assert found["stopped_because"] == said
    told = document(batchpatch("status", "r", "--json"))
    assert (told["state"], told["next"]) == ("finished", found["send_failed"])
    (tmp_path / "rows.csv").unlink()
    again = batchpatch("resume", "r", env=credentials)
    assert (again.returncode, "Nothing was left to do." in again.stderr) == (1, True), again.stderr
    sandbox.set_faults()
    assert batchpatch(*found["next"].split()[1:], env=credentials).returncode == 0


def test_the_rest_of_a_canary_whose_last_row_crosses_a_threshold_can_be_sent(
    batchpatch: Run, make_rows: Rows, sandbox: Any, credentials: dict[str, str]
) -> None:
    """It has reached its limit, so that to go on "up to" it would be to do nothing."""
    sandbox.set_faults("status=400,rate=1,times=always")
    words = ("--max-failures", "2", "--limit", "3", "--api-url", sandbox.url, "--out", "r")
    done = batchpatch("run", str(make_rows(9)), *words, "--concurrency", "1", env=credentials)
    assert done.returncode == 1
    assert "more than --max-failures 2 allows. --limit is reached." in done.stderr
    assert "To go on with this run:\n" in done.stderr
    sandbox.set_faults()
    rest = document(batchpatch("resume", "r", "--json", env=credentials))
    assert rest["outcomes"] == {"updated": 6, "rejected": 3}
