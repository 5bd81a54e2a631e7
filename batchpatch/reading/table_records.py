"""Records of a table: what a CSV and a sheet of a workbook have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.reading.records import Block
    from batchpatch.reading.row_errors import UnreadRecordError
    from batchpatch.reading.tables import Table


SAMPLE_ROWS = 20
"""That are looked at to know which columns hold ids."""


class TableRecords(ABC):
    """The header of a table, and its records with the line or row of a sheet each begins on."""

    header: list[str]
    delimiter: str
    """Of a CSV of them."""
    table: Table
    title: str | None = None
    """Of a workbook, that of its sheet."""

    def notices(self) -> dict[str, str]:
        """What there is to know of where they come from, by what it is about."""
        return {}

    @abstractmethod
    def blocks(self) -> Iterator[Block | None]:
        """The records, many at a time; blank ones are left in.

        None where a live input has nothing more at hand: all records before it were handed out.
        """

    @abstractmethod
    def sample(self) -> list[list[str]]:
        """The cells of the first records, as well as they can be told; none is taken."""

    @abstractmethod
    def header_below(self) -> int | None:
        """The number of a line below what was taken for the header that looks more like one."""

    def __iter__(self) -> Iterator[tuple[int, list[str] | UnreadRecordError]]:
        for block in self.blocks():
            for line, record in zip(block.lines, block.records, strict=True) if block else ():
                if not self.table.is_no_row(record):
                    yield line, record
