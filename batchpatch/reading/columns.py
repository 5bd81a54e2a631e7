"""How columns are spelled, and how messages show them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

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
SelectorField = Literal["purpose", "externalContactId", "userId", "address", "match"]
SELECTORS: dict[SelectorField, tuple[str, ...]] = {
    "purpose": ("purpose",),
    "externalContactId": ("externalcontactid", "externalid"),
    "userId": ("userid",),
    "address": ("address", "ani"),
}
"""Likewise, of the fields that say who a participant is; `match.NAME` is one more."""
SELECTOR_WORDS = "purpose, externalContactId, userId, address or match.NAME"
FIELDS: tuple[str, ...] = (*ALIASES, *SELECTORS)
FIELD_NAMES = frozenset(
    name for names in (*ALIASES.values(), *SELECTORS.values()) for name in names
)
_MATCH = re.compile(r"\s*match\.(.*)", re.IGNORECASE | re.DOTALL)
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


def selector_of(column: str) -> tuple[SelectorField, str] | None:
    """Field and, for `match.NAME`, the attribute that a column selects by; None for any other."""
    if found := _MATCH.fullmatch(column):
        attribute = found[1].strip()
        return ("match", attribute) if attribute else None
    name = normalized(column)
    return next(((field, "") for field, names in SELECTORS.items() if name in names), None)


def is_field(name: str) -> bool:
    """True for what `--map` can give a column to."""
    selector = selector_of(name)  # which knows the usual names of columns too
    matches = selector is not None and selector[0] == "match"
    return name in FIELDS or attribute_of(name) is not None or matches


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
