"""Who is meant, where a row has no participant id. Pure."""

from __future__ import annotations

from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.model import Criterion, Note
from batchpatch.options.fields import _ORDER, SELECTOR_WORDS, SelectorField, _canonical
from batchpatch.reading import row_errors
from batchpatch.reading.records import taker
from batchpatch.reading.values import UnsendableError, keepable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class SelectorColumn(NamedTuple):
    """A column that says who is meant."""

    field: SelectorField
    attribute: str
    """For `match`, else empty."""
    position: int


class Selectors:
    """Who the rows of one input are about, as far as they have no participant id.

    Criteria come in a fixed order, whatever that of the columns, and each of them once; rows that
    say the same share one note.
    """

    def __init__(
        self, columns: Iterable[SelectorColumn], usual: tuple[Criterion, ...], *, has_id: bool
    ) -> None:
        """`usual` is who is meant where a row says nothing; empty where that makes it invalid."""
        self._columns = sorted(columns, key=lambda one: (_ORDER.index(one.field), one[1:]))
        self._usual = Note(selector=usual) if usual else None
        self._has_id = has_id
        self._cells_of = taker([column.position for column in self._columns])
        self._known: dict[tuple[str, ...], Note] = {}
        """By the cells that were met, some of them."""

    def note(self, cells: Sequence[Any]) -> Note:
        """What a record says.

        Raises:
            UnsendableError: it says nothing, or something that is no text.
        """
        found = [_criterion(column, cells[column.position]) for column in self._columns]
        selector = tuple(dict.fromkeys(filter(None, found)))
        note = Note(selector=selector) if selector else self._usual
        if note is None:
            fault = row_errors.missing_participant(SELECTOR_WORDS, has_id=self._has_id)
            raise UnsendableError(fault)
        return note

    def quick(self, cells: Sequence[str]) -> Note | None:
        """The same of a record that is text alone; None where it would raise."""
        key = self._cells_of(cells)
        note = self._known.get(key)
        if note is None:
            try:
                note = self.note(cells)
            except UnsendableError:
                return None
            if keepable(key, self._known):
                self._known[key] = note
        return note

    def all_at_once(self, records: Sequence[Sequence[str]]) -> list[Note] | None:
        """The same of many; None where one of them says what none has said before."""
        columns = [map(itemgetter(column.position), records) for column in self._columns]
        keys = zip(*columns, strict=True) if columns else repeat((), len(records))
        try:
            return list(map(self._known.__getitem__, keys))
        except KeyError:
            return None


def _criterion(column: SelectorColumn, cell: object) -> Criterion | None:
    """What one cell says; None where it is empty."""
    if cell is None:
        return None
    if not isinstance(cell, str) or "\0" in cell:
        raise UnsendableError(row_errors.bad_selector(column.field, column.attribute))
    value = _canonical(column.field, str(cell))
    return Criterion(column.field, value, column.attribute) if value else None
