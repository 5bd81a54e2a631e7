"""docs/services.md: what the page shows is what happens."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "services.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")

BLOCK = r"\n((?:(?!```).|\n)*)```"
PROGRAM = re.compile(rf"```python{BLOCK}\n\n```text{BLOCK}")
TESTS = re.compile(rf"```python\n# (\w+\.py){BLOCK}")
JSONL = re.compile(rf"```json{BLOCK}")
SESSIONS = [
    (command.replace("\n    ", " "), said)
    for session in re.findall(rf"```console{BLOCK}", PAGE)
    for command, said in re.findall(r"\$ (.*(?:\n    .*)*)\n((?:[^$ ].*\n)*)", session)
]
"""Commands (what is indented goes on), and what they print."""
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="there is no jq on this machine")
PROGRAMS = [*PROGRAM.findall(PAGE), *PROGRAM.findall(README)]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nobody's credentials, and the library."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {"PATH": os.environ["PATH"], "PYTHONPATH": path, "HOME": str(tmp_path)}


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_says_what_is_shown(
    number: int, environment: dict[str, str], tmp_path: Path
) -> None:
    """It is pasted as it stands."""
    program, said = PROGRAMS[number]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == (said, "", 0)


def test_no_program_is_left_out() -> None:
    """A program whose output is not shown would be run by nobody."""
    programs = PAGE.count("```python\n")
    assert programs == len(PROGRAM.findall(PAGE)) + len(TESTS.findall(PAGE)) == 5
    assert len(PROGRAMS) == 4


def test_the_tests_of_one_s_own_pass(environment: dict[str, str], tmp_path: Path) -> None:
    """They are what a project begins with."""
    for name, text in TESTS.findall(PAGE):
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_links_lead_somewhere() -> None:
    """A page is read in a browser, where a wrong path is found out by the reader."""
    targets = re.findall(r"\]\(([^)#]+)", PAGE)
    missing = [one for one in targets if not (ROOT / "docs" / one).exists()]
    assert missing == []
    assert "(docs/services.md)" in README


@needs_jq
def test_the_pipe_says_what_is_shown(environment: dict[str, str], tmp_path: Path) -> None:
    """A shown session that is not true teaches distrust."""
    [events] = JSONL.findall(PAGE)
    (tmp_path / "events.jsonl").write_text(events)
    command, said = SESSIONS[0]
    assert _run(command, environment, tmp_path) == said


@needs_jq
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_the_service_says_what_is_shown(environment: dict[str, str], tmp_path: Path) -> None:
    """The same, of the caller's side."""
    (start, _), (ask, said) = SESSIONS[1:]
    assert start.endswith(" &")
    words = start.removeprefix("batchpatch ").removesuffix(" &").replace("8765", "0").split()
    service = subprocess.Popen(
        [sys.executable, "-m", "batchpatch", *words],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert service.stderr is not None
    url = next(line for line in service.stderr if "Listening on" in line).split("//")[-1].strip()
    try:
        assert _run(ask.replace("127.0.0.1:8765", url), environment, tmp_path) == said
    finally:
        service.terminate()
        service.communicate(timeout=20)


def _run(command: str, environment: dict[str, str], at: Path) -> str:
    """What it prints, with the program as `batchpatch`."""
    program = f'batchpatch() {{ "{sys.executable}" -m batchpatch "$@"; }}; {command}'
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-c", program],
        cwd=at,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout
