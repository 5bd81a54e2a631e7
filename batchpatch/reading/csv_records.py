"""CSV records, made of text. What a cell means is not decided here."""

from __future__ import annotations

import csv
from itertools import chain, islice
from typing import TYPE_CHECKING

from batchpatch.errors import InputError
from batchpatch.options.fields import bare, canonical_uuid
from batchpatch.options.read import ReadOptions
from batchpatch.reading import row_errors
from batchpatch.reading.decoding import MAX_LINE_BYTES, TextLines, too_long
from batchpatch.reading.dialect import (
    MAX_CELL_LENGTH,
    dialect_of,
    is_blank_line,
    is_failed_header,
    is_unfinished,
    named_delimiter,
    names_columns,
    quote_error,
    swallowed,
    unread,
    usual_readings,
)
from batchpatch.reading.json_objects import refuse_json
from batchpatch.reading.odd_values import LARGE_LENGTH
from batchpatch.reading.records import Block
from batchpatch.reading.sources import BlankInputError, EmptyInputError
from batchpatch.reading.table_records import SAMPLE_ROWS, TableRecords
from batchpatch.reading.tables import Table, is_blank
from batchpatch.reading.title_rows import header_below_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from batchpatch.reading.dialect import Swallow
    from batchpatch.reading.row_errors import UnreadRecordError
    from batchpatch.reading.sources import ByteSource

__all__ = ["CsvRecords", "is_blank"]

MAX_HEADER_LENGTH = 1 << 20


_MARKS = "\ufeff\x1a"
"""A byte order mark and the old sign for the end of a file: files that were joined have them
within, where a record begins."""


