"""What an input is: its format, its encoding, and what its columns mean, told by its beginning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import InputError
from batchpatch.formats.plan_line import is_empty_plan
from batchpatch.reading.csv_records import CsvRecords
from batchpatch.reading.decoding import detect_encoding
from batchpatch.reading.jsonl_records import JsonlRecords
from batchpatch.reading.mapping import Mapping, map_columns
from batchpatch.reading.recognition import refuse_csv, refuse_other_kinds
from batchpatch.reading.sources import HEAD_BYTES, ByteSource, EmptyInputError, detect_format

if TYPE_CHECKING:
    from batchpatch.options.read import InputFormat, ReadOptions


_LINE_END = re.compile(rb"[\r\n]")


class Detected(NamedTuple):
    """How an input is to be read."""

    format: InputFormat
    encoding: str
    records: CsvRecords | JsonlRecords
    mapping: Mapping | None
    """None for JSONL, where each line has keys of its own."""
    is_empty_plan: bool
    """It is the whole of a plan of no changes."""


def detect(source: ByteSource, options: ReadOptions, *, name: str) -> Detected:
    """Look at the first bytes of a source, whose file has this name.

    Raises:
        InputError: it cannot be used as a whole.
        SettingsError: an option does not fit any input.
    """
    head = source.head()
    if len(head) < HEAD_BYTES and (
        not head.strip() or (source.truncated and not _LINE_END.search(head.lstrip()))
    ):
        raise EmptyInputError(f"{source.name} is empty: it needs rows.")
    refuse_other_kinds(head, name=source.name)
    encoding = detect_encoding(head, options.encoding, name=source.name)
    known = options.format or detect_format(name, head)
    if known == "csv":
        records = CsvRecords(source, encoding=encoding, options=options)
        mapping = _mapped(records, options, name=source.name)
        records.table.use(mapping)
        return Detected(known, encoding, records, mapping, is_empty_plan=False)
    refuse_csv(head.decode(encoding, "replace"), name=source.name)
    lines = JsonlRecords(source, encoding=encoding)
    return Detected(known, encoding, lines, None, is_empty_plan=is_empty_plan(head))


def _mapped(records: CsvRecords, options: ReadOptions, *, name: str) -> Mapping:
    try:
        return map_columns(records.header, options, name=name)
    except InputError:
        line = records.header_below()
        if line is None or options.columns_given:
            raise
        raise InputError(
            f"{name} does not begin with its header; line {line} looks like it: add "
            f"--skip-lines {line - 1}."
        ) from None
