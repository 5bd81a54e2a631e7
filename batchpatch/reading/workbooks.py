"""Workbooks: the rows of one sheet of an `.xlsx`, streamed, each cell as the text that it shows.

The library that knows the format comes with an extra, so it is loaded only where there is a
workbook to read. Its texts, which most workbooks keep in one table apart from the sheets, are read
as far as they are needed and lie in a temporary file: memory does not grow with them.
"""

from __future__ import annotations

import re
import warnings
import zlib
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from zipfile import BadZipFile

from batchpatch.errors import InputError, with_extra
from batchpatch.reading.cell_texts import has_lost_digits, shown_text
from batchpatch.reading.records import UnusableCell
from batchpatch.reading.row_errors import formula_without_value, lost_digits
from batchpatch.reading.sheet_scan import SheetScan, scan_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

MOST_ROWS = 1 << 20
"""Of a sheet; a row that says that it is behind these is made up."""

BROKEN: tuple[type[Exception], ...] = (
    *(BadZipFile, zlib.error, EOFError, OSError, SyntaxError),
    *(KeyError, ValueError, TypeError, AttributeError, IndexError, ArithmeticError),
    *(NotImplementedError, RuntimeError),
)
"""What the library raises of a file that is damaged, or none of its kind."""

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class Sheet(NamedTuple):
    """The sheet that is read."""

    title: str
    others: tuple[str, ...]
    """Titles of the other sheets that are not hidden."""
    rows: int | None
    """How many there are, as far as the file says it."""


class Workbook:
    """A workbook, open, and the one sheet of it that is read.

    Raises:
        InputError: it is damaged, or has no such sheet; or the library is not there.
    """

    def __init__(self, file: BinaryIO, *, name: str, sheet: str | None, closing: ExitStack) -> None:
        """Open it.

        Args:
            file: can be read at any place.
            name: of the input.
            sheet: its title; None is the first that is not hidden.
            closing: gets what is to be closed with the file.
        """
        self._file = file
        self._closing = closing
        self._name = name
        reader = _reader(name)
        try:
            self._values = reader(file, closing, data_only=True)
            self._sheet = self._chosen(sheet)
        except BROKEN as error:
            raise self.broken(error) from None
        self.rows_read = 0

    def broken(self, error: Exception) -> InputError:
        """What to say of a workbook that cannot be read."""
        reason = str(error).partition("\n")[0].strip(" .\"'") or "it is damaged"
        return InputError(
            f"{self._name} is an Excel workbook that cannot be read ({reason[:100]}): open it in "
            "Excel and save it again, or save it as CSV UTF-8."
        )

    def _chosen(self, asked: str | None) -> Any:
        sheets = self._values.worksheets
        if asked is None:
            shown = [one for one in sheets if one.sheet_state == "visible"] or sheets
            if not shown:
                raise InputError(
                    f"{self._name} has no sheet with cells: it needs a header and rows."
                )
            return shown[0]
        for same in (str, lambda title: title.strip().casefold()):
            for one in sheets:
                if same(one.title) == same(asked):
                    return one
        titles = ", ".join(repr(one.title) for one in sheets)
        raise InputError(f"--sheet {asked!r}: {self._name} has no such sheet, but {titles}.")

    @property
    def sheet(self) -> Sheet:
        """The sheet that is read."""
        others = (one for one in self._values.worksheets if one.sheet_state == "visible")
        titles = tuple(one.title for one in others if one is not self._sheet)
        return Sheet(self._sheet.title, titles, self._sheet.max_row)

    def rows(self) -> Iterator[list[str]]:
        """The texts of each row, from the first of the sheet on; an empty row is one too.

        Raises:
            InputError: the workbook turns out to be damaged.
        """
        try:
            for cells, formulas in zip(self._cells(), self._formulas(), strict=False):
                self.rows_read += 1
                if self.rows_read > MOST_ROWS:
                    raise InputError(
                        f"{self._name} has more rows than a sheet can have: save it as CSV UTF-8."
                    )
                yield [*map(_text, cells, formulas)]
        except BROKEN as error:
            raise self.broken(error) from None

    def merged_below(self, row: int) -> str | None:
        """The first cells below this row that are one, such as `C4:C5`; None where none are.

        The file has the value of such a cell in its first row and column alone.

        Raises:
            InputError: the workbook turns out to be damaged.
        """
        try:
            return self._scan.merged_below(row)
        except BROKEN as error:
            raise self.broken(error) from None

    @cached_property
    def _scan(self) -> SheetScan:
        return scan_sheet(self._values.archive, self._sheet._worksheet_path)  # noqa: SLF001

    def _cells(self) -> Iterator[Any]:
        self._sheet.reset_dimensions()  # what the file says of them is wrong at times
        rows: Iterator[Any] = self._sheet.iter_rows()
        return rows

    def _formulas(self) -> Iterator[Any]:
        """The same rows with formulas in the place of their values, where there are any."""
        if not self._scan.has_formulas:
            return repeat(repeat(None))
        written = _reader(self._name)(self._file, self._closing, data_only=False)
        found = next(one for one in written.worksheets if one.title == self._sheet.title)
        found.reset_dimensions()
        rows: Iterator[Any] = found.iter_rows()
        return rows


def _text(cell: Any, formula: Any) -> str:
    """What a cell shows."""
    value = cell.value
    if value is None:
        if formula is not None and formula.data_type == "f":
            return UnusableCell.of("", formula_without_value(_place(formula)))
        return ""
    if isinstance(value, str):
        return _unescaped(value) if "_x" in value else value
    text = shown_text(value, cell.number_format)
    return UnusableCell.of(text, lost_digits(_place(cell))) if has_lost_digits(value) else text


def _place(cell: Any) -> str:
    return str(cell.coordinate)


def _unescaped(text: str) -> str:
    """Characters that XML cannot hold, such as a carriage return, are written `_x000D_`."""

    def character(found: re.Match[str]) -> str:
        code = int(found[1], 16)
        return found[0] if 0xD800 <= code < 0xE000 or not code else chr(code)

    return _ESCAPED.sub(character, text)


def _reader(name: str) -> Any:
    """What opens a workbook: a function of its file, and of whether values or formulas are wanted.

    Raises:
        InputError: the library is not there.
    """
    try:
        from batchpatch.reading.openpyxl_reader import open_workbook  # noqa: PLC0415 - an extra
    except ImportError:
        raise InputError(
            f"{name} is an Excel workbook: save it as CSV UTF-8, or {with_extra('xlsx')}."
        ) from None
    # It warns of what it leaves out, such as colours that depend on values.
    warnings.filterwarnings("ignore", module="openpyxl")
    return open_workbook
