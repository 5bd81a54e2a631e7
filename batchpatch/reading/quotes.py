"""Broken quotes of a CSV: the records that one has swallowed, and the row error it makes. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.options.fields import canonical_uuid
from batchpatch.reading import row_errors
from batchpatch.reading.row_errors import RowError, UnreadRecordError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.reading.dialect import Dialect


LINE_BREAK = re.compile(r"\r\n|\r|\n")


_ID_WITHIN = re.compile(r"-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-")
"""Begins with a character that the search can jump to."""


class Swallow(NamedTuple):
    """Where a cell holds records; lines are counted from the first of the cell's record."""

    opened: int
    """The line on which the cell begins."""
    next: int
    """The line on which reading goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdPlaces:
    """Where the ids stand in the records of a table."""

    conversation: int
    participant: int | None
    """None where the rows name their participants in other ways."""
    width: int
    """Columns of the table."""

    def fit(self, cells: Sequence[str]) -> bool:
        """True for cells that look like a record of the table."""
        if len(cells) <= self.conversation or not canonical_uuid(cells[self.conversation]):
            return False
        if self.participant is None:
            return len(cells) == self.width
        if self.participant >= len(cells):
            return False
        who = cells[self.participant]
        return bool(canonical_uuid(who)) or (len(cells) == self.width and not who.strip())

    @property
    def ids(self) -> list[int]:
        """Their places in order."""
        return [at for at in (self.conversation, self.participant) if at is not None]


def swallowed(
    cells: Sequence[str], places: IdPlaces, dialect: Dialect, *, broken: bool = False
) -> Swallow | None:
    """The first record within a cell of several lines; None where there is none.

    On the first line of the cell stands the end of a record, some of whose ids are in the cell; on
    another one a record with all of its ids; or, where the quotes are `broken` and so the cell has
    no certain end, with one of them.
    """
    line = 0
    for at, cell in enumerate(cells):
        if "\n" not in cell and "\r" not in cell:
            continue
        parts = LINE_BREAK.split(cell)
        for nth, part in enumerate(parts) if _ID_WITHIN.search(cell) else ():
            inner = dialect.lenient([part])
            before = list(cells[:at]) if nth == 0 else []
            after = list(cells[at + 1 :]) if nth == len(parts) - 1 else []
            inside = range(len(before), len(before) + len(inner))
            among = [place in inside for place in places.ids]
            if places.fit([*before, *inner, *after]) and (
                any(among) if nth == 0 or broken else all(among)
            ):
                return Swallow(line, line + max(nth, 1))
        line += len(parts) - 1
    return None


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
