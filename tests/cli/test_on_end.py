"""A command of the user's is told how a run has ended, and can change nothing of it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Rows = Callable[..., Path]

KEEP = "import sys; print('told'); open('told.json', 'w').write(sys.stdin.read()); sys.exit({})"


def keeping(exit_code: int = 0) -> str:
    """A command that keeps what it is told."""
    return shlex.join([sys.executable, "-c", KEEP.format(exit_code)])


def test_it_is_told_the_summary_and_its_exit_code_is_only_said(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """A message that could not be sent must not make a run look as if it had failed."""
    words = ("--sandbox", "--out", "r", "--json", "--on-end", keeping(7))
    done = batchpatch("run", str(make_rows(3)), *words)
    assert done.returncode == 0
    assert json.loads((tmp_path / "told.json").read_text()) == json.loads(done.stdout)
    assert json.loads(done.stdout)["outcomes"] == {"updated": 3}
    assert "--on-end: " in done.stderr
    assert "ended with exit code 7." in done.stderr
    assert "told\n" in done.stderr


def test_it_comes_from_the_users_profile_and_not_from_where_the_data_lies(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """What lies beside an input may have come with it, and would be run as the user."""
    (tmp_path / "batchpatch.toml").write_text(f"on_end = {json.dumps(keeping())}\n")
    (tmp_path / "config.toml").write_text(f"[DEFAULT]\non_end = {json.dumps(keeping())}\n")
    rows = str(make_rows(2))
    refused = batchpatch("run", rows, "--sandbox", "--limit", "1", "--out", "r")
    assert refused.returncode == 2
    assert "on_end" in refused.stderr
    (tmp_path / "batchpatch.toml").unlink()
    batchpatch("run", rows, "--sandbox", "--limit", "1", "--out", "r")
    assert not (tmp_path / "told.json").exists()
    folder = tmp_path / "home" / ".gc"
    folder.mkdir(parents=True)
    (tmp_path / "config.toml").rename(folder / "config.toml")
    assert batchpatch("resume", "r", "--sandbox").returncode == 0
    assert json.loads((tmp_path / "told.json").read_text())["rows"] == 2


@pytest.mark.parametrize("command", ["./without-interpreter", "false"])
def test_a_command_that_fails_is_a_sentence(
    command: str, batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """The run is over by then, and its report is on disk."""
    program = tmp_path / "without-interpreter"
    program.write_text("#!/no/such/program\n")
    program.chmod(0o700)
    words = ("--sandbox", "--out", "r", "--quiet", "--on-end", command)
    done = batchpatch("run", str(make_rows(2)), *words)
    assert done.returncode == 0
    assert done.stderr.startswith(f"--on-end: {command} ")
    assert done.stderr.count("\n") == 1


def test_a_command_that_cannot_be_started_is_refused_before_the_run(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """After thirteen hours it would be too late to say so."""
    (tmp_path / "no-program").write_text("exit 0\n")
    for command in ("echo 'open", " ", "no-such-program", "/", "./no-program"):
        done = batchpatch("run", str(make_rows(2)), "--sandbox", "--out", "r", "--on-end", command)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        is_file = command.endswith(("/", "./no-program"))
        assert ("it may not be executed" in done.stderr) is is_file
    assert not (tmp_path / "r").exists()


def test_a_command_that_is_killed_is_told_by_its_signal(batchpatch: Run, make_rows: Rows) -> None:
    """Nobody knows an exit code -9."""
    words = ("--sandbox", "--out", "r", "--quiet", "--on-end", "sh -c 'kill -9 $$'")
    done = batchpatch("run", str(make_rows(2)), *words)
    assert (done.returncode, done.stderr) == (0, "--on-end: sh ended with signal SIGKILL.\n")


def test_no_printed_command_carries_it(batchpatch: Run, make_rows: Rows, tmp_path: Path) -> None:
    """A run's directory may come from anybody, and what it prints is pasted."""
    words = ("--sandbox", "--limit", "1", "--out", "r", "--on-end", "true")
    batchpatch("run", str(make_rows(2)), *words)
    assert "on-end" not in batchpatch("report", "r").stdout
    assert "on-end" not in (tmp_path / "r" / "run.json").read_text()
