"""Broken quotes: what the parser says of some lines, as the error of a row. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.reading import row_errors
from batchpatch.reading.row_errors import RowError, UnreadRecordError
from batchpatch.reading.swallowed import LINE_BREAK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.reading.dialect import Dialect


MAX_CELL_LENGTH = 16 << 20


_UNFINISHED = "unexpected end of data"
"""What the parser says where a quote is open at the end."""


_KEPT_LENGTH = 1 << 16
"""The longest text of an unreadable record that is kept with it."""


def is_unfinished(error: object) -> bool:
    """True where more lines may close the quote."""
    return _UNFINISHED in str(error)


def quote_error(error: object, first: int, lines: Sequence[str], dialect: Dialect) -> RowError:
    """What is wrong with lines that the parser gave up on; `first` is the number of the first."""
    last = first + len(lines) - 1
    if is_unfinished(error):
        return row_errors.unclosed_quote(first, first + _opening(lines, dialect), last)
    if "field larger" in str(error):
        return row_errors.cell_too_large(first, last, MAX_CELL_LENGTH >> 20)
    escaped = dialect.escape is None and any(f"\\{dialect.quote}" in line for line in lines)
    return row_errors.bad_quotes(first, last, escaped=escaped)


def unread(error: RowError, lines: Sequence[str]) -> UnreadRecordError:
    """The record that these lines would be, with their text unless that is endless."""
    record = UnreadRecordError(*error)
    if sum(map(len, lines)) <= _KEPT_LENGTH:
        record.text = "".join(lines).rstrip("\r\n")
    return record


def _opening(lines: Sequence[str], dialect: Dialect) -> int:
    """Index of the line with the quote that is open at the end."""
    cell = (dialect.lenient(lines) or [""])[-1]
    breaks = len(LINE_BREAK.findall(cell))
    spanned = breaks if cell.endswith(("\n", "\r")) else breaks + 1
    return len(lines) - max(1, spanned)
