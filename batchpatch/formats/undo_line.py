"""The lines that hold values, of `undo.jsonl` and `conflicts.jsonl`. Pure.

Of the one, what a PATCH is about to overwrite; of the other, for people only, what was expected
and what was found.
"""

from __future__ import annotations

import json
import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchpatch.model import Patch

_MOST = 1 << 62
_TEXT, _TEXT_OR_NULL, _NUMBER_OR_NULL = {str}, {str, type(None)}, {int, type(None)}


class UndoEntry(NamedTuple):
    """One PATCH about to go out."""

    conversation_id: str
    participant_id: str
    before: Mapping[str, str | None]
    """The value that each attribute has, None where it is absent. Of one that is not here nobody
    knows, so it cannot be taken back."""
    written: Mapping[str, str]
    """What the PATCH writes."""
    patch: int
    """Its number."""
    refused: int | None = None
    """The number of the merged PATCH that the platform refused, of which this is a row: that one
    has an entry and no line of results."""

    @classmethod
    def of(cls, patch: Patch, before: Mapping[str, str | None], refused: int | None = None) -> Self:
        """The entry of a patch; `before` may hold more than the patch writes."""
        ids = patch.conversation_id, patch.participant_id
        return cls(*ids, before, patch.attributes, patch.number, refused)


def encode_undo(entry: UndoEntry) -> bytes:
    """The line of an entry. Of `before` only what is overwritten is kept: it is people's data."""
    return dump_line(
        {
            "conversation_id": entry.conversation_id,
            "participant_id": entry.participant_id,
            "before": {name: entry.before[name] for name in entry.written if name in entry.before},
            "written": dict(entry.written),
            "patch": entry.patch,
            **({} if entry.refused is None else {"refused": entry.refused}),
        }
    )


def dump_line(fields: dict[str, Any]) -> bytes:
    """One line of JSON; lone surrogates, which UTF-8 cannot hold, are escaped and so kept."""
    try:
        return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def parse_undo(line: bytes) -> UndoEntry:
    """The entry of a line. Raises ValueError where it is not a whole one of ours."""
    try:
        entry = read_undo(line)
        kept, written = entry.before, entry.written
        sound = (
            {*map(type, entry[:2])} == _TEXT
            and {*map(type, kept.values())} <= _TEXT_OR_NULL
            and {*map(type, written.values())} <= _TEXT
            and kept.keys() <= written.keys()
            and type(entry.patch) is int
            and 0 <= entry.patch < _MOST
            and type(entry.refused) in _NUMBER_OR_NULL
        )
    except (TypeError, AttributeError) as error:
        raise ValueError("not an entry") from error
    if not sound:
        raise ValueError("not an entry")
    return entry


def read_undo(line: bytes) -> UndoEntry:
    """The same for a line that has been parsed before, in a third of the time."""
    try:
        fields = _load(line)
        return UndoEntry._make((*_fields(fields), fields.get("refused")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not an entry") from error


_fields = itemgetter(*UndoEntry._fields[:-1])

_PATCH = re.compile(rb'"patch":[ \t]*([0-9]{1,18})(?=[,} \t])')
"""A quote inside a string has a backslash before it, and the value of an attribute is no number."""


def highest_patch_in(data: bytes) -> int:
    """The highest number of a PATCH in these lines, 0 where there is none; nothing is parsed."""
    return max(map(int, _PATCH.findall(data)), default=0)


def _load(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return json.loads(line)


class ConflictEntry(NamedTuple):
    """One patch that was not sent, because somebody else has changed what it would overwrite."""

    conversation_id: str
    participant_id: str
    rows: Sequence[int]
    """Numbers of the rows that it carries."""
    expected: Mapping[str, Sequence[str | None]]
    """Of each attribute in conflict the values that would have been right; None is absent."""
    found: Mapping[str, str | None]
    """And the one that was there."""


def encode_conflict(entry: ConflictEntry) -> bytes:
    """The line of an entry."""
    return dump_line(
        {
            "conversation_id": entry.conversation_id,
            "participant_id": entry.participant_id,
            "rows": list(entry.rows),
            "expected": {name: list(values) for name, values in entry.expected.items()},
            "found": dict(entry.found),
        }
    )
