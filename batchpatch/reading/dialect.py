"""The dialect of a CSV: delimiter, quote and escape character, given or detected. Pure.

And its broken quotes: the records that one has swallowed, and the row error that it makes.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.options.fields import FIELD_NAMES, INVISIBLE, canonical_uuid, normalized
from batchpatch.options.read import NO_DELIMITERS, NO_QUOTE
from batchpatch.reading import row_errors
from batchpatch.reading.escaping import escaped_reader
from batchpatch.reading.row_errors import RowError, UnreadRecordError
from batchpatch.writes.registry import is_known_column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from batchpatch.options.read import ReadOptions

_DELIMITERS = (",", ";", "\t", "|")
_OWN_COLUMN = "batchpatch_error"
_BEFORE_OWN = INVISIBLE + '"'
_BLANK = " \t\r\n\f\v,;|" + INVISIBLE


class Dialect:
    """How the records of one CSV are spelled.

    `strict` parses lines to records and raises `csv.Error` where a quote is open at the end or
    closed too early; `lenient` makes the best of any lines.
    """

    def __init__(
        self,
        delimiter: str,
        *,
        quote: str | None = '"',
        escape: str | None = None,
        of_text: Dialect | None = None,
        is_named: bool = False,
        is_spaced: bool = False,
    ) -> None:
        self.delimiter = delimiter
        self.of_text = of_text
        """That of the records which failed rows keep as text; None: the same."""
        self.is_named = is_named
        """A line above the header names the delimiter."""
        self.is_spaced = is_spaced
        """Behind each delimiter of the header stands a blank."""
        self.quote = quote
        self.escape = escape
        spelling: dict[str, Any] = {
            "delimiter": delimiter,
            "escapechar": escape,
            "quoting": csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL,
        }
        if quote is not None:
            spelling["quotechar"] = quote
        reader: Callable[..., Iterator[list[str]]] = escaped_reader if escape else csv.reader
        self.strict: Callable[[Iterable[str]], Iterator[list[str]]]
        self.strict = partial(reader, strict=True, **spelling)
        self._lenient = partial(reader, **spelling)

    def for_text(self, text: str) -> Dialect:
        """That of a text which failed rows keep: the input's, whatever separates theirs by now.

        A spreadsheet that saves them may choose another delimiter, and leaves the text as it is.
        """
        dialect = self.of_text or self
        line = LINE_BREAK.split(text, maxsplit=1)[0]
        marks = (dialect.delimiter, self.delimiter, *_DELIMITERS)
        delimiter = max(marks, key=lambda mark: known_cells(line, mark)[0])
        return Dialect(delimiter, quote=dialect.quote, escape=dialect.escape)

    def lenient(self, lines: Iterable[str]) -> list[str]:
        """The cells of the first record of these lines, whatever its quotes are like."""
        try:
            return next(self._lenient(lines), [])
        except csv.Error:  # a cell past the limit
            return []


def dialect_of(line: str, options: ReadOptions, *, named: str | None, own: bool) -> Dialect:
    """The dialect of a CSV whose header, or first record, begins with this line.

    Args:
        line: its text.
        options: what the user says.
        named: the delimiter that a line above names.
        own: batchpatch wrote it, with quotes as usual; its first column tells the delimiter,
            whatever the input had and whoever has saved it again.
    """
    quote, escape = _quote_of(options), options.escape
    delimiter = (_behind_own_column(line) if own else None) or options.delimiter or named
    if delimiter is None:
        taken = {quote, escape, options.comment}
        delimiter = _detected(line, [mark for mark in _DELIMITERS if mark not in taken])
    if own:
        return dialect_of_failed(delimiter, options)
    return Dialect(
        delimiter,
        quote=quote,
        escape=escape,
        is_named=named is not None,
        is_spaced=0 < line.count(delimiter) == line.count(f"{delimiter} "),
    )


def dialect_of_failed(delimiter: str, options: ReadOptions) -> Dialect:
    """That of failed rows, which batchpatch spells as usual; what the user says is of their texts,
    which are the input's.
    """
    marked = options.delimiter or delimiter
    of_text = Dialect(marked, quote=_quote_of(options), escape=options.escape)
    return Dialect(delimiter, of_text=of_text)


def _quote_of(options: ReadOptions) -> str | None:
    return None if options.quote == NO_QUOTE else options.quote


def named_delimiter(line: str) -> str | None:
    """The delimiter that `sep=;` names, a line by which Excel is told it; None for other lines.

    Saved again, it may stand in quotes, or be filled up with delimiters.
    """
    text = line.strip("\r\n" + INVISIBLE)
    if text.startswith('"') and text.count('"') == 2:
        text = text.replace('"', "")
    mark = text[4:5]
    if text[:4].lower() != "sep=" or not mark or text[4:].strip(mark):
        return None
    return mark if mark not in NO_DELIMITERS else None


def is_failed_header(line: str) -> bool:
    """True where failed rows begin, which batchpatch itself has written in its own spelling."""
    return line.lstrip(_BEFORE_OWN).startswith(_OWN_COLUMN)


def _behind_own_column(line: str) -> str | None:
    """What separates the first column of failed rows from the next; None where nothing can."""
    mark = line.lstrip(_BEFORE_OWN).removeprefix(_OWN_COLUMN).removeprefix('"')[:1]
    return mark if mark and not mark.isalnum() and mark not in NO_DELIMITERS else None


def is_blank_line(line: str, delimiter: str | None = None) -> bool:
    """True for a line above the header in which nothing stands but blanks and delimiters."""
    return not line.strip(_BLANK + (delimiter or ""))


def known_cells(line: str, delimiter: str) -> tuple[int, int]:
    """How many cells of a line name a field or hold an id, and how many it has."""
    cells = Dialect(delimiter).lenient([line])
    known = sum(normalized(cell) in FIELD_NAMES or bool(canonical_uuid(cell)) for cell in cells)
    return known, len(cells)


def usual_readings() -> Iterator[Callable[[Iterable[str]], list[str]]]:
    """How cells are told from lines, whatever separates them."""
    return (Dialect(delimiter).lenient for delimiter in _DELIMITERS)


def names_columns(line: str) -> bool:
    """True for a line that looks like a header: two of its cells name fields."""
    for lenient in usual_readings():
        if sum(is_known_column(cell) for cell in lenient([line])) > 1:
            return True
    return False


def looks_like_csv(line: str) -> bool:
    """True for a line of several cells of which one names a field or holds an id."""
    return any(known and cells > 1 for known, cells in _counts(line))


def _counts(line: str) -> list[tuple[int, int]]:
    return [known_cells(line, delimiter) for delimiter in _DELIMITERS]


def _detected(line: str, delimiters: list[str]) -> str:
    """The delimiter that finds most of what is known, then most columns."""
    return max(delimiters, key=partial(known_cells, line))


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
