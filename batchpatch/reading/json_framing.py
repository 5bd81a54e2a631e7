"""Framing: the lines of a JSON input -> the texts of its records, each on a line or on many. Pure.

A line that parses alone is a record. Elsewhere objects are found as jq finds them: brackets are
counted outside strings, from a `{` to the `}` that closes it, over as many lines as that takes,
and another object may follow on the same line. Whether the text in between is valid JSON is for
whoever parses it.

A record is broken where a line leaves a string open (none spans lines in JSON), where something
that is no object follows its end, where an object begins that no comma, colon or bracket
announces, at the end of the input, and past `MAX_RECORD_BYTES`. It reaches to the next line that
begins an object no deeper than it did itself, or that is an object alone. From there on all is
looked at anew, also lines that had been taken for its inside: so it swallows no neighbour.

Nothing depends on the pieces in which lines arrive, so that a second reading finds the same
records. No line is looked at more than `_MAX_MARGIN_DEPTH` times.
"""

from __future__ import annotations

import re

import orjson

MAX_RECORD_BYTES = 16 << 20
"""Of a record on several lines; one on a line is bounded as any line is."""

_MAX_MARGIN_DEPTH = 64
"""Lines at the left margin that begin objects within objects, which only printers without any
indentation write. Each may turn out to be a record of its own, and be looked at again."""

_BOM = b"\xef\xbb\xbf"
"""In mid-file where files were joined."""
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?([ \t]*)(\}[ \t]*)?\{")
"""A line that begins an object, perhaps behind the end of another."""
_MARKS = re.compile(rb'"[^"]*"?|[][{}]')
_SPACES = re.compile(rb"[ \t\r]*")
_QUOTE = ord('"')
_BROKEN = -1
"""In place of a depth."""

Framed = tuple[int, bytes]
"""Physical line on which a record begins, and its text; its lines are joined by line feeds."""


class Framer:
    """Finds the records among lines that are handed to it; what is not complete it keeps."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._line = 1
        """Physical number of the first of them."""
        self._first = 0
        """Index of the line on which the present record begins."""
        self._from = 0
        """Where on that line; 0 but where another object ends on it."""
        self._next = 0
        """Index of the line to look at."""
        self._margin = 0
        """How far the present record is indented."""
        self._found: list[Framed] = []
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._depth = 0
        """Brackets that are open; 0 where the present record has not begun."""
        self._end = b""
        """The last character of the record so far."""
        self._bytes = 0
        self._broken = False

    @property
    def waits(self) -> bool:
        """True where a record has begun that is not complete."""
        return bool(self._held)

    def frame(self, line: int, lines: list[bytes]) -> list[Framed]:
        """The records that these lines complete; `line` is the number of the first."""
        if not self._held:
            self._line = line
        self._held += lines
        while self._next < len(self._held):
            self._look()
        return self._taken()

    def finish(self) -> list[Framed]:
        """The records that the end of the input completes: broken ones, and what is in them."""
        while self._first < len(self._held):
            if self._next < len(self._held):
                self._look()
            elif self._broken:
                self._cut(self._next, 0)
            else:
                self._fail()
        return self._taken()

    def _taken(self) -> list[Framed]:
        del self._held[: self._first]
        self._line += self._first
        self._next -= self._first
        self._first = 0
        found, self._found = self._found, []
        return found

    def _look(self) -> None:
        line = self._held[self._next]
        if self._broken:
            self._resynchronise(line)
        elif self._depth:
            self._go_on(line)
        elif self._from or not self._alone(line):
            self._margin = len(line) - len(line.lstrip(b" \t"))
            self._scan(line, self._from)

    def _alone(self, line: bytes) -> bool:
        """True where a line needs no further look: it is a record, or can begin none, or blank."""
        text = line.removeprefix(_BOM)
        if not parses(text) and text.lstrip().startswith(b"{"):
            return False
        if not is_blank(text):
            self._found.append((self._line + self._first, text))
        self._first = self._next = self._next + 1
        return True

    def _go_on(self, line: bytes) -> None:
        """Look at a further line of a record."""
        begins = _BEGINS.match(line)
        if begins is not None and len(begins[1]) <= self._margin:
            announced = self._depth == 1 if begins[2] else self._end in b":,["
            if not announced or self._depth > _MAX_MARGIN_DEPTH:
                self._fail()
                return
        self._scan(line, 0)

    def _scan(self, line: bytes, at: int) -> None:
        """Look for the records' ends on a line, from a place on it."""
        marks = _without_escapes(line)
        while True:
            end, depth = _end_of(marks, at, self._depth)
            at = _spaces_end(line, end)
            if depth:
                break
            if at < len(line) and line[at] != ord("{"):
                depth = _BROKEN
                break
            self._cut(self._next, end)
            if at == len(line):
                self._first, self._from = self._next + 1, 0
                self._next = self._first
                return
            self._from = at
        self._depth = depth
        self._bytes += len(line)
        self._end = line.rstrip()[-1:] or self._end
        self._next += 1
        if depth == _BROKEN or self._bytes > MAX_RECORD_BYTES:
            self._fail()

    def _fail(self) -> None:
        """The present record is broken: look where the next one begins."""
        self._begin_anew()
        self._broken = True
        self._next = self._first + 1

    def _resynchronise(self, line: bytes) -> None:
        """Begin anew where this line begins another record than the broken one."""
        begins = _BEGINS.match(line)
        if begins is not None and len(begins[1]) <= self._margin:
            self._cut(self._next, begins.end() - 1 if begins[2] else 0)
        elif (begins and parses(line)) or self._bytes > MAX_RECORD_BYTES:
            self._cut(self._next, 0)
        else:
            self._bytes += len(line)
            self._next += 1

    def _cut(self, last: int, end: int) -> None:
        """What reaches to this byte of this line is a record; the next begins there."""
        first = self._held[self._first]
        if last == self._first:
            text = first[self._from : end]
        else:
            rest = [self._held[last][:end]] if end else []
            lines = self._held[self._first + 1 : last] + rest
            text = b"\n".join([first[self._from :], *lines])
        self._found.append((self._line + self._first, text.removeprefix(_BOM)))
        self._first, self._from = last, end
        self._begin_anew()


def is_blank(text: bytes) -> bool:
    """True for a line of white space alone, or the mark with which DOS ended a file."""
    return not text.strip(b" \t\r\n\v\f\x1a")


def _end_of(line: bytes, at: int, depth: int) -> tuple[int, int]:
    """Where the last open bracket is closed, with 0; or the end of the line, with the depth."""
    for found in _MARKS.finditer(line, at):
        mark = found[0]
        if mark[0] == _QUOTE:
            if len(mark) == 1 or mark[-1] != _QUOTE:
                return len(line), _BROKEN
            continue
        depth += 1 if mark in b"{[" else -1
        if not depth:
            return found.end(), 0
    return len(line), depth


def _spaces_end(line: bytes, at: int) -> int:
    spaces = _SPACES.match(line, at)
    return at if spaces is None else spaces.end()


def _without_escapes(line: bytes) -> bytes:
    """The line, as long as it was, with no quote in it that does not begin or end a string."""
    if b"\\" not in line:
        return line
    return line.replace(b"\\\\", b"__").replace(b'\\"', b"__")


def parses(line: bytes) -> bool:
    """True of JSON, as orjson reads it."""
    try:
        orjson.loads(line)
    except ValueError:
        return False
    return True
