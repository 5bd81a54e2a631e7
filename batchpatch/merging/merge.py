"""What rows of one participant come to, together. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.model import Note, Row

ROW_BYTES = 400
"""What a waiting row takes beside its text, about: tuples, ids, and its place in the window."""
_ESCAPED = 6
"""Bytes that a character takes in JSON at the most (`\\u0001`)."""
_FRAME_BYTES = len(b'{"attributes":{}}')
_NO_COMMA_BYTES = -len(b",")
"""The last attribute has none behind it."""
_PER_ATTRIBUTE = len(b'"":"",')
_NOTHING_LOST: dict[int, int] = {}


def row_bytes(row: Row) -> int:
    """Memory that a waiting row takes, about."""
    text = len("".join(row[5])) + len("".join(row[6]))  # hot: by position
    return ROW_BYTES + text + (0 if row[7] is None else _note_bytes(row[7]))


def _note_bytes(note: Note) -> int:
    values = (note.before or {}).values()
    return ROW_BYTES + sum(len(value) for value in values if value)


def merged(rows: Sequence[Row]) -> dict[str, str]:
    """The last value of each attribute over these rows, in order of first appearance."""
    attributes = dict(zip(rows[0].names, rows[0].values, strict=True))
    for row in rows[1:]:
        attributes.update(zip(row.names, row.values, strict=True))
    return attributes


def superseded(rows: Sequence[Row]) -> dict[int, int]:
    """Rows of which nothing is left after merging: number -> the row that took the last of it.

    What stands in the place of a superseded row's attributes may come from several rows; the
    latest of them is named, and that one is itself never superseded.
    """
    if len(rows) == 1:
        return _NOTHING_LOST
    last = {name: row.number for row in rows for name in row.names}
    takers = ((row.number, {last[name] for name in row.names}) for row in rows)
    return {number: max(taken) for number, taken in takers if number not in taken}


def fitting(rows: Sequence[Row], limit_bytes: int) -> Sequence[Row]:
    """As many of the first rows as make a body within the limit; always at least one.

    A row that is too large alone is for the platform to judge: its limit may have been raised.
    """
    if len(rows) == 1 or sum(map(_most_body_bytes, rows)) + _FRAME_BYTES <= limit_bytes:
        return rows
    sizes: dict[str, int] = {}
    total = _FRAME_BYTES + _NO_COMMA_BYTES
    for count, row in enumerate(rows):
        for name, value in zip(row.names, row.values, strict=True):
            size = len(orjson.dumps(name)) + len(orjson.dumps(value)) + len(":,")
            total += size - sizes.get(name, 0)
            sizes[name] = size
        if total > limit_bytes and count:
            return rows[:count]
    return rows


def _most_body_bytes(row: Row) -> int:
    """Upper bound of what the row adds to a body; cheap, and enough for nearly every merge."""
    text = sum(map(len, row.names)) + sum(map(len, row.values))
    return _ESCAPED * text + _PER_ATTRIBUTE * len(row.names)
