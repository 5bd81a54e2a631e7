"""Records that a stray quote has swallowed: found in the text of the cell that they became. Pure.

A quote that nobody closed makes one cell of all that follows, up to the next quote. That is legal
CSV and surely wrong where the cell holds, line by line, ids in the places of the id columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.options.fields import canonical_uuid

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
