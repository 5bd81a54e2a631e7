"""What a shell offers, asked the way that a shell asks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from batchpatch.cli.app import COMMANDS

ROOT = Path(__file__).parent.parent.parent
SHELLS = ["bash", "zsh", "fish"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where somebody types: two runs, a directory that is none, and an input."""
    for name in ("june", "july"):
        (tmp_path / "batchpatch-runs" / name).mkdir(parents=True)
        (tmp_path / "batchpatch-runs" / name / "run.json").write_text("{}")
    (tmp_path / "batchpatch-runs" / "empty").mkdir()
    os.utime(tmp_path / "batchpatch-runs" / "june", (1, 1))
    (tmp_path / "updates.csv").touch()
    return tmp_path


def environment(**more: str) -> dict[str, str]:
    """Nobody's settings, and the tree."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {"PATH": os.environ["PATH"], "PYTHONPATH": path} | more


def answer(folder: Path, **asked: str) -> str:
    """What the program tells a shell."""
    done = subprocess.run(
        [sys.executable, "-m", "batchpatch"],
        env=environment(**asked),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


def offered(line: str, folder: Path, *, shell: str = "bash") -> list[tuple[str, ...]]:
    """Kind and text of what is offered for the last word of a line."""
    words = line.split(" ")
    place = words[-1] if shell == "fish" else str(len(words) - 1)
    asked = {"COMP_WORDS": line, "COMP_CWORD": place}
    lines = answer(folder, _BATCHPATCH_COMPLETE=f"{shell}_complete", **asked).splitlines()
    if shell == "zsh":
        return list(zip(lines[::3], lines[1::3], strict=True))
    return [tuple(one.partition("\t")[0].split(",", 1)) for one in lines if one]


RUNS = [("plain", "batchpatch-runs/july"), ("plain", "batchpatch-runs/june")]
OFFERS = {
    "a command": ("batchpatch und", [("plain", "undo")]),
    "a command of a command": ("batchpatch sandbox ro", [("plain", "rows")]),
    "a flag": ("batchpatch run updates.csv --keep", [("plain", "--keep-before")]),
    "a flag of every command": ("batchpatch undo --help-", [("plain", "--help-all")]),
    "a flag behind one whose value is optional": (
        "batchpatch run x --verify --keep",
        [("plain", "--keep-before")],
    ),
    "a choice": ("batchpatch run x --ended s", [("plain", "skip"), ("plain", "send")]),
    "a choice behind =": ("batchpatch run x --empty=le", [("plain", "leave")]),
    "a word that stands for a value": ("batchpatch run x --quote ", [("plain", "none")]),
    "an input": ("batchpatch run up", [("file", "up")]),
    "a run": ("batchpatch resume ", [("dir", ""), *RUNS]),
    "a run by its first letters": (
        "batchpatch undo batchpatch-runs/jun",
        [("dir", "batchpatch-runs/jun"), ("plain", "batchpatch-runs/june")],
    ),
    "a directory": ("batchpatch run x --out o", [("dir", "o")]),
    "a file": ("batchpatch plan x --out p", [("file", "p")]),
    "a number": ("batchpatch run x --limit ", []),
    "nothing that is known": ("batchpatch explode --fo", []),
}


@pytest.mark.parametrize(("line", "expected"), OFFERS.values(), ids=OFFERS)
def test_what_is_offered(line: str, expected: list[tuple[str, ...]], folder: Path) -> None:
    """Each place of a command line knows what fits there."""
    assert offered(line, folder) == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_is_offered_all_commands(shell: str, folder: Path) -> None:
    """Each has a language of its own for the same answer."""
    assert [one[1] for one in offered("batchpatch ", folder, shell=shell)] == list(COMMANDS)


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_takes_the_script(shell: str, folder: Path) -> None:
    """It is evaluated at the start of a shell, where an error would meet people every time."""
    script = answer(folder, _BATCHPATCH_COMPLETE=f"{shell}_source")
    assert f"_BATCHPATCH_COMPLETE={shell}_complete" in script
    if (program := shutil.which(shell)) is not None:
        subprocess.run([program, "-n"], input=script, text=True, check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash on this machine")
def test_bash_completes_a_line(folder: Path) -> None:
    """The line of the README, the program and the shell together."""
    program = folder / "bin" / "batchpatch"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m batchpatch "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(_BATCHPATCH_COMPLETE=bash_source batchpatch)"\n'
        "COMP_WORDS=(batchpatch resume batchpatch-runs/ju) COMP_CWORD=2\n"
        "_batchpatch_completion batchpatch\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [shutil.which("bash") or "bash", "--norc", "-c", script],
        env=environment(PATH=path),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["batchpatch-runs/july", "batchpatch-runs/june"]


def said(folder: Path, *words: str, asked: str) -> subprocess.CompletedProcess[str]:
    """What a command says while the variable of a shell is set."""
    return subprocess.run(
        [sys.executable, "-m", "batchpatch", *words],
        cwd=folder,
        env=environment(_BATCHPATCH_COMPLETE=asked),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("asked", ["bash", "nope_source", "bash_complete"])
def test_a_wrong_question_is_a_sentence(asked: str, folder: Path) -> None:
    """Whoever sets it up by hand mistypes it, or leaves the variable set."""
    done = said(folder, "runs", asked=asked)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "write bash_source" in done.stderr


def test_an_empty_question_is_none(folder: Path) -> None:
    """The command runs as ever, with its own exit code."""
    done = said(folder, "check", "gone.csv", asked="")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("batchpatch: gone.csv does not exist")
