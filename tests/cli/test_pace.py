"""The pace of a run at work is changed from another terminal."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from other_process import wait_until

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]
Rows = Callable[..., Path]


def test_a_run_takes_another_pace_at_once(
    start_batchpatch: Start, batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """It would have taken an hour; the command returns once the run has taken the new pace."""
    words = ("--sandbox", "--rate", "2/min", "--out", "r")
    process = start_batchpatch("run", str(make_rows(60)), *words)
    wait_until((tmp_path / "r" / "progress.json").exists)
    done = batchpatch("pace", "r", "--rate", "none")
    assert (done.returncode, done.stderr) == (0, "")
    assert "r sends without a cap of its own from now on." in done.stdout
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Pace: no cap of its own from now on." in told
    assert not (tmp_path / "r" / "pace").exists()
    summary = json.loads((tmp_path / "r" / "summary.json").read_bytes())
    assert summary["outcomes"] == {"updated": 60}


def test_what_is_left_is_told_at_the_rate_that_goes_on(
    start_batchpatch: Start, batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """`resume` keeps the run's own rate: what another pace would take is no answer to how long."""
    words = ("--sandbox", "--rate", "2/min", "--out", "r")
    process = start_batchpatch("run", str(make_rows(60)), *words)
    wait_until((tmp_path / "r" / "progress.json").exists)
    assert batchpatch("pace", "r", "--rate", "3/min").returncode == 0
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.search(r"^Left: about \d+ requests at 2/min: ", told, re.MULTILINE), told


def test_what_is_not_at_work_has_no_pace(batchpatch: Run, make_rows: Rows, tmp_path: Path) -> None:
    """One sentence, and nothing is left that a later process would obey."""
    batchpatch("run", str(make_rows(1)), "--sandbox", "--out", "r")
    done = batchpatch("pace", "r", "--rate", "5/s")
    assert done.returncode == 2
    assert done.stderr == (
        "batchpatch: r is not at work (finished): give --rate to the command that goes on with it."
        "\n"
    )
    assert batchpatch("pace", "r").stderr.startswith("batchpatch: pace needs --rate RATE")
    assert not (tmp_path / "r" / "pace").exists()
