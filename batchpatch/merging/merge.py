"""The merge of rows of one participant: what one request carries for all of them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from batchpatch.writes.kind import MergeRule
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.model import Row, RowContext
    from batchpatch.writes.kind import WriteKind

ROW_BYTES = 400
"""What a waiting row takes beside its text, about: tuples, ids, and its place in the window."""

_ESCAPED = 6
"""Bytes that a character takes in JSON at the most (`\\u0001`)."""
_NO_COMMA_BYTES = -len(b",")
"""The last attribute has none behind it."""
_PER_ATTRIBUTE = len(b'"":"",')
_NOTHING_LOST: dict[int, int] = {}


def row_bytes(row: Row) -> int:
    """Memory that a waiting row takes, about."""
    text = len("".join(row[5])) + len("".join(row[6]))  # hot: by position
    return ROW_BYTES + text + (0 if row[7] is None else _context_bytes(row[7]))


def _context_bytes(context: RowContext) -> int:
    values = (context.before or {}).values()
    text = len(context.id or "") + len(context.origin)
    return ROW_BYTES + text + sum(len(value) for value in values if value)


def merged(rows: Sequence[Row], rule: MergeRule = MergeRule.EACH_NAME) -> dict[str, str]:
    """What is to be written for these rows: per name the last value, in order of first appearance;
    where the last row wins whole, that row's alone."""
    if rule is MergeRule.WHOLE:
        rows = rows[-1:]
    attributes = dict(zip(rows[0].names, rows[0].values, strict=True))
    for row in rows[1:]:
        attributes.update(zip(row.names, row.values, strict=True))
    return attributes


def superseded(rows: Sequence[Row], rule: MergeRule = MergeRule.EACH_NAME) -> dict[int, int]:
    """Rows of which nothing is left after merging: number -> the row that took the last of it.

    What stands in the place of a superseded row's names may come from several rows; the latest of
    them is named, and that one is itself never superseded.
    """
    if len(rows) == 1:
        return _NOTHING_LOST
    if rule is MergeRule.WHOLE:
        return {row.number: rows[-1].number for row in rows[:-1]}
    last = {name: row.number for row in rows for name in row.names}
    takers = ((row.number, {last[name] for name in row.names}) for row in rows)
    return {number: max(taken) for number, taken in takers if number not in taken}


def fitting(rows: Sequence[Row], limit_bytes: int, kind: WriteKind = USUAL) -> Sequence[Row]:
    """As many of the first rows as make a body within the limit; always at least one.

    A row that is too large alone is for the platform to judge: its limit may have been raised.
    """
    if len(rows) == 1 or kind.merge is MergeRule.WHOLE:
        return rows
    frame_bytes = len(kind.body({}))
    if sum(map(_most_body_bytes, rows)) + frame_bytes <= limit_bytes:
        return rows
    sizes: dict[str, int] = {}
    total = frame_bytes + _NO_COMMA_BYTES
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
