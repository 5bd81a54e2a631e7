"""The page about a run, as a user makes it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from other_process import wait_for_lines

Run = Callable[..., subprocess.CompletedProcess[str]]
Rows = Callable[..., Path]


@pytest.fixture
def lost(batchpatch: Run, make_rows: Rows) -> None:
    """A run of which some rows failed."""
    words = ("--sandbox", "--fault", "status=404,rate=0.5,times=always", "--out", "r")
    assert batchpatch("run", str(make_rows(20)), *words).returncode == 1


@pytest.mark.usefixtures("lost")
def test_one_page_and_what_comes_next(batchpatch: Run, tmp_path: Path) -> None:
    """It is private, and tells the same as the screen."""
    done = batchpatch("report", "r", "--html", "page.html", "--csv", "t.csv", "--json")
    assert json.loads(done.stdout) == {"csv": "t.csv", "html": "page.html", "exit_code": 0}
    page = tmp_path / "page.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    text = page.read_text(encoding="utf-8")
    assert "batchpatch run r/failed.csv --sandbox" in text
    assert "It cannot be undone: it went to a sandbox that has ended with it." in text
    assert "private-" not in text


@pytest.mark.usefixtures("lost")
def test_without_its_libraries_one_sentence_says_how_to_get_them(
    batchpatch: Run, tmp_path: Path
) -> None:
    """They are an extra, because a run needs none of them."""
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "jinja2.py").write_text("raise ImportError")
    path = os.pathsep.join(filter(None, (str(tmp_path / "none"), os.environ.get("PYTHONPATH"))))
    done = batchpatch("report", "r", "--html", "page.html", env={"PYTHONPATH": path})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install '.[report]'" in done.stderr
    assert not (tmp_path / "page.html").exists()
    assert batchpatch("report", "r", env={"PYTHONPATH": path}).returncode == 0


@pytest.mark.usefixtures("lost")
@pytest.mark.parametrize(
    "words",
    [("--html", "-"), ("--show-values",), ("--failed",), ("--csv", "-", "--json"), ("--html", "r")],
)
def test_what_cannot_be_written_is_one_sentence(words: tuple[str, ...], batchpatch: Run) -> None:
    """Before anything is written."""
    done = batchpatch("report", "r", *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_a_page_of_a_run_at_work_and_of_a_plan(
    batchpatch: Run, start_batchpatch: Callable[..., Any], make_rows: Rows, tmp_path: Path
) -> None:
    """Neither has ended, and both are looked at while they go on."""
    rows = str(make_rows(300))
    start_batchpatch("run", rows, "--sandbox", "--rate", "10/s", "--out", "r", "--quiet")
    start_batchpatch("plan", rows, "--sandbox", "--rate", "10/s", "--out", "p", "--quiet")
    paths = [tmp_path / name / "results.jsonl" for name in ("r", "p.run")]
    for path in paths:
        wait_for_lines(path, 1)
    for name, state in (("r", "batchpatch status r"), ("p", "batchpatch status p.run")):
        done = batchpatch("report", name, "--html", "page.html", "--force")
        assert done.returncode == 0, done.stderr
        page = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert state in page
        assert "of about 300 rows" in page


@pytest.mark.usefixtures("lost")
def test_what_is_there_is_kept_unless_force_says_otherwise(batchpatch: Run, tmp_path: Path) -> None:
    """It may be somebody's sheet with notes in it; both are looked at before one is written."""
    (tmp_path / "page.html").write_text("notes")
    words = ("report", "r", "--csv", "t.csv", "--html", "page.html")
    done = batchpatch(*words)
    assert (done.returncode, "page.html is there already" in done.stderr) == (2, True)
    assert "--force" in done.stderr
    assert (tmp_path / "page.html").read_text() == "notes"
    assert not (tmp_path / "t.csv").exists()
    assert batchpatch(*words, "--force").returncode == 0
    assert batchpatch(*words, "--force").returncode == 0


@pytest.mark.usefixtures("lost")
def test_one_file_for_both_is_refused(batchpatch: Run, tmp_path: Path) -> None:
    """The page would take the place of the rows."""
    done = batchpatch("report", "r", "--csv", "out", "--html", "./out")
    assert (done.returncode, "name the same file" in done.stderr) == (2, True)
    assert not (tmp_path / "out").exists()
