"""Failed rows, the dead letters of a run: in the input's own form, so that they can be sent again.

Cells and lines are the input's, untouched; the tool's own fields (`batchpatch_error`, `_hint`,
`_skip`) say why, what to do, and what later rows have applied to whom in the meantime. Nothing
here may mend a row: what was invalid is invalid again when it is sent back as it is.
"""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import orjson

from batchpatch.formats.skips import format_skips, merged_skips, parse_skips, skips_field
from batchpatch.options.fields import is_skip
from batchpatch.recording.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from batchpatch.model import Skips
    from batchpatch.recording.failure_reasons import FailedRow, FailedRows

ERROR, HINT, SKIP = "batchpatch_error", "batchpatch_hint", "batchpatch_skip"
LINE, TEXT = "batchpatch_line", "batchpatch_text"

_MOST_TEXT_BYTES = 1 << 16
_MOST_DIGITS = 19
_COLUMNS = (ERROR, HINT, SKIP)
_FIELDS = {*_COLUMNS, LINE, TEXT}
_RAGGED = "(cells are missing)"
"""Keeps a record from fitting by chance once the tool's own cells are out of it."""
_SPACE = b" \t\r\n"
"""What JSON allows around a value: taking more away would make lines valid that are not."""
_SPELLINGS = {name.replace("_", ""): name for name in (*_COLUMNS, TEXT)}


class RawRecord(NamedTuple):
    """A record as it lies in the input."""

    row: int
    """Data row across all inputs."""
    line: int
    """Physical line on which it begins."""
    cells: list[str] | None = None
    """CSV; None where the record could not be parsed."""
    raw: bytes | None = None
    """JSONL: the record, in UTF-8; so too of a CSV, where it could not be parsed."""


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
                write = _writer(file, shape, stack)
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


def _writer(
    file: BinaryIO, shape: CsvShape | JsonlShape, stack: ExitStack
) -> Callable[[RawRecord, FailedRow], None]:
    if isinstance(shape, JsonlShape) and shape.encoding.startswith("utf-8"):
        return lambda record, row: _ignore(file.write(spliced(record, row)))
    # What the encoding cannot hold can only be in a cell that it could not have been read from.
    text = io.TextIOWrapper(file, shape.encoding, errors="backslashreplace", newline="")
    stack.callback(text.detach)  # flushes, and leaves the closing to `replacing`
    if isinstance(shape, JsonlShape):
        return lambda record, row: _ignore(text.write(spliced(record, row).decode()))
    return _csv_writer(text, shape)


def _ignore(_: int) -> None:
    """Of a write: how much it wrote."""


def _csv_writer(text: io.TextIOWrapper, shape: CsvShape) -> Callable[[RawRecord, FailedRow], None]:
    # CRLF also makes the writer quote a cell that holds a bare CR, which is a new line to readers.
    writer = csv.writer(text, delimiter=shape.delimiter, lineterminator="\r\n")
    layout = _Layout(shape.header)
    writer.writerow(
        [*_COLUMNS, *([TEXT] if shape.keeps_text else []), *layout.of_input(shape.header)]
    )

    def write(record: RawRecord, row: FailedRow) -> None:
        cells = record.cells
        if cells is None:
            own, rest = [_with_line(record, row), row.hint, ""], [""] * layout.width
        else:
            own = [row.error, row.hint, _skip_cell(layout.skip_of(cells), row, shape.encoding)]
            rest = layout.of_input(cells)
        if shape.keeps_text:
            own.append(layout.text_of(record))
        writer.writerow([*own, *rest])

    return write


