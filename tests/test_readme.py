"""The README is the manual: what it shows works, and what works is in it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def options_of(*command: str) -> set[str]:
    """The long options in a command's help."""
    done = subprocess.run(
        [sys.executable, "-m", "batchpatch", *command, "--help-all"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "200", "PATH": ""},
    )
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", done.stdout)) - {"--help"}


@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        ("check",),
        ("plan",),
        ("codes",),
        ("doctor",),
        ("config",),
        ("resume",),
        ("report",),
        ("undo",),
        ("status",),
        ("runs",),
        ("serve",),
        ("purge",),
        ("sandbox",),
        ("sandbox", "rows"),
    ],
)
def test_every_option_is_in_the_readme(command: tuple[str, ...]) -> None:
    """An option that nobody can find is not there."""
    options = options_of(*command)
    missing = {option for option in options if not re.search(rf"{option}(?![\w-])", README)}
    assert missing == set()


def test_every_extra_is_in_the_readme() -> None:
    """What can be installed besides has to be known to be asked for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    table = re.search(r"is an extra((?:.|\n)*?)\n\n[A-Z]", README)
    assert table is not None
    assert set(project["optional-dependencies"]) <= set(re.findall(r"`(\w+)`", table[1]))


def test_the_check_in_the_readme_is_what_check_says() -> None:
    """A shown session that is not true teaches distrust."""
    found = re.search(r"```console\n\$ batchpatch (.*)\n((?:.|\n)*?)```", README)
    assert found is not None
    done = subprocess.run(
        [sys.executable, "-m", "batchpatch", *found[1].split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.stdout, done.stderr) == (found[2], "")


def test_the_library_example_runs(tmp_path: Path) -> None:
    """It is pasted as it stands: without credentials it ends in the sentence about them."""
    found = re.search(r"```python\n((?:.|\n)*?)```", README)
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
