"""The line of `conflicts.jsonl`: what was expected and what was found; it holds values. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.formats.plain import MisfitError, from_plain, known_only
from batchpatch.formats.undo_line import dump_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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


class _Fields(NamedTuple):
    conversation_id: str
    participant_id: str
    rows: tuple[int, ...]
    expected: dict[str, tuple[str | None, ...]]
    found: dict[str, str | None]


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


def parse_conflict(line: bytes) -> ConflictEntry:
    """The entry of a line. Raises ValueError where it is not a whole one of ours."""
    try:
        fields = json.loads(line)
    except RecursionError as error:
        raise ValueError("not an entry") from error
    if not isinstance(fields, dict):
        raise MisfitError("", "an object")
    return ConflictEntry(*from_plain(_Fields, known_only(_Fields, fields)))
