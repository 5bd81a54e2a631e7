"""Wrong usage is one sentence in one style, whatever is wrong, and one document with --json."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pytest

from batchpatch.cli.app import COMMANDS, execute, program

if TYPE_CHECKING:
    from pathlib import Path

    import click

Run = Callable[..., subprocess.CompletedProcess[str]]

WRONG = {
    "no such command": (["rnu"], "did you mean run?"),
    "no such command at all": (["explode"], "there are run, check"),
    "no input": (["run"], "run needs INPUT"),
    "no directory": (["resume"], "resume needs DIR"),
    "two directories": (["undo", "a", "b"], "undo does not take so many words"),
    "no such flag": (["run", "x", "--verfy"], "did you mean --verify?"),
    "a flag that none is like": (["serve", "--metrics-port", "1"], "see batchpatch serve --help"),
    "no such flag at all": (["check", "x", "--zzz"], "see batchpatch check --help"),
    "a switch with a value": (["run", "x", "--guard=1"], "--guard takes no value"),
    "a flag without its value": (["run", "x", "--rate"], "--rate needs a value: --rate RATE"),
    "no number": (["run", "x", "--concurrency", "many"], "--concurrency many: write a whole"),
    "a number out of range": (["run", "x", "--concurrency", "0"], "from 1 to 1000"),
    "no choice": (["run", "x", "--empty", "drop"], "--empty drop: write one of leave, set"),
    "no kind of write": (["run", "x", "--write", "calls"], "write one of attributes, wrapup"),
    "an empty value": (["run", "x", "--between", ""], "--between"),
    "an empty threshold": (["run", "x", "--max-failures", ""], "--max-failures"),
    "an empty URL": (["run", "x", "--api-url", ""], "--api-url is empty"),
    "a negative time": (["run", "x", "--grace", "-5s"], "--grace -5s"),
    "an endless time": (["run", "x", "--max-outage", "9" * 400], "--max-outage"),
    "hours with a zone": (["run", "x", "--between", "22:00Z-06:00Z"], "local time"),
    "an attribute set twice": (["run", "x", "--set", "a=b", "--set", "a=c"], "--set a"),
    "a typo for a purpose": (["run", "x", "--participant", "custmer"], "did you mean customer"),
    "the sandbox elsewhere": (["run", "x", "--sandbox", "--region", "y"], "leave out --region"),
    "the sandbox at a URL": (["run", "x", "--sandbox", "--api-url", "y"], "leave out --api-url"),
    "the sandbox of a profile": (["run", "x", "--sandbox", "--profile", "y"], "--profile"),
    "a fault without a sandbox": (["run", "x", "--fault", "status=503"], "add --sandbox"),
    "a plan without a file": (["plan", "x"], "plan needs --out FILE"),
    "no rows": (["sandbox", "rows"], "--count"),
    "a port that is none": (["sandbox", "--port", "70000"], "from 0 to 65535"),
    "no run": (["resume", "nowhere"], "nowhere"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "said"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_one_line(
    words: list[str],
    said: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """No box, no words of a library, no traceback: what is wrong, and what would be right."""
    monkeypatch.chdir(tmp_path)
    assert execute(words) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("batchpatch: ")
    assert said in err
    assert "Error" not in err


@pytest.mark.parametrize("kind", ["no such flag", "no number", "an attribute set twice", "no run"])
def test_wrong_usage_is_a_document_where_one_was_asked_for(kind: str, batchpatch: Run) -> None:
    """A program that calls us reads standard output, whatever it has done wrong."""
    words, said = WRONG[kind]
    done = batchpatch(*words, "--json")
    document = json.loads(done.stdout)
    assert document.keys() == {"error", "exit_code"}
    assert (document["exit_code"], done.returncode) == (2, 2)
    assert said in document["error"]


def test_no_words_are_a_question_for_help(capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is wrong yet."""
    assert execute([]) == 0
    out, err = capfd.readouterr()
    assert (out.startswith("Usage: batchpatch"), err) == (True, "")
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_in_groups_and_without_the_librarys_words(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """`<list[str]>` and `{INPUT}` mean nothing to whoever reads it."""
    assert execute([name, "--help"]) == 0
    out, _ = capfd.readouterr()
    assert out.startswith(f"Usage: batchpatch {name} [OPTIONS]")
    assert not any(mark in out for mark in ("{INPUT", "<bool>", "list[", "INTEGER", "FLOAT"))
    assert "\nOptions:\n  -h, --help" in out


@pytest.mark.parametrize("name", ["resume", "undo"])
@pytest.mark.parametrize("page", ["--help", "--help-all"])
def test_what_goes_on_does_not_promise_the_defaults_of_a_new_run(
    name: str, page: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """`--tokens`, left out, is what the run has: ten tokens do not become one."""
    assert execute([name, page]) == 0
    text = " ".join(capfd.readouterr().out.split())
    assert "Default: as the run has it." in text
    assert "Default: 1." not in text
    assert "the platform's own limit" not in text


@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_of_the_help_ends_within_a_word(
    name: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path or a flag in two pieces cannot be searched for, and is copied wrong."""
    monkeypatch.setenv("COLUMNS", "80")
    assert execute([name, "--help-all"]) == 0
    out = capfd.readouterr().out
    assert not [line for line in out.splitlines() if line.endswith("-") and line[-2:-1].isalnum()]
    assert "\u2011" not in out


PAGES = [(), *((name,) for name in COMMANDS), ("sandbox", "rows")]


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_help_fits_a_screen(
    words: tuple[str, ...],
    columns: int,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What scrolls away is not read: 24 lines are the smallest screen, and one is the prompt's."""
    monkeypatch.setenv("COLUMNS", str(columns))
    assert execute([*words, "--help"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) <= 23
    assert all(len(line) <= columns for line in lines)
    assert sum(line.startswith("  Example: batchpatch ") for line in lines) == 1


@pytest.mark.parametrize("words", PAGES[1:], ids=" ".join)
def test_all_flags_are_on_the_other_page(
    words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    """The screen says how many it leaves out, and each of them is there."""
    listed = []
    for page in ("--help", "--help-all"):
        assert execute([*words, page]) == 0
        listed.append(capfd.readouterr().out)
    brief, full = (set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", text, re.M)) for text in listed)
    said = re.search(r" --help-all shows (\d+) more", listed[0])
    assert full >= brief | {"--help-all"}
    assert len(full - brief - {"--help-all"}) == (int(said[1]) if said else 0)


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_examples_are_command_lines(
    words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    """An example is pasted as it stands."""
    assert execute([*words, "--help"]) == 0
    found = re.search(r"^  Example: batchpatch (.*)$", capfd.readouterr().out, re.M)
    assert found is not None
    context = program().make_context("batchpatch", shlex.split(found[1].partition(" > ")[0]))
    name, command, rest = cast("click.Group", context.command).resolve_command(
        context, [*context._protected_args, *context.args]
    )
    assert command is not None
    command.make_context(name, rest, parent=context)


def test_a_command_line_can_be_swapped(
    batchpatch: Run, make_rows: Callable[..., Path], sandbox: Any, credentials: dict[str, str]
) -> None:
    """`run` becomes `check` or `plan` by a word, and what has no effect is said in one line."""
    words = (
        *(str(make_rows(2)), "--guard", "--verify", "5%", "--timeout", "5s", "--share", "80%"),
        *("--grace", "5s", "--out", "out", "--api-url", sandbox.url),
    )
    checked = batchpatch("check", *words)
    assert checked.returncode == 0, checked.stderr
    assert checked.stderr == "--timeout, --grace, --api-url and --out have no effect on check.\n"
    planned = batchpatch("plan", *words, env=credentials)
    assert planned.stderr.startswith("--guard and --verify have no effect on plan.\n")
    assert "2 rows in" in planned.stderr