class CsvRecords(TableRecords):
    """The header of a CSV input, and its records with the physical line each begins on.

    Blank lines are no records. One that cannot be read comes as an `UnreadRecordError`, which names
    the lines that it took; reading goes on behind it, or at the first record that its quote has
    swallowed.

    Raises:
        InputError: no text, no header, or an undecodable byte.
    """

    def __init__(
        self, source: ByteSource, *, encoding: str, options: ReadOptions | None = None
    ) -> None:
        # The module's limit is process-wide and 128 KiB by default: too small for a transcript.
        csv.field_size_limit(MAX_CELL_LENGTH)
        self._options = options = options or ReadOptions()
        self._name = source.name
        self._truncated = source.truncated
        self._text = TextLines(source, encoding)
        self._lists = iter(self._text)
        self._comment = options.comment
        self._ahead: list[str] = []
        """Lines that were read and belong to no record yet."""
        self._line = 1
        """Physical number of the first of them."""
        first = self._first_line()
        own = is_failed_header(first)
        if own:
            self._comment = None
        elif options.skip_lines:
            first = self._first_line(below=options.skip_lines)
        named = named_delimiter(first)
        if named:  # "sep=;", with which Excel is told the delimiter
            self._drop(1)
            first = self._first_line()
        headless = options.columns_given and not own
        while first.strip() in ("{", "[") and len(self._ahead) == 1 and self._read_ahead():
            pass  # what is behind a bracket tells whether this is JSON
        refuse_json("".join(self._ahead), source, headless=bool(headless))
        dialect = dialect_of(first, options, named=named, own=own)
        self._dialect = dialect
        self.delimiter = dialect.delimiter
        self.header = list(options.columns_given) if headless else self._read_header()
        self.table = Table(self.header, dialect, name=self._name)

    def _read_ahead(self) -> bool:
        """Take more lines; False at the end."""
        lines = next(filter(None, self._lists), None)
        self._ahead += lines or []
        return lines is not None

    def _drop(self, lines: int) -> None:
        del self._ahead[:lines]
        self._line += lines

    def _first_line(self, *, below: int = 0) -> str:
        """The first line that is not blank, below so many; what is above it is dropped."""
        while True:
            for index, line in enumerate(self._ahead):
                begin = self._beginning(line)
                if self._line + index > below and not is_blank_line(begin, self._options.delimiter):
                    self._drop(index)
                    self._ahead[0] = begin
                    return begin
            self._drop(len(self._ahead))
            if not self._read_ahead():
                under = f" below the {below:,} lines skipped" if below else ""
                raise BlankInputError(
                    f"{self._name} is empty{under}: it needs a header line and rows."
                )

    def _beginning(self, line: str) -> str:
        """The line as the first of a record; empty where it is a comment."""
        line = line.lstrip(_MARKS)
        return "" if self._comment and line.startswith(self._comment) else line

    def _read_header(self) -> list[str]:
        while True:
            reader = self._dialect.strict(self._ahead)
            try:
                header = [*map(bare, next(reader))]
            except csv.Error as error:
                unfinished = is_unfinished(error)
                if unfinished and _length(self._ahead) < MAX_HEADER_LENGTH and self._read_ahead():
                    continue
                reason = "a quote is opened and never closed" if unfinished else str(error)
                raise (EmptyInputError if unfinished else InputError)(
                    f"The header of {self._name} (line {self._line}) cannot be read: {reason}."
                ) from None
            break
        if any(map(canonical_uuid, header)):
            usual = self.delimiter.join(("conversationId", "participantId", "attr.NAME"))
            raise InputError(
                f"{self._name} has no header: its first line holds an id. Add a first line such as "
                f"{usual}, or name its columns: --columns conversationId,participantId,attr.NAME."
            )
        self._drop(reader.line_num)  # type: ignore[attr-defined]
        return header

    def sample(self) -> list[list[str]]:
        """The cells of the first lines; none is taken."""
        if not self._ahead:
            self._read_ahead()
        return [self._dialect.lenient([line]) for line in self._ahead[:SAMPLE_ROWS]]

    def header_below(self) -> int | None:
        """The number of a line below what was taken for the header that looks more like one."""
        lines = list(enumerate(self._ahead[:100], self._line))
        named = next((number for number, line in lines if names_columns(line)), None)
        if named is not None:
            return named
        parsed = (
            header_below_title(self.header, ((n, lenient([line])) for n, line in lines))
            for lenient in usual_readings()
        )
        return next((number for number in parsed if number is not None), None)

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

    @property
    def _has_beginnings(self) -> bool:
        """The first line of a record may not be as it is to be read."""
        return self._text.has_marks or self._comment is not None

    def _parsed(self, *, final: bool) -> Iterator[Block]:
        """The records that are complete; the lines of one that is not stay ahead."""
        lines = self._ahead
        if not lines:
            return
        reader = self._dialect.strict(
            map(self._beginning, lines) if self._has_beginnings else lines
        )
        try:
            records: list[list[str] | UnreadRecordError] = list(reader)
        except csv.Error:
            records = []
        if len(records) == len(lines):  # each of them on one line
            numbers = range(self._line, self._line + len(lines))
            large = max(map(len, lines)) > LARGE_LENGTH
            self._drop(len(lines))
            yield self._block(numbers, records, large=large)
        elif (block := self._one_by_one(final=final)).records:
            yield block

    def _block(
        self, numbers: Sequence[int], records: list[list[str] | UnreadRecordError], *, large: bool
    ) -> Block:
        plain, suspect = not self._text.has_nul, self._text.has_suspects
        return Block(numbers, records, plain=plain, suspect=suspect, large=large)

    def _one_by_one(self, *, final: bool) -> Block:
        """The same where quotes span lines or are broken."""
        numbers: list[int] = []
        records: list[list[str] | UnreadRecordError] = []
        begin = 0  # the first line of a record, counted from the first ahead
        while begin < len(self._ahead):
            reader, start = self._dialect.strict(self._from(begin)), begin
            error: object = None
            try:
                for cells in reader:
                    end = start + reader.line_num  # type: ignore[attr-defined]
                    if end > begin + 1 and self._is_suspicious(cells):
                        error = cells
                        break
                    numbers.append(self._line + begin)
                    records.append(cells)
                    begin = end
                    if self._has_beginnings:  # the next line is to be read as one
                        break
            except csv.Error as broken:
                error, end = broken, start + reader.line_num  # type: ignore[attr-defined]
            if error is None:
                continue
            unreadable = self._unreadable(error, begin, end, final=final)
            if unreadable is None:
                break
            numbers.append(self._line + begin)
            records.append(unreadable[0])
            begin = unreadable[1]
        large = _length(self._ahead[:begin]) > LARGE_LENGTH
        self._drop(begin)
        return self._block(numbers, records, large=large)

    def _from(self, begin: int) -> Iterator[str]:
        """The lines from this one on, which begins a record."""
        yield self._beginning(self._ahead[begin])
        for index in range(begin + 1, len(self._ahead)):
            yield self._ahead[index]

    def _is_suspicious(self, cells: list[str]) -> bool:
        return self._options.multiline == "records" and self._swallowed(cells) is not None

    def _swallowed(self, cells: list[str], *, broken: bool = False) -> Swallow | None:
        places = self.table.places
        if places is None:
            return None
        if not broken:
            cells = self.table.without_text(cells)
        return swallowed(cells, places, self._dialect, broken=broken)

    def _unreadable(
        self, error: object, begin: int, end: int, *, final: bool
    ) -> tuple[UnreadRecordError, int] | None:
        """What these lines are instead of a record, and where the next begins.

        None where more lines may make it one.
        """
        first, lines = self._line + begin, list(islice(self._from(begin), end - begin))
        open_still = is_unfinished(error) and not final
        if not open_still or self._options.multiline == "records":
            broken = isinstance(error, csv.Error) and not is_unfinished(error)
            swallow = self._swallowed(self._dialect.lenient(lines), broken=broken)
            if swallow is not None:
                opened, behind = first + swallow.opened, first + swallow.next
                error = row_errors.swallowing_quote(first, opened, behind)
                return unread(error, lines[: swallow.next]), begin + swallow.next
        if open_still:
            return None
        return unread(quote_error(error, first, lines, self._dialect), lines), end


def _length(lines: Iterable[str]) -> int:
    return sum(map(len, lines))
