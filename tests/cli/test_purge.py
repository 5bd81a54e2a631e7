"""Values do not stay longer than they have to: of one run, or of all that are old."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from other_process import wait_until

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]
Rows = Callable[..., Path]


@pytest.fixture
def runs(batchpatch: Run, make_rows: Rows, tmp_path: Path) -> Path:
    """A folder with an old and a new run, both of which hold values."""
    lost = ("--sandbox", "--fault", "status=404,rate=1,times=always")
    for name in ("old", "new"):
        batchpatch("run", str(make_rows(2)), *lost, "--out", f"all/{name}")
    path = tmp_path / "all" / "old" / "summary.json"
    summary = json.loads(path.read_bytes()) | {"ended": "2020-01-01T00:00:00.000Z"}
    path.write_text(json.dumps(summary))
    (tmp_path / "all" / "old" / "page.html").write_text("somebody's")
    return tmp_path / "all"


def test_old_runs_lose_their_values_and_keep_their_report(runs: Path, batchpatch: Run) -> None:
    """The report is what is asked for later; the values are what must not be there."""
    done = batchpatch("purge", "all", "--older-than", "30d", "--values", "--json")
    assert json.loads(done.stdout)["removed"] == ["all/old/failed.csv"]
    assert (runs / "old" / "results.jsonl").exists()
    assert (runs / "new" / "failed.csv").exists()
    assert json.loads(batchpatch("report", "all/old", "--json").stdout)["open"] == 2


def test_whole_runs_go_and_what_others_put_there_stays(runs: Path, batchpatch: Run) -> None:
    """It has no report any more, so nothing is left of it but what it has not written."""
    assert batchpatch("purge", "all", "--older-than", "30d", "--whole").returncode == 0
    assert [path.name for path in (runs / "old").iterdir()] == ["page.html"]
    assert (runs / "new" / "run.json").exists()
    assert batchpatch("purge", "all/new", "--whole").returncode == 0
    assert not (runs / "new").exists()


def test_what_a_link_leads_to_is_said_to_be_there_still(
    runs: Path, batchpatch: Run, tmp_path: Path
) -> None:
    """Whoever has moved it to a larger disk would believe that the values are gone."""
    (runs / "old" / "failed.csv").rename(tmp_path / "moved.csv")
    (runs / "old" / "failed.csv").symlink_to(tmp_path / "moved.csv")
    done = batchpatch("purge", "all/old")
    assert (done.returncode, "removed all/old/failed.csv" in done.stderr) == (1, True)
    assert f"{tmp_path / 'moved.csv'}, to which it led, still holds values" in done.stderr
    assert (tmp_path / "moved.csv").exists()


def test_a_directory_that_stays_is_not_said_to_be_removed(runs: Path, batchpatch: Run) -> None:
    """Somebody's page lies in it."""
    done = batchpatch("purge", "all/old", "--whole")
    told = "removed all/old; the directory stays, for what else lies there\n"
    assert (done.returncode, done.stderr) == (0, told)
    assert (runs / "old" / "page.html").exists()


def test_a_plan_is_known_by_its_name(
    batchpatch: Run, start_batchpatch: Start, make_rows: Rows, tmp_path: Path
) -> None:
    """The command that goes on with it calls it so; `report --csv` and the others did not."""
    words = ("--sandbox", "--rate", "5/s", "--out", "p", "--quiet")
    planning = start_batchpatch("plan", str(make_rows(300)), *words)
    wait_until((tmp_path / "p.run" / "progress.json").exists)
    planning.terminate()
    planning.wait(timeout=30)
    (tmp_path / "p.run" / "input").write_text("as of a pipe")
    assert batchpatch("report", "p", "--csv", "t.csv").returncode == 0
    done = batchpatch("undo", "p", "--dry-run")
    assert (done.returncode, "p.run" in done.stderr) == (2, True), done.stderr
    done = batchpatch("purge", "p")
    assert (done.returncode, done.stderr) == (0, "removed p.run/input\n")


def test_a_run_at_work_is_left_alone(
    runs: Path, batchpatch: Run, start_batchpatch: Start, make_rows: Rows
) -> None:
    """What it is about to write it would miss."""
    words = ("--sandbox", "--rate", "5/s", "--out", "all/busy", "--keep-before")
    start_batchpatch("run", str(make_rows(300)), *words)
    wait_until((runs / "busy" / "progress.json").exists)
    done = batchpatch("purge", "all/busy", "--whole")
    assert (done.returncode, "is in use by" in done.stderr) == (3, True)
    assert "--out" not in done.stderr  # a purge makes no run
    assert (runs / "busy" / "run.json").exists()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("all/old", "--values", "--whole"),
        ("nowhere", "--older-than", "1d"),
        ("--older-than", "x"),
    ],
)
def test_what_is_meant_must_be_clear(words: tuple[str, ...], runs: Path, batchpatch: Run) -> None:
    """What is removed does not come back."""
    done = batchpatch("purge", *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert (runs / "old" / "failed.csv").exists()
