"""JSON records, parsed: the object of each, or why it is none. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from batchpatch.formats.exact_json import load_exactly
from batchpatch.reading import row_errors
from batchpatch.reading.json_framing import MAX_RECORD_BYTES

if TYPE_CHECKING:
    from batchpatch.reading.row_errors import RowError


def parsed(text: bytes) -> Any:
    """What orjson makes of a record. Raises ValueError."""
    if len(text) > MAX_RECORD_BYTES:
        raise ValueError
    return orjson.loads(text)


def object_of(line: int, text: bytes) -> dict[str, Any] | RowError:
    """The object of a record that begins on this line, or why it is none."""
    last = line + text.rstrip().count(b"\n")
    if len(text) > MAX_RECORD_BYTES:
        return row_errors.record_too_large(line, last, MAX_RECORD_BYTES >> 20)
    try:
        value = load_exactly(text)
    except ValueError as error:
        if (octet := _undecodable(text)) is not None:
            return row_errors.undecodable(octet)
        return row_errors.bad_json(str(error).partition(":")[0], line, last)
    return value if isinstance(value, dict) else row_errors.NOT_AN_OBJECT


def _undecodable(text: bytes) -> int | None:
    """The first byte that is not UTF-8; None where all of them are."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return text[error.start]
    return None
