"""The table of rows: an input's own columns and what became of each row, for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from batchpatch.formats.spreadsheet import spreadsheet_cell
from batchpatch.model import MADE_IT
from batchpatch.options.fields import ALIASES, normalized
from batchpatch.pipeline.failed_files import raw_records
from batchpatch.reading.json_objects import object_of
from batchpatch.reading.table_records import TableRecords
from batchpatch.reporting.inputs_again import opened_again
from batchpatch.reporting.result_index import ResultIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchpatch.reading.inputs import Input
    from batchpatch.recording.failed_objects import RawRecord
    from batchpatch.reporting.glance import Glance

UNATTEMPTED = "unattempted"
OWN_COLUMNS = (
    *("batchpatch_outcome", "batchpatch_code", "batchpatch_message", "batchpatch_hint"),
    *("batchpatch_status", "batchpatch_time", "batchpatch_patch", "batchpatch_number"),
)
_FIELDS = ("outcome", "code", "message", "hint", "status", "at", "patch")
"""Of a line, in the places of all columns but the last."""
TEXT = "batchpatch_text"
"""What of a record has no column: its text where it could not be split, or cells too many."""
JSON = "batchpatch_input"
"""A record of JSON as it stands: the attributes of rows are too many to be columns."""
_IDS = ("conversationId", "participantId")
_MADE_ANEW = {name.replace("_", "") for name in (*OWN_COLUMNS, TEXT, JSON)}
MOST_SHEET_ROWS = 1_048_575
"""Beside the header: a spreadsheet leaves out the rest."""

_Column = tuple[str, int]
"""A column's name, and the how manieth of that name it is."""


class Layout(NamedTuple):
    """The columns of the table."""

    columns: dict[_Column, int]
    """Of the inputs: the place of each."""
    delimiter: str
    has_json: bool

    @property
    def header(self) -> list[str]:
        """The names of all columns."""
        more = [JSON] if self.has_json else []
        return [*(name for name, _ in self.columns), *more, *OWN_COLUMNS, TEXT]


def write_table(file: BinaryIO, glance: Glance, paths: Sequence[str], *, failed_only: bool) -> int:
    """Write the rows of a run with what became of them, in the order of the inputs; says how many.

    UTF-8 with a byte order mark. Memory does not grow with the rows.

    Args:
        file: where to.
        glance: of the run.
        paths: of its inputs, as they lie now.
        failed_only: leave out what made it, and what was not attempted.

    Raises:
        InputError: an input cannot be read.
        RecordError: the results cannot be read.
    """
    layout = _layout(glance, paths)
    text = io.TextIOWrapper(file, "utf-8-sig", errors="backslashreplace", newline="")
    try:
        writer = csv.writer(text, delimiter=layout.delimiter, lineterminator="\r\n")
        writer.writerow(map(spreadsheet_cell, layout.header))
        count, first = 0, 1
        with ResultIndex(glance.directory.results_path) as index:
            for path in paths:
                with opened_again(glance, path) as opened:
                    for row, cells in _rows(opened, layout, first):
                        first = row + 1
                        result = index.of(row)
                        if failed_only and not _has_failed(result):
                            continue
                        writer.writerow(_whole_row(cells, row, result, layout))
                        count += 1
        text.flush()
    finally:
        text.detach()
    return count


def _has_failed(result: dict[str, Any] | None) -> bool:
    return result is not None and str(result.get("outcome")) not in MADE_IT


def _layout(glance: Glance, paths: Sequence[str]) -> Layout:
    columns: dict[_Column, int] = {}
    delimiter, has_json = None, False
    for path in paths:
        with opened_again(glance, path) as opened:
            if opened is None:
                continue
            if isinstance(opened.records, TableRecords):
                for column in _columns(opened.records.header):
                    columns.setdefault(column, len(columns))
                delimiter = delimiter or opened.records.delimiter
            else:
                has_json = True
    if has_json:  # behind those of a table, unless it has the very same
        for name in _IDS:
            columns.setdefault((name, 1), len(columns))
    # A semicolon is what spreadsheets of that country split at; nobody splits at a tab in .csv.
    return Layout(columns, ";" if delimiter == ";" else ",", has_json)


