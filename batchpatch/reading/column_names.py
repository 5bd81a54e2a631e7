"""Names of columns, as sentences show them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.reading.row_errors import SHOWN_LENGTH, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS_LISTED = 20


def listed(columns: Sequence[str]) -> str:
    """Columns in a sentence; not all of them where there are many."""
    first = ", ".join(map(plainly, columns[:_COLUMNS_LISTED]))
    more = len(columns) - _COLUMNS_LISTED
    return f"{first} and {more} more" if more > 0 else first


def plainly(column: str) -> str:
    """A column as one would type it, where that is possible."""
    if not column:
        return "(no name)"
    return column if column.isprintable() and len(column) <= SHOWN_LENGTH else shown(column)
