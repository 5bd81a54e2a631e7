"""CSV text -> records. What a cell means is not decided here."""

from __future__ import annotations

import csv
import io
import re
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from batchpatch.errors import InputError
from batchpatch.options.fields import FIELD_NAMES, canonical_uuid, normalized
from batchpatch.options.read import NO_DELIMITERS
from batchpatch.reading import row_errors
from batchpatch.reading.decoding import MAX_LINE_BYTES, TextLines, too_long
from batchpatch.reading.records import Block
from batchpatch.reading.sources import EmptyInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from batchpatch.reading.row_errors import RowError
    from batchpatch.reading.sources import ByteSource


MAX_CELL_LENGTH = 16 << 20


MAX_HEADER_LENGTH = 1 << 20


_DELIMITERS = (",", ";", "\t", "|")


_UNFINISHED = "unexpected end of data"
"""What the parser says where a quote is open at the end."""


_OBJECT = re.compile(r'\s*\{\s*"')


class CsvRecords:
    """The header of a CSV input, and its records with the physical line each begins on.

    Blank lines are no records. A record whose quotes are broken comes as a `Fault`, which names
    the lines that it took; reading goes on behind it.

    Raises:
        InputError: no text, no header, or an undecodable byte.
    """

    def __init__(self, source: ByteSource, *, encoding: str, delimiter: str | None) -> None:
        # The module's limit is process-wide and 128 KiB by default: too small for a transcript.
        csv.field_size_limit(MAX_CELL_LENGTH)
        self._name = source.name
        self._truncated = source.truncated
        self._text = TextLines(source, encoding)
        self._lists = iter(self._text)
        self._ahead: list[str] = []
        """Lines that were read and belong to no record yet."""
        self._line = 1
        """Physical number of the first of them."""
        first = self._first_line()
        named = _separator_line(first)
        if named:  # "sep=;", with which Excel is told the delimiter
            self._drop(1)
            first = self._first_line()
        if _OBJECT.match(first):
            raise InputError(f"{self._name} holds JSON, not CSV: add --format jsonl.")
        self.delimiter = delimiter or named or _detect_delimiter(first)
        self._parser = partial(csv.reader, delimiter=self.delimiter, strict=True)
        self.header = self._read_header()

    def _read_ahead(self) -> bool:
        """Take more lines; False at the end."""
        lines = next(filter(None, self._lists), None)
        self._ahead += lines or []
        return lines is not None

    def _drop(self, lines: int) -> None:
        del self._ahead[:lines]
        self._line += lines

    def _first_line(self) -> str:
        """The first line that is not blank; what is before it is dropped."""
        while True:
            for index, line in enumerate(self._ahead):
                if line.strip():
                    self._drop(index)
                    return line
            self._drop(len(self._ahead))
            if not self._read_ahead():
                raise EmptyInputError(f"{self._name} is empty: it needs a header line and rows.")

    def _read_header(self) -> list[str]:
        while True:
            reader = self._parser(self._ahead)
            try:
                header = [cell.strip() for cell in next(reader)]
            except csv.Error as error:
                unfinished = _UNFINISHED in str(error)
                if unfinished and _length(self._ahead) < MAX_HEADER_LENGTH and self._read_ahead():
                    continue
                reason = "a quote is opened and never closed" if unfinished else str(error)
                raise (EmptyInputError if unfinished else InputError)(
                    f"The header of {self._name} (line {self._line}) cannot be read: {reason}."
                ) from None
            break
        if any(map(canonical_uuid, header)):
            raise InputError(
                f"{self._name} has no header: its first line holds an id. Add a first line such as "
                f"conversationId{self.delimiter}participantId{self.delimiter}attr.NAME."
            )
        self._drop(reader.line_num)
        return header

    def __iter__(self) -> Iterator[tuple[int, list[str] | RowError]]:
        for block in self.blocks():
            for line, record in zip(block.lines, block.records, strict=True) if block else ():
                if not is_blank(record):
                    yield line, record

    def blocks(self) -> Iterator[Block | None]:
        """The records, as many at a time as one read has completed; blank ones are left in.

        None where a live input has nothing more at hand: all records before it were handed out.
        """
        ahead, self._ahead = self._ahead, []
        length = enough = 0
        for lines in chain([ahead], self._lists):
            # A record of many lines is looked at again only when it has doubled, or at a pause.
            if lines and enough:
                self._ahead += lines
                length += _length(lines)
                if length < enough:
                    continue
            elif lines:
                self._ahead = lines
            yield from self._parsed(final=False)
            if lines is None:
                yield None
            length = _length(self._ahead)
            enough = min(2 * length, length + MAX_CELL_LENGTH)
            if length > MAX_LINE_BYTES:
                raise too_long(self._name, self._line)
        # A record that is open at the end of a truncated input is none of its records.
        yield from self._parsed(final=not self._truncated)

    def _parsed(self, *, final: bool) -> Iterator[Block]:
        """The records that are complete; the lines of one that is not stay ahead."""
        lines = self._ahead
        if not lines:
            return
        reader = self._parser(lines)
        try:
            records: list[list[str] | RowError] = list(reader)
        except csv.Error:
            records = []
        if len(records) == len(lines):  # each of them on one line
            numbers = range(self._line, self._line + len(lines))
            self._drop(len(lines))
            yield Block(numbers, records, plain=not self._text.has_nul)
        elif (block := self._one_by_one(final=final)).records:
            yield block

    def _one_by_one(self, *, final: bool) -> Block:
        """The same where quotes span lines or are broken."""
        lines, rest = self._ahead, iter(self._ahead)
        numbers: list[int] = []
        records: list[list[str] | RowError] = []
        begin = end = 0  # the lines of one record, counted from the first ahead
        while end < len(lines):
            reader, passed = self._parser(rest), end
            try:
                for cells in reader:
                    numbers.append(self._line + begin)
                    records.append(cells)
                    begin = end = passed + reader.line_num
            except csv.Error as error:
                end = passed + reader.line_num
                if _UNFINISHED in str(error) and not final:
                    break
                numbers.append(self._line + begin)
                records.append(self._fault(str(error), begin, end))
                begin = end
        self._drop(begin)
        return Block(numbers, records, plain=not self._text.has_nul)

    def _fault(self, error: str, begin: int, end: int) -> RowError:
        first, last = self._line + begin, self._line + end - 1
        if _UNFINISHED in error:
            opened = first + self._opening(self._ahead[begin:end])
            return row_errors.unclosed_quote(first, opened, last)
        if "field larger" in error:
            return row_errors.cell_too_large(first, last, MAX_CELL_LENGTH >> 20)
        return row_errors.bad_quotes(first, last)

    def _opening(self, lines: list[str]) -> int:
        """Index of the line with the quote that is open at the end."""
        *_, cell = next(csv.reader(lines, delimiter=self.delimiter))
        spanned = len(list(io.StringIO(cell, newline="")))
        return len(lines) - max(1, spanned)


def is_blank(record: list[str] | RowError) -> bool:
    """True for a line without a cell, or with blanks alone; `""` is a cell."""
    return not record or (len(record) == 1 and record[0] != "" and not record[0].strip(" \t"))


def _length(lines: Iterable[str]) -> int:
    return sum(map(len, lines))


def _separator_line(line: str) -> str | None:
    text = line.strip("\r\n")
    if len(text) != len("sep=;") or not text.lower().startswith("sep="):
        return None
    return text[-1] if text[-1] not in NO_DELIMITERS else None


def _detect_delimiter(header_line: str) -> str:
    """The delimiter that finds most of the known columns, then most columns."""

    def score(delimiter: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([header_line], delimiter=delimiter))
        except csv.Error:
            return (0, 0)
        return (sum(normalized(cell) in FIELD_NAMES for cell in cells), len(cells))

    return max(_DELIMITERS, key=score)
