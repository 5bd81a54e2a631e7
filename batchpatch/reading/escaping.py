"""Escaped CSV: how `csv` reads it where a cell says that there is nothing. Pure."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def escaped_reader(
    lines: Iterable[str], *, delimiter: str, escapechar: str, **spelling: Any
) -> Iterator[list[str]]:
    """A `csv.reader` that keeps the cells `\\N` as they are.

    A database that escapes writes so that there is nothing; unescaped it would be the text N.
    """
    between, nothing = re.escape(delimiter), f"{escapechar}N"
    text = re.escape(nothing)
    # What it begins with is searched for in no time; what is before it is looked at behind that.
    cell = re.compile(rf"{text}(?<![^{between}]{text})(?=[\r\n{between}]|$)")
    kept = f"{escapechar}{nothing}".replace("\\", "\\\\")
    some = (cell.sub(kept, line) if nothing in line else line for line in lines)
    return csv.reader(some, delimiter=delimiter, escapechar=escapechar, **spelling)
