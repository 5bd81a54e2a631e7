"""Every command on a page is run: what is shown works, and says what is shown."""

from __future__ import annotations

import re
import shutil
import tomllib
from typing import TYPE_CHECKING

import pytest
from sessions import BLOCK, INSTALLER, PAGES, ROOT, files_of, is_shown, shell_at, steps_of
from sessions import with_free_ports as on_free_ports

from batchpatch.cli.app import COMMANDS
from batchpatch.testing import open_sandbox

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGES = {"sh", "console", "csv", "json", "toml", "python", "text"}
TESTED_BY_ITSELF = "services.md"
"""tests/test_services_page.py runs it."""
RUN = [page for page in PAGES if page.name != TESTED_BY_ITSELF and "```" in page.read_text("utf-8")]
WITHOUT_CREDENTIALS = {"sandbox.md"}
"""Who tries the sandbox has none yet: the page says which."""
AT_ANY_HOUR = ("22:00-06:00", "00:00-23:59")
"""A test does not wait for the night."""


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
@pytest.mark.skipif(shutil.which("jq") is None, reason="there is no jq on this machine")
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_the_sessions_of_a_page_work(page: Path, tmp_path: Path) -> None:
    """They are pasted as they stand, in the order of the page, on the platform of a sandbox."""
    text = on_free_ports(page.read_text(encoding="utf-8").replace(*AT_ANY_HOUR))
    credentials = page.name not in WITHOUT_CREDENTIALS
    with (
        open_sandbox() as sandbox,
        shell_at(tmp_path, sandbox.url, credentials=credentials) as shell,
    ):
        for name, content in files_of(text).items():
            (tmp_path / name).write_text(content, encoding="utf-8")
        for step in steps_of(text):
            if step.goes_on:
                shell.start(step.command)
                continue
            printed, exit_code = shell.run(step.command)
            if step.said is None:
                assert exit_code == 0, f"$ {step.command}\n{printed}"
            else:
                assert is_shown(step.said, printed), f"$ {step.command}\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_block_is_left_out(page: Path) -> None:
    """A block in a language that nobody runs would be true by luck."""
    text = page.read_text(encoding="utf-8")
    assert {language for language, _, _ in BLOCK.findall(text)} <= LANGUAGES
    assert text.count("```") == 2 * len(BLOCK.findall(text))


def test_every_command_is_on_a_page() -> None:
    """There each is started as readers start it; most other tests fork what has started."""
    typed = " ".join(step.command for page in RUN for step in steps_of(page.read_text("utf-8")))
    assert {name for name in COMMANDS if not re.search(rf"\bbatchpatch {name}\b", typed)} == set()


def test_what_is_installed_exists() -> None:
    """Installing is not run here, because it needs a network: the extras it names are there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"])
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for language, _, block in BLOCK.findall(text):
            if language == "sh" and INSTALLER.match(block):
                assert all(INSTALLER.match(line) for line in block.splitlines()), block
        for named in re.findall(r"'(?:batchpatch|\.)\[([\w,]+)\]'", text):
            assert set(named.split(",")) <= extras


def test_dots_stand_for_lines_and_for_nothing_else() -> None:
    """A comparison that lets everything pass would prove nothing."""
    assert is_shown("a\n...\nd\n", "a\nb\nc\nd\n")
    assert is_shown("3 rows in 0.1 s\n", "3 rows in 2.4 s\n")
    assert not is_shown("a\n...\nd\n", "a\nb\nc\n")
    assert not is_shown("a\n", "a\nb\n")
