"""Separators and quotes: what stands between the columns of a header that is no CSV of ours, or
around their names. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from batchpatch.writes.registry import is_known_column

if TYPE_CHECKING:
    from collections.abc import Sequence

SEPARATORS = {
    " ": "blanks",
    "\t": "tabs",
    ",": "commas",
    ";": "semicolons",
    "|": "bars",
    ":": "colons",
    "^": "carets",
    "~": "tildes",
    "#": "number signs",
    "&": "ampersands",
    "/": "slashes",
    "!": "exclamation marks",
    "*": "asterisks",
    "\xa7": "section signs",
    "\xa6": "broken bars",
    "\x01": "control characters",
    "\x02": "control characters",
    "\x1e": "control characters",
    "\x1f": "control characters",
}
"""What may stand between columns, in words."""


def other_delimiter(header: Sequence[str]) -> str | None:
    """The character that makes several known columns of one; None where none does."""
    for column in header:
        for mark in SEPARATORS if len(column) > 1 else ():
            if sum(map(is_known_column, column.split(mark))) > 1:
                return mark
    return None


class Quotation(NamedTuple):
    """What names stand in."""

    begin: str
    end: str
    what: str
    advice: str
    words: str = ""
    """What to add to the command line; nothing where the file has to be changed."""


_AWAY = "Take them away, also around the cells below"
_ELSEWHERE = "(in a CSV; elsewhere, take them away)"
_CURLY = "Put plain ones in their place"

QUOTATIONS = (
    Quotation('="', '"', 'formulas like ="text"', _AWAY),
    Quotation("'", "'", "single quotes", f'Add --quote "\'" {_ELSEWHERE}', '--quote "\'"'),
    Quotation("`", "`", "backticks", f"Add --quote '`' {_ELSEWHERE}", "--quote '`'"),
    Quotation('"', '"', "quotes that a blank comes before", "Delete the blanks behind delimiters"),
    Quotation("[", "]", "brackets", _AWAY),
    Quotation("\u201c", "\u201d", "curly quotes", _CURLY),
    Quotation("\u201e", "\u201c", "curly quotes", _CURLY),
    Quotation("\u2018", "\u2019", "curly quotes", _CURLY),
    Quotation("\xab", "\xbb", "angle quotes", _CURLY),
)


def quotation_of(header: Sequence[str]) -> Quotation | None:
    """What stands around names that would be known without it; None where they have none."""
    for one in QUOTATIONS:
        begin, end = len(one.begin), len(one.end)
        within = [
            column[begin:-end]
            for column in header
            if column.startswith(one.begin) and column.endswith(one.end) and len(column) > begin
        ]
        if sum(map(is_known_column, within)) > 1 or (
            len(header) == 1 and any(map(is_known_column, within))
        ):
            return one
    return None


def typed(mark: str) -> str:
    """A character as one types it into a shell."""
    return f"'{mark}'" if mark.isprintable() else f"$'\\x{ord(mark):02x}'"
