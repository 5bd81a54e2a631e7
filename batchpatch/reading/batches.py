"""Batches: rows as they are handed over, so many at a time. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import InputError
from batchpatch.model import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.model import InvalidRow, Row, RowSet
    from batchpatch.reading.records import Block

BATCH_ROWS = 1000
"""At most; mostly it is what one read of the file has completed, a few hundred."""

_THE_END = object()


def in_batches(
    rows: list[Row | InvalidRow], number: int, count: int, *, settled: RowSet | None
) -> Iterator[Batch]:
    """The rows in batches, without those that are settled.

    Args:
        rows: all of them, or none where none was made because they are settled.
        number: that of the first.
        count: how many there are.
        settled: those that need no second look.
    """
    for at in range(0, count, BATCH_ROWS):
        some = rows[at : at + BATCH_ROWS]
        if settled is not None:
            some = [row for row in some if row.number not in settled]
        yield Batch(some, number + min(count, at + BATCH_ROWS) - 1)


def goes_on(blocks: Iterator[Block | None]) -> bool:
    """True where there is something more, readable or not, or may yet come."""
    try:
        return next(blocks, _THE_END) is not _THE_END
    except InputError:
        return True
