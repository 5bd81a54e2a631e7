"""The files of failed rows: derived from the inputs, or kept where these cannot be read again."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.formats.origin import RunName, parse_origins
from batchpatch.options.fields import is_origin
from batchpatch.reading.inputs import Input
from batchpatch.reading.mended import cells_to_mend
from batchpatch.reading.row_errors import UnreadRecordError
from batchpatch.reading.sources import is_regular
from batchpatch.reading.table_records import TableRecords
from batchpatch.recording.failed_objects import RawRecord
from batchpatch.recording.failed_rows import CsvShape, JsonlShape, write_failed
from batchpatch.recording.failure_reasons import FailedRows
from batchpatch.recording.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from batchpatch.model import Skips
    from batchpatch.options.read import ReadOptions
    from batchpatch.pipeline.feeding import ReadInput, RowSource
    from batchpatch.recording.bitmap import Bitmap
    from batchpatch.recording.run_directory import RunDirectory


def write_failed_rows(
    directory: RunDirectory,
    reader: RowSource,
    read: ReadOptions,
    failed: Bitmap,
    newer: Mapping[int, Skips],
    *,
    changed: Collection[int] = (),
    check: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Derive the failed rows of each input by reading it again; answers the files written.

    A stream that was not kept has none. Files of an earlier process that hold rows that have made
    it since are removed: sent again, they would bring old values back. `newer`: of rows that were
    sent again, what had been left out because a later row had set it. `changed`: inputs that are
    not to be read again, because their rows are no longer those that failed; what an earlier
    process has kept of these stays, but for rows that have made it since.

    `check`: called again and again; what it raises ends it, and leaves the file at hand as it was.

    Raises:
        InputError: an input is gone or cannot be read any more.
        RecordError: a file cannot be written.
    """
    written: list[Path] = []
    if failed:
        started = read_manifest(directory.manifest_path).started
        run = RunName.of(directory.path, started)
        with FailedRows(directory.results_path, failed, newer=newer, run=run) as rows:
            for source in range(len(reader.names)):
                derived = source not in changed and source < len(reader.inputs)
                write = partial(_derived, check=check) if derived else _kept
                written += write(directory, reader, read, rows, source)
    directory.remove_failed(written)
    return written


def _derived(
    directory: RunDirectory,
    reader: RowSource,
    read: ReadOptions,
    rows: FailedRows,
    source: int,
    *,
    check: Callable[[], None],
) -> list[Path]:
    """The file of one input, of what lies there now."""
    (name, first), before = reader.first_rows[source], reader.inputs[source]
    spool = str(directory.spool_path)
    again = name if is_regular(name) else spool
    if not Path(again).exists():
        return []
    truncated = again == spool and read_manifest(directory.manifest_path).truncated
    opened = Input(again, read, truncated=truncated)
    try:
        kind = "jsonl" if opened.table is None else "csv"
        path = directory.failed_path(kind, source=source, sources=len(reader.names))
        shape = shape_of(opened, seen=before)
        records = _checked(raw_records(opened, first), check)
        count = write_failed(path, records, failed=rows, shape=shape)
    finally:
        opened.close()
    return [path] if count else []


def _checked(records: Iterator[RawRecord], check: Callable[[], None]) -> Iterator[RawRecord]:
    for record in records:
        check()
        yield record


def _kept(
    directory: RunDirectory, reader: RowSource, read: ReadOptions, rows: FailedRows, source: int
) -> list[Path]:
    """The file that an earlier process has left, without the rows that have made it since."""
    for kind in ("csv", "jsonl"):
        path = directory.failed_path(kind, source=source, sources=len(reader.names))
        if not path.exists():
            continue
        opened = Input(str(path), read)
        try:
            shape = shape_of(opened)
            if write_failed(path, _as_they_failed(opened, rows), failed=rows, shape=shape):
                return [path]
        finally:
            opened.close()
    return []


def _as_they_failed(opened: Input, rows: FailedRows) -> Iterator[RawRecord]:
    """The records of a file of failed rows, with the numbers that they have in the run."""
    for record, cell in _origin_cells(opened):
        for origin in parse_origins(cell):
            if origin.run == rows.run:
                yield record._replace(row=origin.row)


def raw_records(opened: Input, first: int) -> Iterator[RawRecord]:
    """The records of one input, numbered as the run did."""
    for number, (line, record) in enumerate(opened.records, first):
        if isinstance(record, bytes):
            yield RawRecord(number, line, raw=record)
        elif isinstance(record, UnreadRecordError):
            yield RawRecord(number, line, raw=record.text.encode())
        else:
            yield RawRecord(number, line, cells=record, mend=_to_mend(record, opened))


def _to_mend(cells: list[str], opened: Input) -> list[str]:
    """What makes the record invalid, and would be gone once a spreadsheet has saved it."""
    if opened.table is None or opened.mapping is None:
        return []
    used = opened.mapping.used if opened.sheet is not None else ()
    return cells_to_mend(cells, opened.table.header, used)


def shape_of(opened: Input, *, seen: ReadInput | None = None) -> CsvShape | JsonlShape:
    """`seen`: the same input as it was read to its end, which knows what records came by."""
    records = opened.records
    if isinstance(records, TableRecords):
        table = records.table
        keeps_text = table.keeps_text or (seen is not None and seen.has_unread)
        marks_cells = table.marks_cells or (seen is not None and seen.has_unfit)
        encoding = opened.encoding
        delimiter, named = records.delimiter, table.dialect.is_named
        return CsvShape(records.header, delimiter, encoding, keeps_text, marks_cells, named)
    return JsonlShape(opened.encoding)


def _origin_cells(opened: Input) -> Iterator[tuple[RawRecord, object]]:
    """The records, and what they say of where they failed."""
    at = None
    if isinstance(opened.records, TableRecords):
        at = next((i for i, name in enumerate(opened.records.header) if is_origin(name)), None)
    for record in raw_records(opened, 1):
        yield record, _origin_cell(record, at)


def _origin_cell(record: RawRecord, at: int | None) -> object:
    if record.cells is not None:
        return record.cells[at] if at is not None and at < len(record.cells) else ""
    with suppress(ValueError, RecursionError):
        fields = json.loads(record.raw or b"")
        if isinstance(fields, dict):
            return next((value for name, value in fields.items() if is_origin(name)), "")
    return ""
