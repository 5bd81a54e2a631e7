"""A pseudo terminal, read to its end, and what a terminal shows of it."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import termios
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def shown_on(parent: int, seen: Callable[[bytes], None] = lambda _: None) -> str:
    """What is written to a terminal until its other side is closed; closes this one.

    `seen` is given all that was shown so far, whenever there is more.
    """
    shown = b""
    while select.select([parent], [], [], 60)[0]:
        try:
            piece = os.read(parent, 1 << 16)
        except OSError:  # Linux: the other side is closed
            break
        if not piece:
            break
        shown += piece
        seen(shown)
    os.close(parent)
    return shown.decode()


class Screen:
    """What a terminal shows that reflows: made narrower, it breaks the lines that stand there."""

    _PIECE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|(\r)|(\n)|([^\x00-\x1f])")

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._rows = [""]
        self._goes_on: set[int] = set()
        """Rows whose line goes on below."""
        self._row = self._column = 0

    def text(self) -> list[str]:
        """Its rows, without blanks at their ends."""
        return "\n".join(row.rstrip() for row in self._rows).rstrip().split("\n")

    def feed(self, text: str) -> None:
        """Show what a program has written."""
        for number, command, back, down, char in self._PIECE.findall(text):
            if char:
                self._put(char)
            elif back:
                self._column = 0
            elif down:
                self._below()
                self._column = 0
            elif command == "A":
                self._row = max(0, self._row - int(number or 1))
            elif command == "K":
                self._rows[self._row] = ""
                self._goes_on.discard(self._row)

    def resize(self, columns: int) -> None:
        """Break the lines anew; the cursor stays behind what it stood behind."""
        lines, at = [""], (0, 0)
        for number, row in enumerate(self._rows):
            if number == self._row:
                at = len(lines) - 1, len(lines[-1]) + self._column
            lines[-1] += row
            if number not in self._goes_on:
                lines.append("")
        self.columns, self._rows, self._goes_on = columns, [], set()
        for number, line in enumerate(lines[:-1]):
            first = len(self._rows)
            pieces = [line[start : start + columns] for start in range(0, len(line) or 1, columns)]
            self._rows += pieces
            self._goes_on |= set(range(first, len(self._rows) - 1))
            if number == at[0]:
                within = min(at[1] // columns, len(pieces) - 1)
                self._row, self._column = first + within, at[1] - within * columns

    def _put(self, char: str) -> None:
        if self._column == self.columns:
            self._goes_on.add(self._row)
            self._below()
            self._column = 0
        row = self._rows[self._row].ljust(self._column)
        self._rows[self._row] = row[: self._column] + char + row[self._column + 1 :]
        self._column += 1

    def _below(self) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append("")


class Terminal:
    """A pseudo terminal that this process writes to, and what it shows."""

    _END = "\a"

    def __init__(self, columns: int) -> None:
        self._parent, self._child = pty.openpty()
        self._screen = Screen(columns)
        self.stream = os.fdopen(self._child, "w", encoding="utf-8")
        self._tell(columns)

    def text(self) -> list[str]:
        """Its rows, as far as they are written to."""
        self._read()
        return self._screen.text()

    def resize(self, columns: int) -> None:
        """Make it so wide, after what was written so far."""
        self._read()
        self._tell(columns)
        self._screen.resize(columns)

    def _tell(self, columns: int) -> None:
        fcntl.ioctl(self._parent, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def _read(self) -> None:
        os.write(self._child, self._END.encode())
        decoder = codecs.getincrementaldecoder("utf-8")()
        text = ""
        while not text.endswith(self._END):
            text += decoder.decode(os.read(self._parent, 1 << 16))
        self._screen.feed(text)
