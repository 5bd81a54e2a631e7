"""Failed rows, the dead letters of a run: in the input's own form, so that they can be sent again.

Cells and lines are the input's, untouched; the tool's own fields (`batchpatch_error`, `_hint`,
`_skip`, `_row`) say why, what to do, what later rows have applied to whom in the meantime, and
where that can be looked up. Nothing
here may mend a row: what was invalid is invalid again when it is sent back as it is.
"""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from batchpatch.formats.mends import format_mends, parse_mends
from batchpatch.formats.origin import format_origin
from batchpatch.formats.skips import format_skips, merged_skips, parse_skips, skips_field
from batchpatch.recording.failed_objects import (
    ERROR,
    HINT,
    MEND,
    ROW,
    SKIP,
    TEXT,
    spliced,
    with_line,
)
from batchpatch.recording.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from batchpatch.recording.failed_objects import RawRecord
    from batchpatch.recording.failure_reasons import FailedRow, FailedRows

_COLUMNS = (ERROR, HINT, SKIP)
_RAGGED = "(cells are missing)"
"""Keeps a record from fitting by chance once the tool's own cells are out of it."""
_SPELLINGS = {name.replace("_", ""): name for name in (*_COLUMNS, ROW, TEXT, MEND)}


class JsonlShape(NamedTuple):
    """How the input spells its lines."""

    encoding: str = "utf-8"
    """As Python names it."""


class CsvShape(NamedTuple):
    """How the input spells its records."""

    header: list[str]
    delimiter: str
    encoding: str
    """As Python names it; `utf-8-sig` and `utf-16` keep their byte order mark."""
    keeps_text: bool = False
    """Some of its records could not be parsed: a column keeps their text."""
    marks_cells: bool = False
    """Some have cells that must be mended: a column names these."""
    names_delimiter: bool = False
    """A line above the header names the delimiter, as `sep=;` does for a spreadsheet."""


def write_failed(
    path: Path,
    records: Iterable[RawRecord],
    *,
    failed: FailedRows,
    shape: CsvShape | JsonlShape,
) -> int:
    """Writes one input's failed rows; answers how many. No failed row, no file.

    `records` are the input's, in order, read again. The file is in the input's own encoding, so
    that the command that read the one reads the other. Inputs are written in their order with the
    same `failed`. Memory does not grow with the
    number of failures. Raises RecordError where it cannot be written.
    """
    count = 0
    with ExitStack() as stack:
        write: Callable[[RawRecord, FailedRow], None] | None = None
        for record in _failed_of(records, failed):
            row = failed.of(record.row)
            if write is None:
                file = stack.enter_context(replacing(path))
                write = row_writer(file, shape, stack, traced=failed.run is not None)
            write(record, row)
            count += 1
    return count


def _failed_of(records: Iterable[RawRecord], failed: FailedRows) -> Iterator[RawRecord]:
    """Stops reading after the last failed row: what follows may be most of the input."""
    last = failed.failed.highest() or 0
    for record in records:
        if record.row > last:
            return
        if record.row in failed.failed:
            yield record


def row_writer(
    file: BinaryIO, shape: CsvShape | JsonlShape, stack: ExitStack, *, traced: bool
) -> Callable[[RawRecord, FailedRow], None]:
    """Writes failed rows into a file of their own.

    Args:
        file: where they go.
        shape: of the input.
        stack: is left before the file is closed.
        traced: a column says in which row of which run each has failed.
    """
    if isinstance(shape, JsonlShape) and shape.encoding.startswith("utf-8"):
        return lambda record, row: _ignore(file.write(spliced(record, row)))
    # What the encoding cannot hold can only be in a cell that it could not have been read from.
    text = io.TextIOWrapper(file, shape.encoding, errors="backslashreplace", newline="")
    stack.callback(text.detach)  # flushes, and leaves the closing to `replacing`
    if isinstance(shape, JsonlShape):
        return lambda record, row: _ignore(text.write(spliced(record, row).decode()))
    return _csv_writer(text, shape, traced=traced)


def _ignore(_: int) -> None:
    """Of a write: how much it wrote."""


def _csv_writer(
    text: io.TextIOWrapper, shape: CsvShape, *, traced: bool
) -> Callable[[RawRecord, FailedRow], None]:
    # CRLF also makes the writer quote a cell that holds a bare CR, which is a new line to readers.
    writer = csv.writer(text, delimiter=shape.delimiter, lineterminator="\r\n")
    layout = _Layout(shape.header)
    more = ((ROW, traced), (TEXT, shape.keeps_text), (MEND, shape.marks_cells))
    names = [name for name, wanted in more if wanted]
    writer.writerow([*_COLUMNS, *names, *layout.of_input(shape.header)])

    def write(record: RawRecord, row: FailedRow) -> None:
        cells = record.cells or []
        if record.cells is None:
            own, rest = [with_line(record, row), row.hint, ""], [""] * layout.width
        else:
            skip = _skip_cell(layout.own_cell(SKIP, cells), row, shape.encoding)
            own, rest = [row.error, row.hint, skip], layout.of_input(cells)
        if row.run is not None:
            own.append(format_origin(record.row, row.run, before=layout.own_cell(ROW, cells)))
        if shape.keeps_text:
            own.append(layout.text_of(record))
        if shape.marks_cells:
            own.append(_mend_cell(layout.own_cell(MEND, cells), record.mend))
        writer.writerow([*own, *rest])

    return write


class _Layout:
    """Which of an input's columns are the tool's own: they are replaced, not doubled."""

    def __init__(self, header: list[str]) -> None:
        names = [_SPELLINGS.get(re.sub(r"[\s_-]", "", name).lower()) for name in header]
        self._own = {at for at, name in enumerate(names) if name is not None}
        self._at = {name: at for at, name in reversed(list(enumerate(names))) if name}
        self._columns = len(header)
        self.width = self._columns - len(self._own)

    def own_cell(self, name: str, cells: list[str]) -> str:
        """What an earlier run has said there."""
        at = self._at.get(name, len(cells))
        return cells[at] if at < len(cells) else ""

    def text_of(self, record: RawRecord) -> str:
        """The text of a record that could not be parsed, now or in an earlier run."""
        if record.cells is None:
            return (record.raw or b"").decode("utf-8", "backslashreplace")
        return self.own_cell(TEXT, record.cells)

    def of_input(self, cells: list[str]) -> list[str]:
        """The cells that are the input's. A ragged record stays ragged, so it stays invalid."""
        if not self._own:
            return cells
        kept = [cell for at, cell in enumerate(cells) if at not in self._own]
        if len(cells) != self._columns and len(kept) == self.width:
            kept.append(_RAGGED)
        return kept


def _mend_cell(cell: str, names: Sequence[str]) -> str:
    """What the record says itself and what is found; what cannot be read is kept."""
    if not names:
        return cell
    try:
        return format_mends(list(dict.fromkeys([*parse_mends(cell), *names])))
    except ValueError:
        return cell


def _skip_cell(cell: str, row: FailedRow, encoding: str) -> str:
    """What the record says itself and what is found; the JSON form is ASCII, so every encoding
    can hold it. What cannot be read is kept: dropped, it would make the row valid.
    """
    try:
        skips = merged_skips(parse_skips(cell), row.skips)
    except ValueError:
        return cell
    spelled = format_skips(skips)
    try:
        spelled.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(skips_field(skips))
    return spelled
