"""One line of JSONL -> `Row` or `InvalidRow`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from batchpatch.errors import InputError
from batchpatch.model import InvalidRow, Row
from batchpatch.reading import faults
from batchpatch.reading.faults import Fault
from batchpatch.reading.mapping import Mapping, map_columns
from batchpatch.reading.rows import ObjectMaker, RowMaker
from batchpatch.reading.values import load_exactly

if TYPE_CHECKING:
    from batchpatch.reading.options import ReadOptions

_LAYOUTS_KEPT = 1000
"""Distinct sets of keys whose mapping is remembered; past that each line is mapped anew."""
_FIELDS = 3


class LineMaker:
    """Makes rows of the lines of one input; as `RowMaker`, with the JSON text as the record."""

    def __init__(
        self, options: ReadOptions, *, source: int, notices: dict[str, str] | None = None
    ) -> None:
        self._notices = {} if notices is None else notices
        self.first_mapping: Mapping | None = None
        """How the keys of the first understandable line were understood."""
        self.weight = 0
        self._options = options
        self._source = source
        self._layouts: dict[tuple[str, ...], RowMaker | Fault] = {}
        self._quick: dict[tuple[str, ...], ObjectMaker] = {}
        self._usual: ObjectMaker = _not_yet
        """For objects of the three fields alone, by the spelling met first."""

    def quick(self, number: int, line: int, text: bytes) -> Row | None:
        """The row, where nothing about the line needs a second look; None where it does."""
        try:
            value = orjson.loads(text)
            if len(value) == _FIELDS:  # all three are needed, so these keys are always the same
                return self._usual(number, line, value)
            return self._quick[tuple(value)](number, line, value)
        except (ValueError, TypeError, KeyError):
            return None

    def careful(self, number: int, line: int, text: bytes) -> Row | InvalidRow:
        """The row, or what is wrong with the line; any bytes get an answer."""
        try:
            value = load_exactly(text)
        except ValueError as error:
            fault = faults.bad_json(str(error).partition(":")[0])
            return InvalidRow(number, line, self._source, *fault)
        if not isinstance(value, dict):
            return InvalidRow(number, line, self._source, *faults.NOT_AN_OBJECT)
        maker = self._maker(tuple(value))
        if isinstance(maker, Fault):
            return InvalidRow(number, line, self._source, *maker)
        row = maker.careful(number, line, list(value.values()))
        self.weight += maker.weight
        maker.weight = 0
        return row

    def _maker(self, keys: tuple[str, ...]) -> RowMaker | Fault:
        """What these keys mean; a line that lacks a needed one is an invalid row, no more."""
        if (known := self._layouts.get(keys)) is not None:
            return known
        made: RowMaker | Fault
        try:
            mapping = map_columns(keys, self._options, name="this line")
        except InputError as error:
            made = faults.unmapped(str(error))
        else:
            self.first_mapping = self.first_mapping or mapping
            made = RowMaker(mapping, self._options, source=self._source, notices=self._notices)
        if len(self._layouts) < _LAYOUTS_KEPT:
            self._layouts[keys] = made
            if isinstance(made, RowMaker):
                self._quick[keys] = made.quick_object(keys)
                if len(keys) == _FIELDS and self._usual is _not_yet:
                    self._usual = self._quick[keys]
        return made


def _not_yet(_number: int, _line: int, _value: object) -> None:
    """Until the first such line has been mapped."""
