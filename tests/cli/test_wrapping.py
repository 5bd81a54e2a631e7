"""Long lines on a terminal: broken at blanks, and never in what somebody pastes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminals import shown_on

from batchpatch.cli.wrapping import wrapped
from batchpatch.errors import as_typed

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://api.mypurecloud.de/" + "x" * 60


@given(
    st.lists(st.sampled_from(["a", "word", "'two words'", "`batchpatch x`", URL, "--map a=b"])),
    st.integers(20, 100),
    st.sampled_from(["", "    "]),
)
def test_nothing_is_lost_and_no_line_is_too_long(
    words: list[str], columns: int, indent: str
) -> None:
    """But for a line that is one word: there is no place to break it."""
    line = indent + " ".join(words)
    lines = wrapped(line, columns)
    assert " ".join(one.strip() for one in lines).split() == line.split()
    for one in lines:
        assert len(one) <= columns or one.strip() in words
    for word in words:
        assert any(word in one for one in lines)


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        (
            "It can be undone: batchpatch undo r --api-url http://127.0.0.1",
            ["It can be undone:", "  batchpatch undo r --api-url http://127.0.0.1"],
        ),
        (
            "  batchpatch run failed.csv --map conversation=Ref --region eu-central-1",
            ["  batchpatch run failed.csv --map conversation=Ref --region eu-central-1"],
        ),
        (
            "Report: '/home/who/a folder with blanks/run'",
            ["Report:", "  '/home/who/a folder with blanks/run'"],
        ),
        (
            "  Ready to paste: --map conversation=Ref --attributes tier",
            ["  Ready to paste:", "    --map conversation=Ref --attributes tier"],
        ),
        (
            "batchpatch: the run's input is gone: say `batchpatch resume r`.",
            ["batchpatch: the run's input is gone: say", "  `batchpatch resume r`."],
        ),
        (
            "no conversation column: add --map conversation='Conv Ref'",
            ["no conversation column: add", "  --map conversation='Conv Ref'"],
        ),
        (
            "no such flag, and that is all there is: see batchpatch run --help.",
            ["no such flag, and that is all there is:", "  see batchpatch run --help."],
        ),
        (
            "batchpatch: install the extra url: pip install '.[url]' (or uv tool install)",
            [
                "batchpatch: install the extra url:",
                "  pip install '.[url]' (or uv tool",
                "  install)",
            ],
        ),
        (
            "  export CLIENT_ID=0123456789 CLIENT_SECRET=0123456789",
            ["  export CLIENT_ID=0123456789 CLIENT_SECRET=0123456789"],
        ),
        ("  updated             120", ["  updated             120"]),
        ("\u8868" * 15 + " " + "\u8868" * 15, ["\u8868" * 15, "  " + "\u8868" * 15]),
    ],
)
def test_what_is_pasted_has_a_line_of_its_own(line: str, lines: list[str]) -> None:
    """A newline in a command is two commands, and one in a path another path."""
    assert wrapped(line, 40) == lines


def test_a_number_stays_with_its_unit() -> None:
    """A line of nothing but `s` says nothing."""
    line = "Left: about 670 requests at 300/min on 1 token: 2 min 3 s; with --tokens 10: 13 s"
    assert wrapped(line, 80) == [line[:76], "  13 s"]


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("a/b-1.csv", "a/b-1.csv"),
        ("a b", "'a b'"),
        ("it's mine", '"it\'s mine"'),
        ("it's $5", "'it'\"'\"'s $5'"),
        ("a\nb", r"$'a\x0ab'"),
    ],
)
def test_a_path_is_quoted_as_plainly_as_it_can_be(path: str, word: str) -> None:
    """Somebody reads it as well."""
    assert as_typed(path) == word


@given(st.text(min_size=1), st.integers(20, 60))
def test_a_path_in_a_sentence_stays_whole_whatever_it_is_called(name: str, columns: int) -> None:
    """Blanks, quotes and newlines are in names that people have; a pasted piece is another path."""
    path = as_typed(f"/home/a folder/{name}".replace("\0", ""))
    lines = wrapped(f"batchpatch: the file {path} does not exist: check the path.", columns)
    assert any(path in line for line in lines)


@pytest.mark.parametrize("name", ["of march.csv", "o'the march.csv", "a\nb\x1b.csv", "caf\udce9 x"])
def test_a_refused_path_works_as_pasted(
    name: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    """What a sentence calls a file is a word for the shell, on one line of a narrow terminal."""
    folder = tmp_path / "a folder with blanks"
    folder.mkdir()
    (folder / name).write_text("")
    shown = said_on_a_terminal(["check", str(folder / name)], 50, tmp_path, environment)
    word = as_typed(folder / name)
    assert word in shown
    found = subprocess.run(["/bin/bash", "-c", f"ls -d {word}"], check=False, capture_output=True)
    assert found.returncode == 0


def said_on_a_terminal(words: list[str], columns: int, cwd: Path, env: dict[str, str]) -> str:
    """What a command shows on a terminal of so many columns."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "batchpatch", *words],
        stdin=subprocess.DEVNULL,
        stdout=child,
        stderr=child,
        cwd=cwd,
        env=env | {"TERM": "xterm"},
    )
    os.close(child)
    shown = shown_on(parent)
    process.wait(timeout=60)
    return shown.replace("\r\n", "\n")


def test_a_terminal_gets_lines_that_fit_and_a_pipe_gets_them_whole(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """Both streams, as wide as the terminal says; a log is searched by its lines."""
    (tmp_path / "bad.csv").write_text("who,what,where\na,b,c\n")
    (tmp_path / "good.csv").write_text(
        "conversationId,participantId,attr.context.genesys.x\n"
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301,3f2504e0-4f89-41d3-9a0c-0305e82c3302,1\n"
    )
    for name in ("bad.csv", "good.csv"):
        shown = said_on_a_terminal(["check", name], 50, tmp_path, environment)
        assert max(map(len, shown.splitlines())) <= 50
        whole = subprocess.run(
            [sys.executable, "-m", "batchpatch", "check", name],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        text = whole.stdout + whole.stderr
        assert max(map(len, text.splitlines())) > 80
        assert re.sub(r"\s+", " ", shown) == re.sub(r"\s+", " ", text)
