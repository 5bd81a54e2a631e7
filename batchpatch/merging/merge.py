"""What rows of one participant come to, together. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.model import Row

ROW_BYTES = 400
"""What a waiting row takes beside its text, about: tuples, ids, and its place in the window."""
_ESCAPED = 6
"""Bytes that a character takes in JSON at the most (`\\u0001`)."""
_FRAME_BYTES = len(b'{"attributes":{}}')
_PER_ATTRIBUTE = len(b'"":"",')


def row_bytes(row: Row) -> int:
    """Memory that a waiting row takes, about."""
    size = ROW_BYTES
    for value in row.values:
        if value is not None:
            size += len(value)
    return size


def merged(rows: Sequence[Row]) -> dict[str, str]:
    """The last value of each attribute over these rows, in order of first appearance."""
    attributes: dict[str, str] = {}
    for row in rows:
        attributes.update(
            (name, value)
            for name, value in zip(row.names, row.values, strict=True)
            if value is not None
        )
    return attributes


def superseded(rows: Sequence[Row]) -> dict[int, int]:
    """Rows of which nothing is left after merging: number -> the row that took the last of it.

    A row is superseded by the latest of the rows that overwrite its attributes.
    """
    if len(rows) == 1:
        return {}
    last: dict[str, int] = {}
    for row in rows:
        for name in row.keys():  # noqa: SIM118 - a method of Row, no dict
            last[name] = row.number
    lost: dict[int, int] = {}
    for row in rows:
        takers = [last[name] for name in row.keys()]  # noqa: SIM118
        if row.number not in takers:
            lost[row.number] = max(takers)
    return lost


def fitting(rows: Sequence[Row], limit_bytes: int) -> Sequence[Row]:
    """As many of the first rows as make a body within the limit; always at least one.

    A row that is too large alone is for the platform to judge: its limit may have been raised.
    """
    if len(rows) == 1 or sum(map(_most_body_bytes, rows)) + _FRAME_BYTES <= limit_bytes:
        return rows
    sizes: dict[str, int] = {}
    total = _FRAME_BYTES
    for count, row in enumerate(rows):
        for name, value in zip(row.names, row.values, strict=True):
            if value is not None:
                size = len(orjson.dumps(name)) + len(orjson.dumps(value)) + 2
                total += size - sizes.get(name, 0)
                sizes[name] = size
        if total > limit_bytes and count:
            return rows[:count]
    return rows


def _most_body_bytes(row: Row) -> int:
    """Upper bound of what the row adds to a body; cheap, and enough for nearly every merge."""
    return sum(
        _ESCAPED * (len(name) + len(value)) + _PER_ATTRIBUTE
        for name, value in zip(row.names, row.values, strict=True)
        if value is not None
    )
