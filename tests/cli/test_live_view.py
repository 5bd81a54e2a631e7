"""The live view: what it says of a run, at any width, and on a real terminal."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from terminals import Terminal, shown_on

from batchpatch.cli.live_view import drawn, live_view, view_of
from batchpatch.cli.redrawing import reflows
from batchpatch.model import FailureReason, Outcome, Progress, WindowUse

if TYPE_CHECKING:
    from pathlib import Path

RUN = Progress(
    rows_read=18_500,
    outcomes={Outcome.UPDATED: 18_120, Outcome.UNCHANGED: 214, Outcome.REJECTED: 51},
    settled_before=0,
    requests=18_600,
    throttled=3,
    waiting_for="the rate limit (23 s)",
    elapsed_s=3480.0,
    rows_expected=40_000,
    left_s=4320.0,
    requests_per_s=4.97,
    window=WindowUse(214, 300, 23.0),
    reasons=[FailureReason(Outcome.REJECTED, "not.found", 51, "no such conversation " * 9, None)],
)


def lines_at(width: int, progress: Progress = RUN) -> list[str]:
    """The lines without their colours."""
    console = Console(width=width, file=io.StringIO(), color_system=None)
    with console.capture() as captured:
        console.print(drawn(view_of(progress, where="api.mypurecloud.de"), width))
    return captured.get().splitlines()


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """A line that wraps is drawn over the one above it."""
    assert max(map(len, lines_at(width))) <= width


def test_there_is_room_behind_the_last_line() -> None:
    """There the terminal's own `^C` would wrap, and a line of the view stay behind for good."""
    assert len(lines_at(80)[-1]) == 77


def test_80_columns_say_all_that_matters() -> None:
    """How far, how long, what came of it, what it waits for and why rows failed, uncut."""
    text = "\n".join(lines_at(80))
    for words in (
        "sending",
        "45 %  18,385 of about 40,000 rows",
        "api.mypurecloud.de",
        "58 min elapsed",
        "about 1 h 12 min left",
        "18,120 updated",
        "51 rejected",
        "allowance: 214 of 300 used, again in 23 s",
        "waiting for the rate limit (23 s)",
        "51 rejected not.found: no such conversation",
    ):
        assert words in text


@pytest.mark.parametrize("width", [60, 80])
def test_a_long_name_hides_no_time(width: int) -> None:
    """Of all that is on that line the time left is what people look for."""
    name = "Versicherungsgesellschaft Musterstadt Kundenservice GmbH & Co. KG"
    line = lines_at(width, RUN._replace(organisation=name))[1]
    assert "Versicher" in line or width < 80
    assert "58 min elapsed · about 1 h 12 min left" in line


def test_a_run_of_unknown_length_has_no_bar() -> None:
    """A pipe does not say how many rows are to come: nothing is made up."""
    first = lines_at(80, RUN._replace(rows_expected=None, left_s=None))[0]
    assert first.split() == ["sending", "18,385", "rows"]


def test_it_is_never_full_before_all_is_done() -> None:
    """100 % with rows outstanding is a lie that people act on."""
    almost = RUN._replace(outcomes={Outcome.UPDATED: 39_999})
    assert "99 %" in lines_at(80, almost)[0]


def test_foreign_text_cannot_command_the_terminal() -> None:
    """The server's sentences and names are shown, not obeyed."""
    bad = FailureReason(Outcome.REJECTED, "x", 1, "\x1b[2Jgone", None)
    lines = lines_at(80, RUN._replace(reasons=[bad], organisation="\x1b]0;title\x07Acme"))
    assert not any("\x1b" in line or "\x07" in line for line in lines)


def test_a_run_on_a_terminal_is_drawn_and_leaves_its_summary(tmp_path: Path) -> None:
    """With a real terminal: the view is drawn, and what stays is the summary."""
    rows = tmp_path / "rows.csv"
    sandbox = [sys.executable, "-m", "batchpatch", "sandbox", "rows", "--count", "300"]
    rows.write_bytes(subprocess.run(sandbox, check=True, capture_output=True).stdout)
    words = ["run", str(rows), "--sandbox", "--out", str(tmp_path / "run"), "--rate", "200/s"]
    text = on_a_terminal(words, TERM="xterm-256color")
    assert "sending" in text
    assert "127.0.0.1" in text
    assert "updated" in text.rpartition("\x1b[")[2]


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_draw_gets_lines(tmp_path: Path, term: str) -> None:
    """Editors and consoles of CI say so; moving the cursor there leaves rubbish."""
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "conversationId,participantId,attr.a\n3f2504e0-4f89-41d3-9a0c-0305e82c3301,"
        "3f2504e0-4f89-41d3-9a0c-0305e82c3302,x\n"
    )
    words = ["run", str(rows), "--sandbox", "--out", str(tmp_path / "run")]
    text = on_a_terminal(words, TERM=term)
    assert "\x1b" not in text
    assert "updated" in text


@pytest.mark.parametrize("columns", [(120, 60, 60), (120, 50, 30), (60, 100, 40), (80, 79, 78)])
def test_a_terminal_that_gets_narrower_keeps_no_line_of_the_view(
    columns: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It breaks the lines that stand there, and all of their pieces are to be wiped."""
    for name in ("XTERM_VERSION", "STY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")  # from before: the terminal knows better
    first, *others = columns
    terminal = Terminal(first)
    with terminal.stream as stream:
        print("before", file=stream, flush=True)
        with live_view(stream, where="api.mypurecloud.de") as show:
            show(RUN)
            for width in others:
                terminal.resize(width)
                show(RUN)
                assert bare(terminal.text()) == bare(["before", *lines_at(width)])
            terminal.resize(others[-1] - 10)
        print("after", file=stream, flush=True)
        assert terminal.text() == ["before", "after"]


@pytest.mark.parametrize(
    ("environ", "reflowing"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm", "XTERM_VERSION": "XTerm(390)"}, False),
        ({"TERM": "tmux-256color", "XTERM_VERSION": "XTerm(390)", "TMUX": "t,1,0"}, True),
        ({"TERM": "screen", "STY": "1.pts-0"}, False),
        ({"TERM": "linux"}, False),
    ],
)
def test_a_terminal_that_cuts_lines_off_loses_none_of_others(
    environ: dict[str, str], reflowing: bool
) -> None:
    """What it does not break stands on one row still: the rows above are somebody else's."""
    assert reflows(environ) is reflowing


def bare(lines: list[str]) -> list[str]:
    """Without the part of the bar that only its colour tells from the rest."""
    return [re.sub("[━╸╺]+ *", "- ", line) for line in lines]


def on_a_terminal(words: list[str], **environment: str) -> str:
    """What a run writes to a terminal of 80 columns."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "batchpatch", *words],
        stdin=child,
        stdout=child,
        stderr=child,
        env=os.environ | {"COLUMNS": "80", "LINES": "24"} | environment,
    )
    os.close(child)
    shown = shown_on(parent)
    assert process.wait(timeout=60) == 0
    return re.sub(r"\r\n", "\n", shown)
