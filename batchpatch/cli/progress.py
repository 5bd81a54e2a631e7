"""Progress while a run goes on: a live line on a terminal, lines of a log elsewhere."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from batchpatch.cli.output import log_line
from batchpatch.cli.text import printable, progress_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchpatch.model import Progress

_STEADY_S = 2.0
"""A wait is said once it has lasted so long; what is over sooner is the usual pace."""


@contextmanager
def shown_progress(*, log_every_s: float) -> Iterator[Callable[[Progress], None]]:
    """Show on stderr what the returned function is given, in the way that suits it."""
    stream = sys.stderr
    if stream.isatty():
        with _live_line(stream) as show:
            yield show
    else:
        yield PlainLines(every_s=log_every_s)


@contextmanager
def _live_line(stream: TextIO) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console  # noqa: PLC0415 - a pipe does not pay for it
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=stream)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda progress: live.update(
            Text(printable(progress_line(progress)), no_wrap=True, overflow="ellipsis"),
            refresh=True,
        )


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
        if progress.elapsed_s >= self._next_s or self._waits_anew(progress):
            self._next_s = progress.elapsed_s + self._every_s
            self._said = _kind(progress.waiting_for)
            self._write(progress_line(progress))

    def _waits_anew(self, progress: Progress) -> bool:
        kind = _kind(progress.waiting_for)
        if kind != self._seen:
            self._seen, self._seen_s = kind, progress.elapsed_s
        steady = progress.elapsed_s - self._seen_s >= _STEADY_S
        return steady and kind is not None and kind != self._said


def _kind(waiting_for: str | None) -> str | None:
    """What is waited for, without the seconds in it, which change all the time."""
    return None if waiting_for is None else re.sub(r"[0-9]+", "", waiting_for)
