"""Separators: what stands between the columns of a header that is no CSV of ours. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def typed(mark: str) -> str:
    """A character as one types it into a shell."""
    return f"'{mark}'" if mark.isprintable() else f"$'\\x{ord(mark):02x}'"
