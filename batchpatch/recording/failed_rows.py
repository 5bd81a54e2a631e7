"""The rows that did not make it, in the input's own form, so that they can be sent again.

Cells and lines are the input's, untouched; the tool's own fields (`batchpatch_error`, `_hint`,
`_skip`) say why, what to do, and which names a later row has applied in the meantime.
"""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import orjson

from batchpatch.formats.skips import format_skip, parse_skip
from batchpatch.recording.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from batchpatch.recording.failure_reasons import Reason, Reasons


ERROR, HINT, SKIP = "batchpatch_error", "batchpatch_hint", "batchpatch_skip"


LINE, TEXT = "batchpatch_line", "batchpatch_text"


_MOST_TEXT_BYTES = 1 << 16


_COLUMNS = (ERROR, HINT, SKIP)


_FIELDS = {*_COLUMNS, LINE, TEXT}


_SPELLINGS = {name.replace("_", ""): name for name in _COLUMNS}


class RawRecord(NamedTuple):
    """A record as it lies in the input."""

    row: int
    """Data row across all inputs."""
    line: int
    """Physical line on which it begins."""
    cells: list[str] | None = None
    """CSV; None where the record could not be parsed."""
    raw: bytes | None = None
    """JSONL: the record, in UTF-8."""


class CsvShape(NamedTuple):
    """How the input spells its records."""

    header: list[str]
    delimiter: str
    encoding: str
    """As Python names it; `utf-8-sig` and `utf-16` keep their byte order mark."""


def write_failed(
    path: Path,
    records: Iterable[RawRecord],
    *,
    reasons: Reasons,
    shape: CsvShape | None = None,
) -> int:
    """Writes one input's failed rows; answers how many. No failed row, no file.

    `records` are the input's, in order, read again; `shape` is that of a CSV, None means JSONL.
    Inputs are written in their order with the same `reasons`. Memory does not grow with the
    number of failures. Raises RecordError where it cannot be written.
    """
    count = 0
    with ExitStack() as stack:
        write: Callable[[RawRecord, Reason], None] | None = None
        for record in _failed_of(records, reasons):
            reason = reasons.of(record.row)
            if write is None:
                file = stack.enter_context(replacing(path))
                write = _jsonl_writer(file) if shape is None else _csv_writer(file, shape, stack)
            write(record, reason)
            count += 1
    return count


def _failed_of(records: Iterable[RawRecord], reasons: Reasons) -> Iterator[RawRecord]:
    """Stops reading after the last failed row: what follows may be most of the input."""
    last = reasons.failed.highest() or 0
    for record in records:
        if record.row > last:
            return
        if record.row in reasons.failed:
            yield record


def _csv_writer(
    file: BinaryIO, shape: CsvShape, stack: ExitStack
) -> Callable[[RawRecord, Reason], None]:
    # What the encoding cannot hold can only be in a cell that it could not have been read from.
    text = io.TextIOWrapper(file, shape.encoding, errors="backslashreplace", newline="")
    stack.callback(text.detach)  # flushes, and leaves the closing to `replacing`
    # CRLF also makes the writer quote a cell that holds a bare CR, which is a new line to readers.
    writer = csv.writer(text, delimiter=shape.delimiter, lineterminator="\r\n")
    layout = _Layout(shape.header)
    writer.writerow([*_COLUMNS, *layout.of_input(shape.header)])

    def write(record: RawRecord, reason: Reason) -> None:
        cells = record.cells
        if cells is None:
            own, rest = [_with_line(record, reason), reason.hint, ""], [""] * layout.width
        else:
            skip = _merged(parse_skip(layout.skip_of(cells)), reason.skip)
            own = [reason.error, reason.hint, _spelled(skip, shape.encoding)]
            rest = layout.of_input(cells)
        writer.writerow([*own, *rest])

    return write


class _Layout:
    """Which of an input's columns are the tool's own: they are replaced, not doubled."""

    def __init__(self, header: list[str]) -> None:
        names = [_SPELLINGS.get(re.sub(r"[\s_-]", "", name).lower()) for name in header]
        self._own = {at for at, name in enumerate(names) if name is not None}
        self._skip = names.index(SKIP) if SKIP in names else None
        self._columns = len(header)
        self.width = self._columns - len(self._own)

    def skip_of(self, cells: list[str]) -> str:
        """What the record says must not be sent."""
        if self._skip is None or self._skip >= len(cells):
            return ""
        return cells[self._skip]

    def of_input(self, cells: list[str]) -> list[str]:
        """The cells that are the input's. A ragged record stays ragged, so it stays invalid."""
        if not self._own:
            return cells
        kept = [cell for at, cell in enumerate(cells) if at not in self._own]
        if len(cells) != self._columns and len(kept) == self.width:
            kept.append("")
        return kept


def _merged(old: list[str], new: list[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))


def _spelled(names: list[str], encoding: str) -> str:
    """The skip cell; the JSON form is ASCII, so every encoding can hold it."""
    cell = format_skip(names)
    try:
        cell.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(names)
    return cell


def _with_line(record: RawRecord, reason: Reason) -> str:
    return f"line {record.line}: {reason.error}"


def _jsonl_writer(file: BinaryIO) -> Callable[[RawRecord, Reason], None]:
    def write(record: RawRecord, reason: Reason) -> None:
        file.write(spliced(record, reason))

    return write


def spliced(record: RawRecord, reason: Reason) -> bytes:
    """The record's line with the tool's fields put before its closing brace.

    The line is not written anew from what it parses to: `1.10` must keep its digits. What is not
    an object becomes one that says so and where it was.
    """
    raw = (record.raw or b"").removeprefix(b"\xef\xbb\xbf").strip()
    fields = _object(raw)
    if fields is None:
        lost = {ERROR: _with_line(record, reason), HINT: reason.hint, LINE: record.line}
        if len(raw) <= _MOST_TEXT_BYTES:
            lost[TEXT] = raw.decode("utf-8", "backslashreplace")
        return orjson.dumps(lost, option=orjson.OPT_APPEND_NEWLINE)
    raw = _on_one_line(_without_own(raw))
    own: dict[str, Any] = {ERROR: reason.error, HINT: reason.hint}
    if skip := _merged(_skip_field(fields.get(SKIP)), reason.skip):
        own[SKIP] = skip
    head = raw[:-1].rstrip()
    comma = b"" if head == b"{" else b","
    return head + comma + json.dumps(own).encode()[1:] + b"\n"


def _object(raw: bytes) -> dict[str, Any] | None:
    """The line read as an object, None where it is none.

    By the library that also takes what orjson is too strict for; numbers stay text, because the
    library refuses to make an int of thousands of digits.
    """
    try:
        fields = json.loads(raw.decode(), parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _on_one_line(raw: bytes) -> bytes:
    """The object without its line breaks, of which JSON has none in strings."""
    return b" ".join(map(bytes.strip, raw.split(b"\n"))) if b"\n" in raw else raw


def _without_own(raw: bytes) -> bytes:
    """The object without the fields that an earlier run put at its end.

    Cut only where both what stays and what goes are objects: the text may also occur deeper.
    """
    at = raw.rfind(b'"' + ERROR.encode() + b'":')
    if at < 1:
        return raw
    kept = raw[:at].rstrip().removesuffix(b",") + b"}"
    gone = _object(b"{" + raw[at:])
    if gone is None or not gone.keys() <= _FIELDS or _object(kept) is None:
        return raw
    return kept


def _skip_field(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for name in value if isinstance(name, str)]
    return parse_skip(value) if isinstance(value, str) else []
