"""Wanted values: what one record asks for, by name, whatever its cells are. Pure.

Ordinary records do not come here: their cells are the values, see `rows`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchpatch.reading import row_errors
from batchpatch.reading.records import members_in, unsendable
from batchpatch.reading.values import UnsendableError, text_of
from batchpatch.writes.columns import RefusedError
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.options.read import ReadOptions
    from batchpatch.reading.mapping import Mapping


class WantedValues:
    """What the records of one input ask for, each by itself."""

    def __init__(self, mapping: Mapping, options: ReadOptions, *, is_json: bool) -> None:
        """`is_json`: the cells are values of JSON, not the texts of a CSV."""
        self._mapping = mapping
        self._options = options
        self._is_json = is_json
        self._nulls = frozenset(options.null)
        self._constants = dict(options.constants)
        self._kind = find_kind(options.write)

    def without_nulls(self, cells: Sequence[Any]) -> Sequence[Any]:
        """The same cells; those whose text stands for an empty one are empty."""
        if not self._nulls:
            return cells
        return [None if self._is_null(cell) else cell for cell in cells]

    def of(self, cells: Sequence[Any], *, planned: bool) -> dict[str, str]:
        """What is to be sent, by name; later columns win over earlier ways to give a name.

        Raises:
            UnsendableError: one of them is no value, or has no name.
        """
        options = self._options
        given = self._given(cells)
        if not self._kind.plain:
            given = self._judged(given, planned=planned)
        wanted: dict[str, str] = {}
        for name, cell in given:
            value = None if self._is_null(cell) else cell
            text = text_of(name, value, empty=options.empty, nested=options.nested)
            if text is not None:
                wanted[name] = text
        if self._kind.plain:
            wanted.update(self._constants)
        return wanted

    def _is_null(self, cell: object) -> bool:
        return bool(self._nulls) and isinstance(cell, str) and cell in self._nulls

    def _judged(self, given: list[tuple[str, Any]], *, planned: bool) -> list[tuple[str, Any]]:
        """The same as the kind of write wants them; what leaves a name alone is taken out."""
        blank = "" if self._options.empty == "set" else None
        texts = ((n, blank if v is None or self._is_null(v) else v) for n, v in given)
        kept = {name: value for name, value in texts if value is not None} | self._constants
        try:
            return list(self._kind.asked(kept, planned=planned).items())
        except RefusedError as refused:
            raise unsendable(refused) from None

    def _given(self, cells: Sequence[Any]) -> list[tuple[str, Any]]:
        mapping = self._mapping
        given: list[tuple[str, Any]] = []
        if mapping.object_at is not None:
            given.extend(members_in(cells[mapping.object_at], self._kind).items())
        if mapping.pair_at is not None:
            key, value = (cells[position] for position in mapping.pair_at)
            if not isinstance(key, str) or not key.strip():
                raise UnsendableError(row_errors.KEY_WITHOUT_NAME)
            given.append((str(key), self._value(value)))
        for name, position in zip(mapping.names, mapping.positions, strict=True):
            given.append((name, self._value(cells[position])))
        return given

    def _value(self, cell: Any) -> Any:
        """The JSON value that a cell is: an empty one of a CSV is null, `""` of JSON is a text."""
        return None if cell == "" and not self._is_json else cell
