"""How columns are spelled, and how messages show them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from batchpatch.reading.faults import SHOWN_LENGTH, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIASES = {
    "conversation": ("conversationid", "conversation", "interactionid"),
    "participant": ("participantid", "participant"),
    "attributes": ("attributes",),
    "key": ("key",),
    "value": ("value",),
}
"""The usual names of each field, normalized."""
FIELDS = tuple(ALIASES)
FIELD_NAMES = frozenset(name for names in ALIASES.values() for name in names)
_ATTRIBUTE = re.compile(r"\s*attr(?:ibute)?s?\.(.*)", re.IGNORECASE | re.DOTALL)
_OWN = re.compile(r"\s*batchpatch[\s_-].*", re.IGNORECASE | re.DOTALL)
_COLUMNS_LISTED = 20


def normalized(column: str) -> str:
    """The column name without what people vary: case, spaces, `_` and `-`."""
    return re.sub(r"[\s_-]", "", column).lower()


def attribute_of(column: str) -> str | None:
    """NAME of a column `attributes.NAME`; None for any other column."""
    match = _ATTRIBUTE.fullmatch(column)
    return match[1].strip() if match else None


def is_field(name: str) -> bool:
    """True for what `--map` can give a column to."""
    return name in FIELDS or attribute_of(name) is not None


def is_skip(column: str) -> bool:
    """True for `batchpatch_skip`, which names attributes not to send."""
    return normalized(column) == "batchpatchskip"


def is_own(column: str) -> bool:
    """True for a column that batchpatch itself has written."""
    return is_skip(column) or bool(_OWN.fullmatch(column))


def listed(columns: Sequence[str]) -> str:
    """Columns in a sentence; not all of them where there are many."""
    first = ", ".join(map(plainly, columns[:_COLUMNS_LISTED]))
    more = len(columns) - _COLUMNS_LISTED
    return f"{first} and {more} more" if more > 0 else first


def plainly(column: str) -> str:
    """A column as one would type it, where that is possible."""
    if not column:
        return "(no name)"
    return column if column.isprintable() and len(column) <= SHOWN_LENGTH else shown(column)
