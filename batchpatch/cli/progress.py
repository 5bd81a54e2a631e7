"""Progress while a run goes on: a live view on a terminal, lines of a log elsewhere."""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from batchpatch.cli.output import log_line, say_whole
from batchpatch.cli.text import progress_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchpatch.model import Progress

ProgressStyle = Literal["auto", "plain", "json", "none"]

_STEADY_S = 2.0
"""A wait is said once it has lasted so long; what is over sooner is the usual pace."""
_JSON_EVERY_S = 1.0


@contextmanager
def shown_progress(
    style: ProgressStyle, *, log_every_s: float, where: str
) -> Iterator[Callable[[Progress], None] | None]:
    """Show on stderr what the returned function is given; None where nothing is to be shown.

    Args:
        style: `auto` suits what stderr is.
        log_every_s: how often a log gets a line.
        where: whose data it is, where the platform has not said so.
    """
    if style == "none":
        yield None
    elif style == "json":
        yield JsonLines()
    elif style == "plain" or not can_draw():
        yield PlainLines(every_s=log_every_s)
    else:
        from batchpatch.cli.live_view import live_view  # noqa: PLC0415 - a pipe does not pay for it

        with live_view(sys.stderr, where=where) as show:
            yield show


def can_draw() -> bool:
    """True where stderr is a terminal on which lines can be drawn again."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


class PlainLines:
    """A line now and then, and whenever it begins to wait for something else."""

    def __init__(self, *, every_s: float, write: Callable[[str], None] = log_line) -> None:
        self._every_s = every_s
        self._write = write
        self._next_s = every_s
        self._said: str | None = None
        self._seen: str | None = None
        self._seen_s = 0.0

    def __call__(self, progress: Progress) -> None:
        """See how far the work is."""
        waits = self._waits_anew(progress)
        if progress.elapsed_s >= self._next_s or waits:
            self._next_s = progress.elapsed_s + self._every_s
            self._said = _kind(progress.waiting_for)
            self.show(progress, waits=waits)

    def show(self, progress: Progress, *, waits: bool) -> None:
        """Write the line; `waits` where it is written because of a wait that is new."""
        self._write(progress_line(progress))

    def _waits_anew(self, progress: Progress) -> bool:
        kind = _kind(progress.waiting_for)
        if kind != self._seen:
            self._seen, self._seen_s = kind, progress.elapsed_s
        steady = progress.elapsed_s - self._seen_s >= _STEADY_S
        return steady and kind is not None and kind != self._said


class JsonLines:
    """An object a line, once a second, for a program that shows it in its own way."""

    def __init__(self, write: Callable[[str], None] = say_whole) -> None:
        self._write = write
        self._next_s = 0.0

    def __call__(self, progress: Progress) -> None:
        """See how far the work is."""
        if progress.elapsed_s < self._next_s:
            return
        self._next_s = progress.elapsed_s + _JSON_EVERY_S
        import orjson  # noqa: PLC0415 - only here

        document = progress._asdict() | {
            "settled": progress.settled,
            "elapsed_s": round(progress.elapsed_s, 3),
            "window": progress.window._asdict() if progress.window else None,
            "reasons": [reason._asdict() for reason in progress.reasons],
        }
        self._write(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS).decode())


def _kind(waiting_for: str | None) -> str | None:
    """What is waited for, without the seconds in it, which change all the time."""
    return None if waiting_for is None else re.sub(r"[0-9]+", "", waiting_for)
