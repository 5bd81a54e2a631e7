"""The samples for programs that are not Python, as processes of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    RunSample = Callable[..., subprocess.CompletedProcess[str]]

EVENTS = Path(__file__).parents[2] / "samples" / "events.jsonl"


@pytest.mark.skipif(shutil.which("jq") is None, reason="there is no jq on this machine")
def test_the_shell_pipe(run_sample: RunSample) -> None:
    """Each event that did not make it is a line with its own id, and the exit code tells."""
    done = run_sample("bash", "pipe.sh", "--sandbox", stdin=EVENTS.read_text())
    [line] = done.stdout.splitlines()
    assert line.startswith("e-3 invalid: ")
    assert done.returncode == 1, done.stderr


@pytest.fixture
def service(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The address of a `batchpatch serve` with a sandbox."""
    process = subprocess.Popen(
        [sys.executable, "-m", "batchpatch", "serve", "--sandbox", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = next(line for line in process.stderr if "Listening on" in line)
    yield said.split()[-1]
    process.terminate()
    process.communicate(timeout=20)


@pytest.mark.skipif(shutil.which("ruby") is None, reason="there is no ruby on this machine")
def test_the_ruby_script(run_sample: RunSample, service: str) -> None:
    """A service in Rails gets each row's result, as the library's callers do."""
    done = run_sample("ruby", "post_rows.rb", service)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "call-1 updated"
    assert second.startswith("call-2 invalid ")
