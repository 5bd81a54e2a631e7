"""CSV text -> records. What a cell means is not decided here."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from batchpatch.errors import InputError
from batchpatch.reading import faults
from batchpatch.reading.mapping import FIELD_NAMES, is_uuid, normalized
from batchpatch.reading.sources import ByteSource, TextLines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.reading.faults import Fault

MAX_CELL_BYTES = 16 << 20
_DELIMITERS = (",", ";", "\t", "|")


class CsvRecords:
    """The header of a CSV input, and its records with the physical line each begins on.

    Blank lines are no records. A record whose quotes are broken comes as a `Fault`; reading goes
    on behind it.

    Raises:
        InputError: no text, no header, or an undecodable byte.
    """

    def __init__(self, source: ByteSource, *, encoding: str, delimiter: str | None) -> None:
        # The module's limit is process-wide and 128 KiB by default: too small for a transcript.
        csv.field_size_limit(MAX_CELL_BYTES)
        self.lines = TextLines(source, encoding)
        self._text = iter(self.lines)
        self._skipped = 0
        first = self._first_line(source.name)
        named = _separator_line(first)
        if named:  # "sep=;", with which Excel is told the delimiter
            self._skipped += 1
            first = self._first_line(source.name)
        self.delimiter = delimiter or named or _detect_delimiter(first)
        self._reader = csv.reader(_chain(first, self._text), delimiter=self.delimiter, strict=True)
        self.header = self._read_header(source.name)

    def _first_line(self, name: str) -> str:
        for line in self._text:
            if line.strip():
                return line
            self._skipped += 1
        raise InputError(f"{name} is empty: it needs a header line and rows.")

    def _read_header(self, name: str) -> list[str]:
        try:
            header = [cell.strip() for cell in next(self._reader)]
        except csv.Error as error:
            raise InputError(f"The header of {name} cannot be read: {error}.") from None
        if any(is_uuid(cell) for cell in header):
            raise InputError(
                f"{name} has no header: its first line holds an id. Add a first line such as "
                f"conversationId{self.delimiter}participantId{self.delimiter}attr.NAME."
            )
        return header

    @property
    def starved(self) -> bool:
        """The next record of a live input has not come yet."""
        return self.lines.starved

    def __iter__(self) -> Iterator[tuple[int, list[str] | Fault]]:
        reader = self._reader
        skipped = self._skipped + 1
        line = reader.line_num + skipped
        while True:
            try:
                for cells in reader:
                    if cells:
                        yield line, cells
                    line = reader.line_num + skipped
            except csv.Error as error:
                last = reader.line_num + skipped - 1
                yield line, _fault(str(error), line, last)
                line = last + 1
            else:
                return


def _fault(error: str, first: int, last: int) -> Fault:
    if "unexpected end of data" in error:
        return faults.unclosed_quote(first, last)
    if "field larger" in error:
        return faults.cell_too_large(first, MAX_CELL_BYTES >> 20)
    return faults.bad_quotes(first, last)


def _separator_line(line: str) -> str | None:
    text = line.strip("\r\n")
    return text[4] if len(text) == 5 and text.lower().startswith("sep=") else None


def _detect_delimiter(header_line: str) -> str:
    """The delimiter that finds most of the known columns, then most columns."""

    def score(delimiter: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([header_line], delimiter=delimiter))
        except csv.Error:
            return (0, 0)
        return (sum(normalized(cell) in FIELD_NAMES for cell in cells), len(cells))

    return max(_DELIMITERS, key=score)


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
