"""Lines that are drawn again and again in place, on a terminal whose width changes meanwhile.

Most terminals reflow: made narrower, they break what stands there, and the lines take more of the
screen than were drawn. Whoever wipes as many as there were leaves the first ones behind for good.
"""

from __future__ import annotations

import os
from contextlib import suppress
from math import ceil
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, ConsoleDimensions
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import ConsoleOptions, ConsoleRenderable, RenderableType, RenderResult


class Redrawn(Live):
    """Lines of a function of the width, which replace those that it has drawn before."""

    def __init__(self, stream: TextIO, lines: Callable[[int], RenderableType]) -> None:
        """`lines` gives what to show on so many columns."""
        self._stream = stream
        self._shown = _Measured(lines)
        self._reflows = reflows(os.environ)
        console = Console(file=stream, highlight=False)
        super().__init__(self._shown, console=console, auto_refresh=False, transient=True)

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Wipe first what a narrower terminal has made of the lines beyond their number."""
        self._look()
        wiped = further_rows(self._shown.widths, self.console.width) if self._reflows else 0
        one = (
            ControlType.CARRIAGE_RETURN,
            (ControlType.ERASE_IN_LINE, 2),
            (ControlType.CURSOR_UP, 1),
        )
        return [Control(*one * wiped), *super().process_renderables(renderables)]

    def _look(self) -> None:
        """Ask the terminal how large it is: `COLUMNS` may be from before a change."""
        with suppress(OSError, ValueError):
            size = os.get_terminal_size(self._stream.fileno())
            if size.columns and size.lines:
                self.console.size = ConsoleDimensions(*size)


class _Measured:
    """What a function of the width shows, and how many columns each line took when last drawn."""

    def __init__(self, lines: Callable[[int], RenderableType]) -> None:
        self._lines = lines
        self.widths: list[int] = []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As many lines as the terminal has; the others could never be wiped."""
        drawn = console.render_lines(self._lines(options.max_width), options, pad=False)
        drawn = drawn[: options.size.height]
        self.widths = [Segment.get_line_length(line) for line in drawn]
        for at, line in enumerate(drawn):
            if at:
                yield Segment.line()
            yield from line


def further_rows(widths: Sequence[int], columns: int) -> int:
    """How many more rows of the screen lines of these widths take, where they are broken."""
    return sum(max(0, ceil(width / columns) - 1) for width in widths)


def reflows(environ: Mapping[str, str]) -> bool:
    """False for a terminal that cuts off what has no room: there it would be others' lines."""
    if "TMUX" in environ:
        return True
    return not ({"XTERM_VERSION", "STY"} & environ.keys() or environ.get("TERM") == "linux")
