"""Sheet records: the rows of a workbook as records of a table."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from batchpatch.errors import InputError
from batchpatch.options.fields import bare, canonical_uuid
from batchpatch.reading.dialect import dialect_of_failed, is_failed_header
from batchpatch.reading.odd_values import LARGE_LENGTH, any_suspect
from batchpatch.reading.records import Block, UnusableCell
from batchpatch.reading.sources import EmptyInputError
from batchpatch.reading.table_records import SAMPLE_ROWS, TableRecords
from batchpatch.reading.tables import Table
from batchpatch.reading.title_rows import header_below_title
from batchpatch.reading.workbooks import Workbook
from batchpatch.writes.registry import is_known_column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.options.read import ReadOptions
    from batchpatch.reading.sources import ByteSource

BLOCK_ROWS = 500
_LOOKED_AT = 100
"""Rows below the header in which a better one is looked for."""


class SheetRecords(TableRecords):
    """The header of a sheet, and its rows with their numbers; what is empty is no row.

    Raises:
        InputError: it is no workbook that can be read, or has no header.
    """

    delimiter = ","

    def __init__(self, source: ByteSource, *, options: ReadOptions) -> None:
        self._name = source.name
        self._source = source
        try:
            self._workbook = Workbook(
                source.seekable(), name=source.name, sheet=options.sheet, closing=source.closing
            )
        except InputError:
            if source.truncated:  # the table of contents is at the end
                raise EmptyInputError(
                    f"{source.name} is cut off: copy or export it again."
                ) from None
            raise
        self.sheet = self._workbook.sheet
        self.title = self.sheet.title
        self._rows = enumerate(self._workbook.rows(), 1)
        self._ahead: list[tuple[int, list[str]]] = []
        self._skipped, self._comment = options.skip_lines, options.comment
        self._header_row = 0
        self.header = list(options.columns_given)
        if not self.header or self._begins_failed_rows():
            self.header = self._read_header()
        self._is_failed = any(map(is_failed_header, self.header))
        self.table = Table(self.header, dialect_of_failed(self.delimiter, options), name=self._name)

    def _begins_failed_rows(self) -> bool:
        """True of rows that batchpatch has written, mended in a spreadsheet: they have a header."""
        self._ahead += islice(self._rows, 1)
        return any(is_failed_header(cells[0]) for _, cells in self._ahead if cells)

    def _read_header(self) -> list[str]:
        if self._begins_failed_rows():
            self._skipped, self._comment = 0, None
        rows = chain(self._ahead, self._rows)
        self._ahead = []
        for number, cells in rows:
            if number <= self._skipped or not _is_record(cells, self._comment):
                continue
            self._header_row = number
            header = [*map(bare, cells)]
            while not header[-1]:
                header.pop()
            if any(map(canonical_uuid, header)):
                raise InputError(
                    f"The sheet {self.sheet.title!r} of {self._name} has no header: row {number} "
                    "holds an id. Add a first row such as conversationId, participantId, "
                    "attr.NAME, or name its columns: "
                    "--columns conversationId,participantId,attr.NAME."
                )
            return header
        others = f" Others: {', '.join(map(repr, self.sheet.others))}, with --sheet NAME."
        raise EmptyInputError(
            f"The sheet {self.sheet.title!r} of {self._name} is empty: it needs a header and rows."
            f"{others if self.sheet.others else ''}"
        )

    def sample(self) -> list[list[str]]:
        """The cells of the first rows; none is taken."""
        self._ahead += islice(self._rows, max(0, SAMPLE_ROWS - len(self._ahead)))
        return [cells for _, cells in self._ahead[:SAMPLE_ROWS]]

    def header_below(self) -> int | None:
        """The number of a row below what was taken for the header that looks more like one."""
        self._ahead += islice(self._rows, max(0, _LOOKED_AT - len(self._ahead)))
        named = next((n for n, cells in self._ahead if sum(map(is_known_column, cells)) > 1), None)
        return named or header_below_title(self.header, self._ahead)

    def blocks(self) -> Iterator[Block | None]:
        """The rows, many at a time; empty ones are left in."""
        while True:
            rows, self._ahead = self._ahead, []
            rows += islice(self._rows, BLOCK_ROWS - len(rows))
            if not rows:
                return
            self._tell_position()
            yield self._block(rows)

    def _block(self, rows: list[tuple[int, list[str]]]) -> Block:
        skipped, comment, width = self._skipped, self._comment, len(self.header)
        cut = not self._is_failed
        records = [
            _fitted(cells, width, cut=cut)
            if number > skipped and _is_record(cells, comment)
            else []
            for number, cells in rows
        ]
        return Block(
            [number for number, _ in rows],
            records,
            plain=not any(isinstance(cell, UnusableCell) for cells in records for cell in cells),
            large=any(sum(map(len, cells)) > LARGE_LENGTH for cells in records),
            suspect=any_suspect(records),
        )

    def _tell_position(self) -> None:
        """Let the source know how far this is, as well as the sheet tells: it is read in parts."""
        size, rows = self._source.size, self.sheet.rows
        if size and rows:
            self._source.bytes_read = min(size, size * self._workbook.rows_read // rows)

    def notices(self) -> dict[str, str]:
        """Which sheet this is, where its failed rows go, and what it says in too few cells."""
        others = f", not {', '.join(map(repr, self.sheet.others))}" if self.sheet.others else ""
        told = f"{self._name}: the sheet {self.sheet.title!r} is read{others}"
        said = {"sheet": f"{told}; rows that fail go to a CSV file."}
        merged = self._workbook.merged_below(self._header_row)
        if merged is not None:
            said["merged"] = (
                f"{self._name}: cells of the sheet are merged (such as {merged}). Their "
                "value is that of the first alone; the others are empty until you unmerge and fill "
                "them."
            )
        return said


def _is_record(cells: list[str], comment: str | None) -> bool:
    """False of an empty row, and of a comment."""
    if not any(cell.strip() or isinstance(cell, UnusableCell) for cell in cells):
        return False
    return comment is None or not cells[0].startswith(comment)


def _fitted(cells: list[str], width: int, *, cut: bool) -> list[str]:
    """The cells under the header: a sheet says nothing of empty ones at the end of a row, and
    what stands beside the table is none of it, unless the rows are failed ones (not `cut`): then
    it may be why they failed."""
    return (cells[:width] if cut else cells) + [""] * (width - len(cells))
