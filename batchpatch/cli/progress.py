"""Progress while a run goes on: a live line on a terminal, now and then a plain one elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from batchpatch.cli.words import progress_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchpatch.model import Progress


PLAIN_EVERY_S = 5.0


@contextmanager
def shown_progress() -> Iterator[Callable[[Progress], None]]:
    """Show on stderr what the returned function is given, in the way that suits it."""
    stream = sys.stderr
    if stream.isatty():
        with _live_line(stream) as show:
            yield show
    else:
        yield PlainLines(stream)


@contextmanager
def _live_line(stream: TextIO) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console  # noqa: PLC0415 - a pipe does not pay for it
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=stream)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda progress: live.update(
            Text(progress_line(progress), no_wrap=True, overflow="ellipsis"), refresh=True
        )


class PlainLines:
    """A line every few seconds, for logs and pipes."""

    def __init__(self, stream: TextIO, *, every_s: float = PLAIN_EVERY_S) -> None:
        self._stream = stream
        self._every_s = every_s
        self._next_s = every_s

    def __call__(self, progress: Progress) -> None:
        if progress.elapsed_s >= self._next_s:
            self._next_s = progress.elapsed_s + self._every_s
            try:
                print(progress_line(progress), file=self._stream, flush=True)
            except OSError:  # whoever read it is gone; the run goes on
                self._next_s = float("inf")
