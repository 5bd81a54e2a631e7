"""Listings: what a name in a row stands for, where the platform wants an id. Pure.

The list is the organisation's, and is read once a run; here a name is looked for in it.
"""

from __future__ import annotations

import unicodedata
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.model import InvalidRow, Outcome, Row
from batchpatch.options.fields import canonical_uuid
from batchpatch.writes.columns import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_MOST_SHOWN = 5


_MOST_COMPARED = 200
"""Unknown names that are compared with all others; that takes milliseconds each."""


_NEAR = 0.5
"""Of `difflib`: `Sell` is near `Sale`."""


_MOST_KEPT = 10_000


class Listing(NamedTuple):
    """A list of the platform's that has a name and an id for each of its entries."""

    value: str
    """Which of a row's values may be a name of it."""
    noun: str
    """One entry, in words."""
    path: str
    permission: str
    queue_path: str
    """Of what a queue has of it, with a gap `{queue_id}`."""
    queue_permission: str


class NameTable:
    """Ids by name: as it is spelled, else without regard to case."""

    def __init__(self, names: Mapping[str, str], noun: str) -> None:
        """`names`: by id. `noun`: one of them, in words."""
        self.names = names
        self._noun = noun
        self._exact: dict[str, list[str]] = {}
        self._folded: dict[str, list[str]] = {}
        self._shown: dict[str, str] = {}
        for known_id, name in names.items():
            self._exact.setdefault(name.strip(), []).append(known_id)
            self._folded.setdefault(_folded(name), []).append(known_id)
            self._shown[_folded(name)] = name
        self._found: dict[str, str | RefusedError] = {}
        self._compared = 0

    def find(self, name: str) -> str | RefusedError:
        """The id of that name, or why there is not the one."""
        found = self._found.get(name)
        if found is None:
            found = self._find(name)
            if len(self._found) < _MOST_KEPT:
                self._found[name] = found
        return found

    def _find(self, name: str) -> str | RefusedError:
        ids = self._exact.get(name.strip()) or self._folded.get(_folded(name)) or []
        if len(ids) == 1:
            return ids[0]
        if ids:
            return RefusedError(
                "ambiguous_name",
                f"{len(ids)} {self._noun}s have this name: {listed(ids)}",
                "Write the id of the one that is meant.",
            )
        near = listed(self._nearest(name))
        return RefusedError(
            "unknown_name",
            f"there is no {self._noun} of this name",
            f"The nearest: {near}. " * bool(near) + "`batchpatch codes` lists all of them.",
        )

    def _nearest(self, name: str) -> list[str]:
        self._compared += 1
        if self._compared > _MOST_COMPARED:
            return []
        return [self._shown[one] for one in get_close_matches(_folded(name), self._shown, 3, _NEAR)]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()


def listed(names: Iterable[str]) -> str:
    """Some of them, for a sentence."""
    shown = list(names)
    more = len(shown) - _MOST_SHOWN
    return ", ".join(shown[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def name_in(row: Row | InvalidRow, listing: Listing) -> str | None:
    """The name of a row that is to be found in the listing; None where it has none, or an id."""
    if not isinstance(row, Row) or listing.value not in row.names:
        return None
    text = row.values[row.names.index(listing.value)]
    return text if text and canonical_uuid(text) is None else None


def shown(values: Mapping[str, Any], listing: Listing, names: Mapping[str, str]) -> dict[str, Any]:
    """The values for the screen: a name in the place of an id, as far as the `names` are known."""
    value = values.get(listing.value)
    name = names.get(value) if isinstance(value, str) else None
    return dict(values) if name is None else {**values, listing.value: name}


def resolved(
    rows: list[Row | InvalidRow], listing: Listing, table: NameTable | RefusedError
) -> list[Row | InvalidRow]:
    """The rows with ids in the place of names; without a table, why they have none."""
    return [
        row if name is None or isinstance(row, InvalidRow) else _resolved(row, name, listing, table)
        for row in rows
        for name in (name_in(row, listing),)
    ]


def _resolved(
    row: Row, name: str, listing: Listing, table: NameTable | RefusedError
) -> Row | InvalidRow:
    if isinstance(table, RefusedError):
        return _refused(row, table, Outcome.UNKNOWN)  # nothing may be wrong with it
    found = table.find(name)
    if isinstance(found, RefusedError):
        return _refused(row, found, Outcome.INVALID)
    at = row.names.index(listing.value)
    return row._replace(values=(*row.values[:at], found, *row.values[at + 1 :]))


def _refused(row: Row, error: RefusedError, outcome: Outcome) -> InvalidRow:
    known = row.conversation_id, row.participant_id or None
    return InvalidRow(*row[:3], error.code, error.message, error.hint, *known, outcome, row.id)
