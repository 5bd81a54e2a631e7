"""docs/services.md: what the page shows is what happens."""

from __future__ import annotations

import os
import re
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
