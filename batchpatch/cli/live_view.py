"""The live view of a run on a terminal: a few lines that are drawn again and again.

`view_of` says what stands on each line, and is pure; `LiveView` draws it. What is logged meanwhile
goes above it. Colours are the terminal's own sixteen, so that they suit its theme; what they say is
said in words as well.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TextIO

from rich.console import Group
from rich.constrain import Constrain
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from batchpatch.cli.redrawing import Redrawn
from batchpatch.cli.text import count, duration, pace_of, reason_head, shortened, time_left
from batchpatch.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

    from batchpatch.model import FailureReason, Progress

_LEAST_BAR, _MOST_BAR = 10, 40
_FREE = 3
"""Columns that stay empty behind the last line: a terminal writes `^C` there, and where that is the
edge, all lines move up by one and the first is never wiped away."""
_DIM, _BAD, _GOOD, _WAITS = "dim", "red", "green", "yellow"
_MADE_IT = {Outcome.UPDATED: _GOOD, Outcome.PLANNED: _GOOD}


class View(NamedTuple):
    """The text of the live view, part by part."""

    doing: str
    share: float | None
    """Of the rows that are settled; None where nobody knows how many there are."""
    rows: str
    times: str
    outcomes: list[tuple[str, str]]
    """Each with its style."""
    allowance: str
    waiting: str
    reasons: list[str]


def view_of(progress: Progress, *, where: str) -> View:
    """What there is to show of a run.

    Args:
        progress: how far it is.
        where: whose data it is, where the platform has not said so.
    """
    expected = progress.rows_expected
    share = min(1.0, progress.settled / expected) if expected else None
    return View(
        doing=progress.doing,
        share=share,
        rows=_rows(progress, share),
        # Names may be long, and what does not fit is cut off at the end.
        times=" · ".join([*_times(progress), progress.organisation or where]),
        outcomes=_outcomes(progress),
        allowance=_allowance(progress),
        waiting=f"waiting for {progress.waiting_for}" if progress.waiting_for else "",
        reasons=[_reason(reason) for reason in progress.reasons],
    )


def _rows(progress: Progress, share: float | None) -> str:
    if progress.rows_expected is None or share is None:
        return count(progress.settled, "row")
    roughly = "" if progress.all_read else "about "
    # Not 100 before all are done.
    percent = int(share * 100)
    return f"{percent:3d} %  {progress.settled:,} of {roughly}{progress.rows_expected:,} rows"


def _times(progress: Progress) -> list[str]:
    times = [f"{duration(progress.elapsed_s)} elapsed"]
    if progress.requests_per_s:
        times.insert(0, f"{pace_of(progress.requests_per_s)} requests")
    if (left := time_left(progress)) is not None:
        times.append(f"about {left} left")
    return times


def _outcomes(progress: Progress) -> list[tuple[str, str]]:
    return [
        (f"{number:,} {word}", _MADE_IT.get(word, "" if word.made_it else _BAD))
        for word in Outcome
        if (number := progress.outcomes.get(word, 0))
    ]


def _allowance(progress: Progress) -> str:
    if (use := progress.window) is None:
        return ""
    again = f", again in {use.ends_in_s:.0f} s" if use.used else ""
    return f"allowance: {use.used:,} of {use.allowed:,} used{again}"


def _reason(reason: FailureReason) -> str:
    return f"{reason_head(reason)}: {shortened(reason.message or 'no message', 200)}"


def drawn(view: View, width: int) -> RenderableType:
    """The lines, for so many columns."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    room = width - len(view.doing) - len(view.rows) - 4
    if view.share is None or room < _LEAST_BAR:
        head: RenderableType = _line(f"{view.doing}  {view.rows}")
    else:
        bar = ProgressBar(
            total=1.0,
            completed=view.share,
            width=min(_MOST_BAR, room),
            complete_style="cyan",
            finished_style=_GOOD,
            style=_DIM,
        )
        table.add_row(Text(view.doing, style="bold"), bar, Text(view.rows))
        head = table
    lines = [head, _line(view.times)]
    if view.outcomes:
        lines.append(_joined(view.outcomes))
    if view.allowance or view.waiting:
        lines.append(_joined([(view.allowance, _DIM), (view.waiting, _WAITS)]))
    lines += [_line(f"  {reason}", _BAD) for reason in view.reasons]
    lines[-1] = Constrain(lines[-1], max(1, width - _FREE))
    return Group(*lines)


def _line(text: str, style: str = "") -> Text:
    return Text(shortened(text, 400), style=style, no_wrap=True, overflow="ellipsis")


def _joined(parts: list[tuple[str, str]]) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for text, style in parts:
        if text:
            line.append(" · " if line else "", style=_DIM)
            line.append(shortened(text, 200), style=style)
    return line


@contextmanager
def live_view(stream: TextIO, *, where: str) -> Iterator[Callable[[Progress], None]]:
    """Draw on a terminal what the returned function is given; gone at the end."""
    seen: list[View] = []
    live = Redrawn(stream, lambda width: drawn(seen[-1], width) if seen else "")

    def show(progress: Progress) -> None:
        seen[:] = [view_of(progress, where=where)]
        live.start()  # not before there is something: a question may be asked until then
        live.refresh()

    try:
        yield show
    finally:
        live.stop()
