"""README and docs are the manual: what works is in it, and every fact on the pages is there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from batchpatch.errors import ExitCode
from batchpatch.model import Outcome

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUNNING = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
MANUAL = "\n".join(
    page.read_text(encoding="utf-8")
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
)
COMMANDS = [
    "run",
    "check",
    "plan",
    "codes",
    "doctor",
    "config",
    "resume",
    "report",
    "undo",
    "status",
    "runs",
    "pace",
    "serve",
    "purge",
    "sandbox",
    "sandbox rows",
]
FOR_WORK_ON_IT = {"test", "samples", "dev", "sdk"}
"""Extras that no user needs."""


def help_of(*command: str) -> str:
    """What a command says of itself."""
    done = subprocess.run(
        [sys.executable, "-m", "batchpatch", *command, "--help-all"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "200", "PATH": ""},
    )
    return done.stdout


def options_in(text: str) -> set[str]:
    """The long options that a text names."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--help", "--help-all"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_the_manual(command: str) -> None:
    """An option that nobody can find is not there."""
    missing = {
        option
        for option in options_in(help_of(*command.split()))
        if not re.search(rf"{option}(?![\w-])", MANUAL)
    }
    assert missing == set()


def test_every_command_is_in_the_manual() -> None:
    """So is a command; and this list is that of the program."""
    listed = re.findall(r"^  (\w+)  +\S", help_of().partition("Commands:")[2], re.MULTILINE)
    assert set(listed) == {command.split()[0] for command in COMMANDS}
    options = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert [command for command in listed if f"`{command}`" not in options] == []


def test_every_outcome_and_exit_code_is_in_the_readme() -> None:
    """Scripts go by them, so each has its line in a table."""
    assert [one for one in Outcome if f"\n| `{one}` | " not in README] == []
    assert [one for one in ExitCode if f"\n| **{one:d}** | " not in README] == []


def test_every_extra_is_in_the_readme() -> None:
    """What is missing has a sentence in the program; what there is, one here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"]) - FOR_WORK_ON_IT
    assert [extra for extra in extras if f"`{extra}`" not in README] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_said_of_a_command_in_passing_is_so(command: str) -> None:
    """Commands within a sentence are pasted as well."""
    known = options_in(help_of(*command.split()))
    spans = re.findall(rf"`(?:batchpatch )?{command} (?!rows)([^`|]*)`", MANUAL)
    assert options_in(" ".join(spans)) <= known


def test_what_measures_is_there() -> None:
    """A figure whose command is gone cannot be measured again."""
    page = (ROOT / "BENCHMARKS.md").read_text(encoding="utf-8")
    programs = set(re.findall(r"tests/\w+/\w+\.py", page))
    assert len(programs) >= 5
    assert [program for program in programs if not (ROOT / program).exists()] == []


def test_the_library_example_runs(tmp_path: Path) -> None:
    """It is pasted as it stands: without credentials it ends in the sentence about them."""
    found = re.search(r"```python\n((?:.|\n)*?)```", RUNNING)
    assert found is not None
    (tmp_path / "updates.csv").write_text("conversationId,participantId,attr.a\n")
    done = subprocess.run(
        [sys.executable, "-c", found[1]],
        cwd=tmp_path,
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "0 invalid rows\n"
    assert "AccessError" in done.stderr


def test_the_samples_are_what_the_readme_says() -> None:
    """The first command has to succeed, so the sample it uses must be whole."""
    import batchpatch

    report = batchpatch.check([str(ROOT / "samples" / "campaign_results.csv")])
    assert (report.rows, report.invalid, report.write) == (120, 0, "attributes")
    report = batchpatch.check([str(ROOT / "samples" / "wrapup_codes.csv")])
    assert (report.rows, report.invalid, report.write) == (60, 0, "wrapup")
