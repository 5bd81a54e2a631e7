"""The report of a run is there for whoever comes later, however the run ended."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from other_process import wait_until

pytestmark = pytest.mark.usefixtures("quick_lines")

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]
Rows = Callable[..., Path]


def lines_in(path: Path) -> int:
    """Whole lines of a file that may not be there yet."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def know(sandbox: Any, rows: Path) -> None:
    """The sandbox has the participants of a file."""
    ids = [line.split(",")[:2] for line in rows.read_text(encoding="utf-8").splitlines()[1:]]
    sandbox.know(*({"conversationId": one, "participantId": two} for one, two in ids))


def report_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The document that was printed."""
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_says_again_what_the_run_said(
    batchpatch: Run, sandbox: Any, make_rows: Rows, credentials: dict[str, str]
) -> None:
    """A colleague asks on Tuesday, and the terminal of Friday is gone."""
    rows = make_rows(30)
    know(sandbox, rows)
    sandbox.set_faults("status=404,rate=0.3,times=always")
    words = ("--api-url", sandbox.url, "--keep-before", "--out", "r")
    ran = batchpatch("run", str(rows), *words, env=credentials)
    told = batchpatch("report", "r")
    assert told.stdout.splitlines()[1:] == ran.stderr.splitlines()
    assert "Where: the sandbox at http://127.0.0.1:" in told.stdout
    assert f"It can be undone: batchpatch undo r --api-url {sandbox.url}" in told.stdout
    assert told.stdout.splitlines()[-1].startswith("  batchpatch run r/failed.csv")


@pytest.mark.parametrize(
    ("words", "because"),
    [
        (("--sandbox",), "it went to a sandbox that has ended with it"),
        ((), "no --keep-before"),
    ],
)
def test_it_says_why_a_run_cannot_be_undone(
    words: tuple[str, ...],
    because: str,
    batchpatch: Run,
    sandbox: Any,
    make_rows: Rows,
    credentials: dict[str, str],
) -> None:
    """Whoever is asked to take it back has to know at once that nobody can."""
    to = words or ("--api-url", sandbox.url)
    done = batchpatch("run", str(make_rows(2)), *to, "--out", "r", env=credentials)
    assert f"It cannot be undone: {because}.\n" in done.stderr
    found = report_of(batchpatch("report", "r", "--json"))
    assert (found["undo"], found["undo_because"]) == (None, because)


def test_a_run_at_work_and_a_killed_one_are_counted_from_their_lines(
    start_batchpatch: Start, batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """There is no summary then, and the lines are what a resume would go on from."""
    words = ("--sandbox", "--rate", "20/s", "--out", "r", "--quiet")
    process = start_batchpatch("run", str(make_rows(400)), *words)
    results = tmp_path / "r" / "results.jsonl"
    wait_until(lambda: lines_in(results) >= 5)
    at_work = report_of(batchpatch("report", "r", "--json"))
    assert (at_work["state"], at_work["process"]) == ("at work", process.pid)
    assert (at_work["next"], at_work["rows_expected"]) == (None, 400)
    process.kill()
    process.wait()
    killed = report_of(batchpatch("report", "r", "--json"))
    assert (killed["state"], killed["process"]) == ("interrupted", None)
    assert killed["outcomes"] == {"updated": lines_in(results)}
    assert killed["next"] == "batchpatch resume r --sandbox"
    told = batchpatch("report", "r").stdout
    assert "its process was killed" in told
    assert f"{lines_in(results)} of about 400 rows" in told


def test_a_killed_resume_is_not_reported_by_the_summary_before_it(
    start_batchpatch: Start, batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """That summary is older than the lines, and its counts would be wrong."""
    results = tmp_path / "r" / "results.jsonl"
    words = ("--sandbox", "--rate", "30/s", "--quiet")
    batchpatch("run", str(make_rows(400)), *words, "--limit", "3", "--out", "r")
    process = start_batchpatch("resume", "r", "--sandbox", "--rate", "20/s")
    wait_until(lambda: lines_in(results) >= 8)
    process.kill()
    process.wait()
    killed = report_of(batchpatch("report", "r", "--json"))
    assert (killed["state"], killed["outcomes"]) == ("interrupted", {"updated": lines_in(results)})
    assert "exit_code" not in killed


def test_an_interrupted_run_says_how_much_of_how_many(
    start_batchpatch: Start, make_rows: Rows, tmp_path: Path
) -> None:
    """The rows that were read ahead are no measure of what is done."""
    words = ("--sandbox", "--rate", "20/s", "--out", "r")
    process = start_batchpatch("run", str(make_rows(300)), *words)
    wait_until(lambda: lines_in(tmp_path / "r" / "results.jsonl") >= 5)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=30)[1]
    done = lines_in(tmp_path / "r" / "results.jsonl")
    assert f"\n{done} of 300 rows in " in told
    assert told.rstrip().endswith("batchpatch resume r --sandbox")


def test_results_that_were_changed_afterwards_are_said(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """The summary has their hash, so that a report can be trusted later."""
    batchpatch("run", str(make_rows(4)), "--sandbox", "--out", "r")
    results = tmp_path / "r" / "results.jsonl"
    results.write_bytes(b"".join(results.read_bytes().splitlines(keepends=True)[1:]))
    found = report_of(batchpatch("report", "r", "--json"))
    assert found["outcomes"] == {"updated": 3}
    assert "not what it was when the run ended" in found["problems"][0]


def test_results_that_are_gone_are_said(batchpatch: Run, make_rows: Rows, tmp_path: Path) -> None:
    """Rows without an outcome look as if none had been sent."""
    batchpatch("run", str(make_rows(4)), "--sandbox", "--out", "r")
    (tmp_path / "r" / "results.jsonl").unlink()
    told = batchpatch("report", "r").stdout
    assert "r/results.jsonl is gone, and with it all outcomes: restore it from a copy." in told


def test_the_last_of_a_script_s_runs_is_the_last(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """They begin within one second, and `undo --last` must not take back another one."""
    rows = make_rows(1)
    for name in ("d", "c", "b", "a"):
        shutil.copy(rows, tmp_path / f"{name}.csv")
        assert batchpatch("run", f"{name}.csv", "--sandbox").returncode == 0
        last = report_of(batchpatch("report", "--last", "--json"))
        assert Path(last["directory"]).name.startswith(f"{name}-")


def test_the_last_run_need_not_be_named(batchpatch: Run, make_rows: Rows, tmp_path: Path) -> None:
    """It is what one is asked about most, and its name is long."""
    for name in ("old.csv", "new.csv"):
        batchpatch("run", str(make_rows(4, name=name)), "--sandbox", "--limit", "2")
    runs = tmp_path / "batchpatch-runs"
    older = next(runs.glob("old-*"))
    manifest = json.loads((older / "run.json").read_bytes())
    manifest["started"] = "2020-01-01T00:00:00Z"
    (older / "run.json").write_text(json.dumps(manifest))
    shutil.copytree(older, runs / "zzz")
    (runs / "broken").mkdir()
    (runs / "broken" / "run.json").write_text("{")
    found = report_of(batchpatch("report", "--last", "--json"))
    assert Path(found["directory"]).name.startswith("new-")
    resumed = batchpatch("resume", "--last", "--sandbox", "--json")
    assert json.loads(resumed.stdout)["outcomes"] == {"updated": 4}


def test_the_last_run_of_a_later_release_is_not_passed_over(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """`undo --last` would take back the one before it."""
    for name in ("old.csv", "new.csv"):
        batchpatch("run", str(make_rows(1, name=name)), "--sandbox")
    newer = next((tmp_path / "batchpatch-runs").glob("new-*")) / "run.json"
    newer.write_text(json.dumps(json.loads(newer.read_bytes()) | {"format": 99}))
    done = batchpatch("report", "--last")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is of a later batchpatch" in done.stderr
    assert "name the directory of another run" in done.stderr


@pytest.mark.parametrize("command", ["report", "resume", "undo"])
def test_which_run_is_meant_must_be_clear(command: str, batchpatch: Run) -> None:
    """A guess would send or take back the wrong one."""
    for words in ((), ("--last",), ("r", "--last")):
        done = batchpatch(command, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