def _columns(header: Sequence[str]) -> list[_Column]:
    """The input's own columns; of what an earlier run has said, only what is not said anew."""
    return [column for column in _numbered(header) if not _is_made_anew(column[0])]


def _numbered(header: Sequence[str]) -> list[_Column]:
    seen: Counter[str] = Counter()
    columns = []
    for name in header:
        seen[name] += 1
        columns.append((name, seen[name]))
    return columns


def _is_made_anew(name: str) -> bool:
    return re.sub(r"[\s_-]", "", name).lower() in _MADE_ANEW


class _Cells(NamedTuple):
    """What an input says in one record."""

    own: list[str]
    """By the places of the layout's columns."""
    json: str = ""
    text: str = ""


def _rows(opened: Input | None, layout: Layout, first: int) -> Iterator[tuple[int, _Cells]]:
    """The records of an input with their numbers."""
    if opened is None:
        return
    records, empty = opened.records, [""] * len(layout.columns)
    if not isinstance(records, TableRecords):
        for record in raw_records(opened, first):
            own = empty.copy()
            for name, found in zip(_IDS, _ids_in(record.raw or b""), strict=True):
                own[layout.columns[name, 1]] = found
            yield record.row, _Cells(own, json=_text_of(record))
        return
    kept = set(_columns(records.header))
    places = [layout.columns[one] if one in kept else None for one in _numbered(records.header)]
    for record in raw_records(opened, first):
        if record.cells is None:
            yield record.row, _Cells(empty, text=_text_of(record))
            continue
        own = empty.copy()
        for place, cell in zip(places, record.cells, strict=False):
            if place is not None:
                own[place] = cell
        more = record.cells[len(places) :]
        yield record.row, _Cells(own, text=layout.delimiter.join(more))


def _ids_in(raw: bytes) -> tuple[str, str]:
    """Conversation and participant as the usual keys of an object have them; empty where none."""
    value = object_of(1, raw)
    if not isinstance(value, dict):
        return "", ""
    texts = {normalized(key): one for key, one in value.items() if isinstance(one, str)}
    conversation, participant = (
        next((texts[name] for name in ALIASES[field] if name in texts), "")
        for field in ("conversation", "participant")
    )
    return conversation, participant


def _text_of(record: RawRecord) -> str:
    return (record.raw or b"").decode("utf-8", "backslashreplace").strip()


def _whole_row(cells: _Cells, row: int, result: dict[str, Any] | None, layout: Layout) -> list[str]:
    own, more = cells.own, [cells.json] if layout.has_json else []
    if cells.json and result is not None:  # which knows them, whatever their keys are called
        for name, key in zip(_IDS, ("conversation_id", "participant_id"), strict=True):
            own[layout.columns[name, 1]] = str(result.get(key) or "")
    return [spreadsheet_cell(cell) for cell in (*own, *more, *_own_cells(row, result), cells.text)]


def _own_cells(row: int, result: dict[str, Any] | None) -> list[str]:
    if result is None:
        return [UNATTEMPTED, *[""] * (len(OWN_COLUMNS) - 2), str(row)]
    parts = [_message(result) if name == "message" else result.get(name) for name in _FIELDS]
    return [*("" if part is None else str(part) for part in parts), str(row)]


def _message(result: dict[str, Any]) -> str:
    """The message of a line, and what else it says that has no column."""
    parts = [str(result.get("message") or "")]
    if (by := result.get("superseded_by")) is not None:
        parts.append(f"overwritten by row {by}")
    if (why := result.get("unverified")) is not None:
        parts.append(f"not verified: {why}")
    return "; ".join(filter(None, parts))
