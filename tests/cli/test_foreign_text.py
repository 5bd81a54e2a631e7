"""Text that is not ours reaches a screen by one way, and commands no terminal."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.cli.text import printable, shortened

CLI = Path(__file__).parent.parent.parent / "batchpatch" / "cli"
ESCAPE = "\x1b]0;owned\x07"
Run = Callable[..., subprocess.CompletedProcess[str]]

WRITER = {"output.py"}
WAYS = {"print", "click.echo", "click.secho", "sys.stderr.write", "sys.stdout.write", "open"}


def test_only_one_module_writes_to_the_streams() -> None:
    """Whatever another one prints would not be escaped; it hands its lines to `output`."""
    wrong = []
    for path in CLI.rglob("*.py"):
        if path.name in WRITER:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in WAYS:
                wrong.append(f"{path.name}:{node.lineno}: {ast.unparse(node.func)}")
            if isinstance(node, ast.Attribute) and node.attr in ("isprintable", "StreamHandler"):
                wrong.append(f"{path.name}:{node.lineno}: {node.attr}")
    allowed = {"text.py": 2}  # `printable` itself
    counted = {name: sum(one.startswith(f"{name}:") for one in wrong) for name in allowed}
    assert [one for one in wrong if one.split(":")[0] not in allowed] == []
    assert counted == allowed


@given(st.text())
def test_what_is_printed_commands_nothing(text: str) -> None:
    """No control character, no change of direction, no half of a surrogate pair."""
    assert printable(text).isprintable()
    assert len(shortened(text, 20)) <= 20


def test_printable_text_stays_as_it_is() -> None:
    """Umlauts and Chinese are no danger."""
    assert printable("Prüfung 客户 ✓") == "Prüfung 客户 ✓"
    assert printable("a\x1b[31mb\nc") == "a\\x1b[31mb\\nc"


def test_names_from_the_input_are_escaped(batchpatch: Run, tmp_path: Path) -> None:
    """A column of a file from a customer once set the title of the terminal."""
    header = f"conversationId,participantId,attr.a{ESCAPE},other{ESCAPE}"
    ids = "3f2504e0-4f89-41d3-9a0c-0305e82c3301,3f2504e0-4f89-41d3-9a0c-0305e82c3302"
    (tmp_path / "rows.csv").write_text(f"{header}\n{ids},x,y\nbad{ESCAPE},{ids[:36]},x,y\n")
    for words in (["check"], ["check", "--all"], ["run", "--sandbox"]):
        done = batchpatch(words[0], "rows.csv", *words[1:])
        assert "\x1b" not in done.stdout + done.stderr
        assert "\x07" not in done.stdout + done.stderr


def test_names_from_the_server_are_escaped(
    batchpatch: Run,
    start_sandbox: Callable[..., Any],
    make_rows: Callable[..., Path],
    credentials: dict[str, str],
) -> None:
    """The organisation, the client, a purpose: whoever administers them is not the user."""
    organization = f"7c9e6679-7425-40de-944b-e07fc1f90ae7:Acme{ESCAPE}"
    sandbox = start_sandbox("--organization", organization)
    words = ("--api-url", sandbox.url, "--out", "p.jsonl", "-v")
    done = batchpatch("plan", str(make_rows(2)), *words, env=credentials)
    assert done.returncode == 1, done.stderr
    assert "Acme\\x1b]0;owned\\x07" in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_a_document_is_utf_8_whatever_the_terminal(
    batchpatch: Run, tmp_path: Path, locale: str
) -> None:
    """A cron job has no locale, and its JSON is read by another program."""
    (tmp_path / "rows.csv").write_text(
        "conversationId,participantId,Prüfung\nx,y,z\n", encoding="utf-8"
    )
    env = {"LC_ALL": locale, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = batchpatch("check", "rows.csv", "--all-columns", "--json", env=env)
    assert json.loads(done.stdout)["attributes"] == []
    assert "Prüfung" in done.stdout
    assert batchpatch("check", "rows.csv", "--all-columns", env=env).returncode == 1


def test_names_that_are_no_utf_8_are_in_the_document(
    batchpatch: Run, make_rows: Callable[..., Path], tmp_path: Path
) -> None:
    """Such a file once ended in a traceback, after the run."""
    strange = tmp_path / "r\udcffows.csv"
    make_rows(3).rename(strange)
    for words in (["check"], ["run", "--sandbox", "--out", "o\udcff"]):
        done = batchpatch(words[0], strange.name, *words[1:], "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["exit_code"] == 0
    done = batchpatch("run", "gone\udcff.csv", "--sandbox", "--json")
    assert json.loads(done.stdout)["exit_code"] == done.returncode == 2
