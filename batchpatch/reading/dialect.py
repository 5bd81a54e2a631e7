"""The dialect of a CSV: delimiter, quote and escape character, given or detected. Pure."""

from __future__ import annotations

import csv
from functools import partial
from typing import TYPE_CHECKING, Any

from batchpatch.options.fields import FIELD_NAMES, INVISIBLE, canonical_uuid, normalized
from batchpatch.options.read import NO_DELIMITERS, NO_QUOTE
from batchpatch.writes.registry import is_known_column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from batchpatch.options.read import ReadOptions


_DELIMITERS = (",", ";", "\t", "|")


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
    ) -> None:
        self.delimiter = delimiter
        self.of_text = of_text
        """That of the records which failed rows keep as text; None: the same."""
        self.quote = quote
        self.escape = escape
        spelling: dict[str, Any] = {
            "delimiter": delimiter,
            "escapechar": escape,
            "quoting": csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL,
        }
        if quote is not None:
            spelling["quotechar"] = quote
        self.strict: Callable[[Iterable[str]], Iterator[list[str]]]
        self.strict = partial(csv.reader, strict=True, **spelling)
        self._lenient = partial(csv.reader, **spelling)

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
        own: batchpatch wrote it, with quotes as usual.
    """
    quote = None if options.quote == NO_QUOTE else options.quote
    escape = options.escape
    delimiter = options.delimiter or named
    if delimiter is None:
        taken = {quote, escape, options.comment}
        delimiter = _detected(line, [mark for mark in _DELIMITERS if mark not in taken])
    dialect = Dialect(delimiter, quote=quote, escape=escape)
    return Dialect(delimiter, of_text=dialect) if own else dialect


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
    return line.lstrip(INVISIBLE + '"').startswith("batchpatch_error")


def is_blank_line(line: str, delimiter: str | None = None) -> bool:
    """True for a line above the header in which nothing stands but blanks and delimiters."""
    return not line.strip(_BLANK + (delimiter or ""))


def known_cells(line: str, delimiter: str) -> tuple[int, int]:
    """How many cells of a line name a field or hold an id, and how many it has."""
    cells = Dialect(delimiter).lenient([line])
    known = sum(normalized(cell) in FIELD_NAMES or bool(canonical_uuid(cell)) for cell in cells)
    return known, len(cells)


def names_columns(line: str) -> bool:
    """True for a line that looks like a header: two of its cells name fields."""
    for delimiter in _DELIMITERS:
        cells = Dialect(delimiter).lenient([line])
        if sum(is_known_column(cell.strip(INVISIBLE)) for cell in cells) > 1:
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
