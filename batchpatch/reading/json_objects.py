"""JSON records, parsed: the object of each, or why it is none. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import orjson

from batchpatch.errors import InputError
from batchpatch.formats.exact_json import load_exactly
from batchpatch.options.fields import bare, is_kept_text, is_own
from batchpatch.reading import row_errors
from batchpatch.reading.json_framing import MAX_RECORD_BYTES, parses
from batchpatch.reading.odd_values import NULL_TEXTS
from batchpatch.reading.row_errors import RowError
from batchpatch.reading.sources import PACKED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchpatch.reading.sources import ByteSource


def array_error(source: ByteSource) -> InputError:
    """What is said of an input that is one JSON array."""
    is_file = not (source.live or source.name.rstrip("'\"").lower().endswith(PACKED))
    file = source.name if is_file else "FILE"
    return InputError(
        f"{source.name} is one JSON array, not an object on each line: convert it with "
        f"jq -c '.[]' {file} > rows.jsonl."
    )


def refuse_json(text: str, source: ByteSource, *, headless: bool) -> None:
    """Raise InputError for JSON that is to be read as CSV.

    Args:
        text: how the table begins.
        source: of it.
        headless: it begins with a row, whose first cell may be JSON.
    """
    text = text.lstrip()
    if _ARRAY.match(text):
        raise array_error(source)
    if _OBJECT.match(text) and not (headless and _is_cell(text)):
        raise InputError(f"{source.name} holds JSON, not CSV: add --format jsonl.")


_ARRAY = re.compile(r"\[\s*[\[{]")
_OBJECT = re.compile(r'\{\s*"')


def _is_cell(text: str) -> bool:
    """True of an object behind which the line goes on with more than a comma, and no other one."""
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    rest = text[end:].partition("\n")[0].strip(" \r")
    return len(rest) > 1 and not rest.startswith("{")


def sample_of(value: Mapping[str, Any]) -> list[list[str]]:
    """What an object holds, as the one record of a table; an object within it as an empty one."""
    return [
        [one if isinstance(one, str) else "{}" * isinstance(one, dict) for one in value.values()]
    ]


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
        return _bad_json(error, line, last, text)
    return _restored(line, value) if isinstance(value, dict) else row_errors.NOT_AN_OBJECT


def _restored(line: int, value: dict[str, Any]) -> dict[str, Any] | RowError:
    """The object itself, or the one whose text a failed row keeps, which somebody may have mended.

    What the failed row says of itself (where it has failed, what to leave alone) holds for it.
    """
    kept = [name for name in value if is_kept_text(name)]
    if not kept:
        return value
    rest = {name: value[name] for name in value if name not in kept}
    text = next((value[name] for name in kept if isinstance(value[name], str)), "")
    if not text.strip():
        return rest
    mended = object_of(line, text.encode("utf-8", "backslashreplace"))
    if isinstance(mended, RowError):
        return mended
    return {**mended, **{name: rest[name] for name in rest if is_own(name)}}


_COMMA = "Take the comma behind the object away: objects follow one another without any."
_NO_NUMBER = "JSON has no NaN and no Infinity: write null, or the word as a text in quotes."
_NO_QUOTES = "Names and texts stand in double quotes in JSON; Python and JavaScript show others."
_NO_WORD = "JSON knows the words true, false and null, spelled so; any other is a text in quotes."


def _bad_json(error: ValueError, first: int, last: int, text: bytes) -> RowError:
    """Why it is no JSON, and where, as far as the parser knows."""
    whole = text.rstrip()
    if whole.endswith(b",") and parses(whole[:-1]):
        hint, at = _COMMA, last
    elif isinstance(error, json.JSONDecodeError):
        hint, at = _hint(error), first + error.lineno - 1
    else:
        hint, at = "", 0
    reason = getattr(error, "msg", "") or str(error).partition(":")[0]
    return row_errors.bad_json(reason, first, last, at=at, hint=hint)


def why_no_object(text: str) -> str:
    """What to do about a cell that was to be an object; empty where nobody knows."""
    text = bare(text)
    if text in NULL_TEXTS:
        return (
            f"{text} is how an export writes that there is none; --null '{text}' makes it an empty "
            "cell."
        )
    if text.startswith('{\\"'):
        return f"{row_errors.ESCAPE}."
    try:
        orjson.loads(text)
    except json.JSONDecodeError as error:
        if text.startswith("{"):
            return _hint(error) or f"Its JSON is broken: {error.msg}."
    return ""


def _hint(error: json.JSONDecodeError) -> str:
    """What to do about that at which the parser gave up."""
    rest = error.doc[error.pos : error.pos + 9]
    if rest.startswith(("NaN", "Infinity")):
        return _NO_NUMBER
    if rest.startswith("'") or "string key" in error.msg:
        return _NO_QUOTES
    return _NO_WORD if rest.startswith(("None", "True", "False", "undefined")) else ""


def _undecodable(text: bytes) -> int | None:
    """The first byte that is not UTF-8; None where all of them are."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return text[error.start]
    return None
