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
    between, nothing = re.escape(delimiter), re.escape(f"{escapechar}N")
    cell = re.compile(rf"(^|{between})(?={nothing}(?:[\r\n]|{between}|$))")
    kept = (cell.sub(lambda begin: begin[0] + escapechar, line) for line in lines)
    return csv.reader(kept, delimiter=delimiter, escapechar=escapechar, **spelling)
