"""One command line that begins a run and finishes it: what is started again, such as a pod, has no
other."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from other_process import wait_for_lines

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("quick_lines")

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_killed_run_goes_on_with_the_command_that_began_it(
    batchpatch: Run,
    start_batchpatch: Callable[..., subprocess.Popen[str]],
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
    results: Callable[[Path], list[dict[str, Any]]],
) -> None:
    """Begun on an empty volume, killed, finished, and started once more: each row is sent once."""
    make_rows(30)
    (tmp_path / "volume" / "lost+found").mkdir(parents=True)
    words = ["run", "rows.csv", "--api-url", sandbox.url, "--out", "volume", "--resume"]
    first = start_batchpatch(*words, "--rate", "20/s", "--window", "1", env=credentials)
    wait_for_lines(tmp_path / "volume" / "results.jsonl", 4)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    again = batchpatch(*words, "--window", "1", "--concurrency", "2", env=credentials)
    assert again.returncode == 0, again.stderr
    assert [line["row"] for line in results(tmp_path / "volume")] == list(range(1, 31))
    sent = sandbox.get("stats")["by_resource"]["attributes"]
    assert sent <= 30 + 32
    done = batchpatch(*words, "--window", "1", env=credentials)
    assert (done.returncode, "Nothing was left to do." in done.stderr) == (0, True)
    assert sandbox.get("stats")["by_resource"]["attributes"] == sent


def test_another_run_is_not_gone_on_with(
    batchpatch: Run,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
) -> None:
    """Half of one input and half of another would be neither; a limit is one of the options."""
    make_rows(4)
    make_rows(3, name="other.csv")
    words = ["--api-url", sandbox.url, "--out", "r", "--resume"]
    batchpatch("run", "rows.csv", "--limit", "2", *words, env=credentials)
    told = {
        "other inputs": batchpatch("run", "other.csv", "--limit", "2", *words, env=credentials),
        "(--set)": batchpatch(
            *("run", "rows.csv", "--limit", "2", "--set", "a=b", *words), env=credentials
        ),
        "(--limit)": batchpatch("run", "rows.csv", *words, env=credentials),
        "standard input": batchpatch("run", "-", *words, env=credentials, stdin=""),
    }
    for sentence, done in told.items():
        assert (done.returncode, sentence in done.stderr) == (2, True), done.stderr
    done = batchpatch("run", "rows.csv", "--limit", "2", *words, env=credentials)
    assert done.returncode == 0
    assert sandbox.get("stats")["by_resource"]["attributes"] == 2


@pytest.mark.parametrize("more", [(), ("--resume",)])
def test_a_directory_that_is_no_run_is_not_to_be_resumed(
    more: tuple[str, ...],
    batchpatch: Run,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """The advice would be followed, and answered with another error."""
    make_rows(1)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    words = ["--api-url", sandbox.url, "--out", "full", *more]
    done = batchpatch("run", "rows.csv", *words, env=credentials)
    assert done.returncode == 2
    assert "what is in it is no run" in done.stderr
    assert "batchpatch resume" not in done.stderr


def test_resume_wants_to_know_where(
    batchpatch: Run, make_rows: Callable[..., Path], credentials: dict[str, str]
) -> None:
    """A directory that is named by the time would be another one at each start."""
    make_rows(1)
    done = batchpatch("run", "rows.csv", "--resume", "--sandbox", env=credentials)
    assert (done.returncode, "needs --out DIR" in done.stderr) == (2, True)
