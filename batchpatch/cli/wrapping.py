"""Line wrapping for a terminal: at blanks, and never inside what somebody may paste. Pure.

A terminal breaks a long line wherever its edge is, in the middle of a word. Commands, flags with
their values, paths and URLs stay whole, whatever that makes of the line: a newline in them is
another command.
"""

from __future__ import annotations

import re
from unicodedata import east_asian_width

LEAST_COLUMNS = 20
"""On less than these nothing is made better."""
_FURTHER = "  "

# Each is one word: `...`, what a shell takes for one ('...' with "'" in it, "...'...", $'...'), a
# flag with its value, a short command with its flag, a number with its unit. A quote behind a
# letter is an apostrophe.
_WORD = re.compile(
    r"(?:`[^`]*`|\$'(?:[^'\\]|\\.)*'|\"'\"|\"[^\"']*'[^\"]*\"|(?<![\w'])'[^']*'"
    r"|--[a-z][a-z-]*[ ](?=[^\s-])"
    r"|(?:pip install|batchpatch [a-z]+)[ ](?=['-])|(?<=\d)[ ](?=(?:h|min|s|ms|kB|MB)\b)|\S)+"
)
_PASTED = re.compile(
    r"(?:^\s*|: )(?P<command>batchpatch [a-z].*)$|^\s*(?P<setting>export .*)$"
    r"|^\s*(?:Report|Ready to paste|To paste,[^:]*): (?P<words>.*)$"
)


def wrapped(line: str, columns: int) -> list[str]:
    """A printable line as lines of so many columns at most, further ones indented.

    What may not be broken has a line of its own where it does not fit, however long it is.
    """
    if columns < LEAST_COLUMNS or _width(line) <= columns:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    lines: list[str] = []
    text = ""
    end = 0
    for start, word in _words(line):
        longer = text + line[end:start] + word
        if text and _width(longer) > columns:
            lines.append(text)
            longer = indent + _FURTHER + word
        text, end = longer, start + len(word)
    return [*lines, text]


def _words(line: str) -> list[tuple[int, str]]:
    """What stays whole, and where it begins."""
    found = _PASTED.search(line)
    pasted = found.start(found.lastgroup or 0) if found else len(line)
    words = [(match.start(), match[0]) for match in _WORD.finditer(line, 0, pasted)]
    return [*words, (pasted, line[pasted:])] if line[pasted:] else words


def _width(text: str) -> int:
    """Columns that it takes: characters of some scripts take two."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)
