"""Another terminal sees how far a run is, and which runs there are."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from other_process import wait_until

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]
Rows = Callable[..., Path]


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What was printed."""
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def settled_in(path: Path) -> int:
    """What a run has last said of itself."""
    if not path.exists():
        return 0
    return sum(json.loads(path.read_bytes())["outcomes"].values())


def test_a_run_at_work_is_seen_and_not_disturbed(
    start_batchpatch: Start, batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """The lock says that it works, its file how far it is; when it is killed, both say so."""
    words = ("--sandbox", "--rate", "10/s", "--out", "r", "--quiet")
    process = start_batchpatch("run", str(make_rows(400)), *words)
    wait_until(lambda: settled_in(tmp_path / "r" / "progress.json") >= 5)
    found = document(batchpatch("status", "r", "--json"))
    assert (found["state"], found["process"]) == ("at work", process.pid)
    assert found["rows_expected"] == 400
    assert found["progress"]["allowed_per_min"] == 600
    assert 20 < found["progress"]["left_s"] < 60
    told = batchpatch("status", "r").stdout
    assert f"at work (process {process.pid})" in told
    assert "of about 400 rows: " in told
    assert "600 requests a minute allowed" in told
    assert process.poll() is None
    process.kill()
    process.wait()
    found = document(batchpatch("status", "r", "--json"))
    lines = (tmp_path / "r" / "results.jsonl").read_bytes().count(b"\n")
    assert (found["state"], found["outcomes"]) == ("interrupted", {"updated": lines})
    assert found["next"] == "batchpatch resume r --sandbox"


def test_the_runs_of_a_folder_with_what_comes_next(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """Of a dozen directories one wants to know which still needs something."""
    rows = str(make_rows(6))
    for name, words in (
        ("done", ()),
        ("canary", ("--limit", "2")),
        ("lost", ("--fault", "status=404,rate=1,times=always")),
    ):
        batchpatch("run", rows, "--sandbox", *words, "--out", f"all/{name}")
    (tmp_path / "all" / "no run").mkdir()
    found = document(batchpatch("runs", "all", "--json"))["runs"]
    by_name = {Path(one["directory"]).name: one for one in found}
    assert {name: (one["state"], one["next"]) for name, one in by_name.items()} == {
        "done": ("finished", None),
        "canary": ("stopped", "batchpatch resume all/canary --sandbox"),
        "lost": ("finished", "batchpatch run all/lost/failed.csv --sandbox"),
    }
    assert by_name["lost"]["outcomes"] == {"rejected": 6}
    told = batchpatch("runs", "all").stdout
    assert "all/canary: stopped, " in told
    assert "\n  6 rows: 6 rejected\n" in told


def test_no_runs_are_no_fault(batchpatch: Run) -> None:
    """It is what the first user of a day sees."""
    done = batchpatch("runs")
    none = "There are no runs in batchpatch-runs: name another directory, or begin one with"
    assert (done.returncode, done.stdout) == (0, f"{none} `batchpatch run`.\n")
    assert document(batchpatch("runs", "--json"))["runs"] == []


def test_a_finished_run_leaves_no_progress(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """Its summary says more, and a file of progress means that a process has died."""
    batchpatch("run", str(make_rows(2)), "--sandbox", "--out", "r")
    names = {path.name for path in (tmp_path / "r").iterdir()}
    assert "progress.json" not in names
    assert "timeline.jsonl" in names


def test_a_directory_that_is_not_there_is_no_list_of_runs(batchpatch: Run, tmp_path: Path) -> None:
    """Whoever has mistyped it would take it for an empty one."""
    (tmp_path / "file").touch()
    for name in ("nodir", "file"):
        done = batchpatch("runs", name)
        assert (done.returncode, f"There is no directory {name}" in done.stderr) == (2, True)


def test_a_run_that_cannot_be_read_hides_no_other(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """It is named, because what a list leaves out without a word is thought to be gone."""
    batchpatch("run", str(make_rows(1)), "--sandbox", "--out", "all/good")
    (tmp_path / "all" / "damaged").mkdir()
    (tmp_path / "all" / "damaged" / "run.json").write_text('{"version":')
    done = batchpatch("runs", "all")
    assert "all/good: finished, " in done.stdout
    assert "Not listed: all/damaged/run.json " in done.stdout
    (sentence,) = document(batchpatch("runs", "all", "--json"))["unread"]
    assert "all/damaged/run.json" in sentence
    purged = batchpatch("purge", "all", "--older-than", "30d")
    assert "all/damaged/run.json" in purged.stderr + purged.stdout
