"""Failed rows of JSON, and what the fields of the tool are called in each form of a failed file."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.formats.exact_json import load_exactly
from batchpatch.formats.origin import format_origin
from batchpatch.formats.skips import merged_skips, parse_skips, skips_field
from batchpatch.options.fields import is_kept_text, is_mend, is_origin, is_skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from batchpatch.model import Skips
    from batchpatch.recording.failure_reasons import FailedRow


ERROR, HINT, SKIP = "batchpatch_error", "batchpatch_hint", "batchpatch_skip"
MEND = "batchpatch_mend"
LINE, TEXT, ROW = "batchpatch_line", "batchpatch_text", "batchpatch_row"
_MOST_TEXT_BYTES = 1 << 16
_MOST_DIGITS = 19
_FIELDS = {ERROR, HINT, SKIP, LINE, TEXT, ROW, MEND}
_NO_TEXT = re.compile(r"(\\*)([\udc80-\udcff])")
"""A byte that could not be decoded, and the backslashes before it."""
_SPACE = b" \t\r\n"
"""What JSON allows around a value: taking more away would make lines valid that are not."""


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
    mend: Sequence[str] = ()
    """CSV: the columns whose cells must be mended before it can be sent."""


def with_line(record: RawRecord, row: FailedRow) -> str:
    return f"line {record.line}: {row.error}"


def spliced(record: RawRecord, row: FailedRow) -> bytes:
    """The record's line with the tool's fields put before its closing brace.

    The line is not written anew from what it parses to: `1.10` must keep its digits. What is not
    an object becomes one that says so and where it was.
    """
    raw = (record.raw or b"").strip(_SPACE)
    fields = _object(raw)
    if fields is None:
        lost: dict[str, Any] = {ERROR: with_line(record, row), HINT: row.hint, LINE: record.line}
        lost |= _origin(record, row, {})
        if len(raw) <= _MOST_TEXT_BYTES:
            lost[TEXT] = _text_of(raw)
        return json.dumps(lost).encode() + b"\n"
    raw = _on_one_line(_without_own(raw))
    own = {ERROR: row.error, HINT: row.hint, **_origin(record, row, fields)}
    name = next((name for name in fields if is_skip(name)), SKIP)
    own |= {key: fields[key] for key in fields if _is_kept(key)}
    skip = _skip_value(fields.get(name), row.skips)
    if skip not in (None, "", [], {}):
        own[name] = skip
    head = raw[:-1].rstrip(_SPACE)
    comma = b"" if head == b"{" else b","
    return head + comma + json.dumps(own).encode()[1:] + b"\n"


def _text_of(raw: bytes) -> str:
    r"""The record's text, in which a byte that is no text is `\xb0`, which JSON does not know.

    It must stay so behind a backslash, which would take the meaning from the next one.
    """
    return _NO_TEXT.sub(_escaped, raw.decode("utf-8", "surrogateescape"))


def _escaped(found: re.Match[str]) -> str:
    before, octet = found[1], ord(found[2]) - 0xDC00
    odd = len(before) % 2
    return before + odd * "\\" + f"\\x{octet:02x}"


def _origin(record: RawRecord, row: FailedRow, fields: dict[str, Any]) -> dict[str, Any]:
    if row.run is None:
        return {}
    before = next((str(value) for name, value in fields.items() if is_origin(name)), "")
    return {ROW: format_origin(record.row, row.run, before=before)}


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
    left = _object(kept)
    if gone is None or left is None or not all(map(_is_own, gone)):
        return raw
    # What makes the row invalid stays, unless it is in what is kept as well.
    twice = _skips_twice((*gone, *left)) and not _skips_twice(left)
    unsendable = not _is_sendable(raw[at:]) and _is_sendable(kept[1:])
    return raw if twice or unsendable else kept


def _skips_twice(names: Iterable[str]) -> bool:
    """True for two spellings of the field, which no run has written: with both it is invalid."""
    return len({name for name in names if is_skip(name)}) > 1


def _is_kept(name: str) -> bool:
    """True for what no later run can find out: what must be mended, and the text to mend."""
    return name == LINE or is_kept_text(name) or is_mend(name)


def _is_own(name: str) -> bool:
    return name in _FIELDS or is_skip(name) or is_origin(name) or _is_kept(name)


def _is_sendable(tail: bytes) -> bool:
    """True where the reader would not refuse the line for these fields: it would without them."""
    try:
        load_exactly(b"{" + tail)
    except ValueError:
        return False
    return True