class _Layout:
    """Which of an input's columns are the tool's own: they are replaced, not doubled."""

    def __init__(self, header: list[str]) -> None:
        names = [_SPELLINGS.get(re.sub(r"[\s_-]", "", name).lower()) for name in header]
        self._own = {at for at, name in enumerate(names) if name is not None}
        self._skip = names.index(SKIP) if SKIP in names else None
        self._text = names.index(TEXT) if TEXT in names else None
        self._columns = len(header)
        self.width = self._columns - len(self._own)

    def skip_of(self, cells: list[str]) -> str:
        """What the record says must not be sent."""
        if self._skip is None or self._skip >= len(cells):
            return ""
        return cells[self._skip]

    def text_of(self, record: RawRecord) -> str:
        """The text of a record that could not be parsed, now or in an earlier run."""
        cells = record.cells
        if cells is None:
            return (record.raw or b"").decode("utf-8", "backslashreplace")
        return cells[self._text] if self._text is not None and self._text < len(cells) else ""

    def of_input(self, cells: list[str]) -> list[str]:
        """The cells that are the input's. A ragged record stays ragged, so it stays invalid."""
        if not self._own:
            return cells
        kept = [cell for at, cell in enumerate(cells) if at not in self._own]
        if len(cells) != self._columns and len(kept) == self.width:
            kept.append(_RAGGED)
        return kept


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


def _with_line(record: RawRecord, row: FailedRow) -> str:
    return f"line {record.line}: {row.error}"


def spliced(record: RawRecord, row: FailedRow) -> bytes:
    """The record's line with the tool's fields put before its closing brace.

    The line is not written anew from what it parses to: `1.10` must keep its digits. What is not
    an object becomes one that says so and where it was.
    """
    raw = (record.raw or b"").strip(_SPACE)
    fields = _object(raw)
    if fields is None:
        lost = {ERROR: _with_line(record, row), HINT: row.hint, LINE: record.line}
        if len(raw) <= _MOST_TEXT_BYTES:
            lost[TEXT] = raw.decode("utf-8", "backslashreplace")
        return json.dumps(lost).encode() + b"\n"
    raw = _on_one_line(_without_own(raw))
    own: dict[str, Any] = {ERROR: row.error, HINT: row.hint}
    name = next((name for name in fields if is_skip(name)), SKIP)
    skip = _skip_value(fields.get(name), row.skips)
    if skip not in (None, "", [], {}):
        own[name] = skip
    head = raw[:-1].rstrip(_SPACE)
    comma = b"" if head == b"{" else b","
    return head + comma + json.dumps(own).encode()[1:] + b"\n"


def _skip_value(value: Any, skips: Skips) -> Any:
    """As `_skip_cell`, of a field of JSON."""
    try:
        return skips_field(merged_skips(parse_skips(value), skips))
    except ValueError:
        return value


def _object(raw: bytes) -> dict[str, Any] | None:
    """The line read as an object, None where it is none.

    By the library that also takes what orjson is too strict for.
    """
    try:
        fields = json.loads(raw.decode(), parse_int=_integer, parse_float=_fraction)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _on_one_line(raw: bytes) -> bytes:
    """The object without its line breaks, of which JSON has none in strings."""
    return b" ".join(map(bytes.strip, raw.split(b"\n"))) if b"\n" in raw else raw


def _integer(digits: str) -> int:
    """Some other number where there are many: the library refuses to make one of thousands."""
    return int(digits) if len(digits) < _MOST_DIGITS else -1


def _fraction(_: str) -> float:
    """No fraction means anything here."""
    return 0.5


def _without_own(raw: bytes) -> bytes:
    """The object without the fields that an earlier run put at its end.

    Cut only where both what stays and what goes are objects: the text may also occur deeper.
    """
    at = raw.rfind(b'"' + ERROR.encode() + b'":')
    if at < 1:
        return raw
    kept = raw[:at].rstrip(_SPACE).removesuffix(b",") + b"}"
    gone = _object(b"{" + raw[at:])
    if gone is None or not all(name in _FIELDS or is_skip(name) for name in gone):
        return raw
    return raw if _object(kept) is None or not _is_sendable(raw[at:]) else kept


def _is_sendable(tail: bytes) -> bool:
    """True where the reader would not refuse the line for these fields: it would without them."""
    try:
        orjson.loads(b"{" + tail)
    except ValueError:
        return False
    return True
