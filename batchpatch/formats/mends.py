"""`batchpatch_mend`: which cells of a failed row must be mended before it can be sent. Pure.

A spreadsheet makes any record fit its header, and a text of what was none, so a file that comes
back from one no longer shows what was wrong with it. The cell names the columns:

    attr.total;attr.note

JSON says the same where a name could be misread. `(6 cells)` is a record that had so many, more
than its header.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from batchpatch.formats.skips import ANYBODY, format_skips, parse_skips

if TYPE_CHECKING:
    from collections.abc import Sequence

_CELLS = re.compile(r"\(([0-9]{1,9}) cells\)")


def format_mends(names: Sequence[str]) -> str:
    """The cell: the names as `batchpatch_skip` has them."""
    if len(names) == 1 and _CELLS.fullmatch(names[0]):
        return names[0]
    return format_skips({ANYBODY: dict.fromkeys(names, 0)}) if names else ""


def parse_mends(value: object) -> list[str]:
    """What the cell of a CSV or a value of JSON names.

    Raises:
        ValueError: it is nothing of that kind. The row must not be sent then.
    """
    return [name for names in parse_skips(value).values() for name in names]


def surplus(cells: int) -> str:
    """In the place of a name: the record has this many cells."""
    return f"({cells} cells)"


def surplus_in(name: str) -> int | None:
    """How many cells the record had; None of a column's name."""
    found = _CELLS.fullmatch(name)
    return int(found[1]) if found else None
