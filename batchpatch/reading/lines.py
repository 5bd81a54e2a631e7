"""Lines of JSONL -> `Row` or `InvalidRow`. Pure; the same three ways as in `rows`."""

from __future__ import annotations

from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import orjson

from batchpatch.errors import InputError
from batchpatch.model import InvalidRow, Row
from batchpatch.reading import faults
from batchpatch.reading.faults import Fault
from batchpatch.reading.ids import are_canonical
from batchpatch.reading.jsonl_records import is_blank
from batchpatch.reading.mapping import Mapping, map_columns
from batchpatch.reading.names import Names, keepable
from batchpatch.reading.rows import RowMaker, new_row, rows_of
from batchpatch.reading.values import load_exactly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.reading.block import Block
    from batchpatch.reading.options import ReadOptions


class _Fields(NamedTuple):
    """The three keys of an object whose attributes are one object, and all keys it has."""

    conversation: str
    participant: str
    attributes: str
    all: tuple[str, ...]


class LineMaker:
    """Makes rows of the lines of one input; as `RowMaker`, with JSON texts as the records."""

    def __init__(
        self, options: ReadOptions, *, source: int, notices: dict[str, str] | None = None
    ) -> None:
        self.first_mapping: Mapping | None = None
        """How the keys of the first understandable line were understood."""
        self._options = options
        self._source = source
        self._names = Names(options.only_keys, {} if notices is None else notices)
        self._layouts: dict[tuple[str, ...], RowMaker | Fault] = {}
        self._usual: _Fields | None = None
        """Of the objects met last that can take the quick way."""

    def rows(self, number: int, block: Block) -> list[Row | InvalidRow]:
        """The rows of a block, the first of them with this number; blank lines make none."""
        made = self._all_at_once(number, block)
        return list(self._one_by_one(number, block)) if made is None else made

    def _all_at_once(self, number: int, block: Block) -> list[Row | InvalidRow] | None:
        """Column by column; None where a line is not ordinary."""
        usual = self._usual
        if usual is None:
            return None
        try:
            objects = list(map(orjson.loads, block.records))
            if set(map(len, objects)) != {len(usual.all)} or (
                len(usual.all) > _FIELDS and set(map(tuple, objects)) != {usual.all}
            ):
                return None
            conversations = list(map(itemgetter(usual.conversation), objects))
            participants = list(map(itemgetter(usual.participant), objects))
            attributes = list(map(itemgetter(usual.attributes), objects))
            names = list(map(self._names.good.__getitem__, map(tuple, attributes)))
            values = [tuple(one.values()) for one in attributes]
            if not (are_canonical(conversations) and are_canonical(participants)):
                return None
            texts = list(chain.from_iterable(values))
            # Joining fails where one is no text, and shows a NUL in any of them.
            if not all(texts) or "\0" in "".join(texts):
                return None
        except _NOT_ORDINARY:
            return None
        return rows_of(
            number, block.lines, self._source, conversations, participants, names, values
        )

    def _one_by_one(self, number: int, block: Block) -> Iterator[Row | InvalidRow]:
        for line, text in zip(block.lines, block.records, strict=True):
            row = self._quick(number, line, text)
            if row is None and is_blank(text):
                continue
            yield row or self.careful(number, line, text)
            number += 1

    def _quick(self, number: int, line: int, text: bytes) -> Row | None:
        """The row of an ordinary line, else None."""
        usual = self._usual
        if usual is None:
            return None
        try:
            value = orjson.loads(text)
            if len(value) != _FIELDS and tuple(value) != usual.all:
                return None
            ids = value[usual.conversation], value[usual.participant]
            attributes = value[usual.attributes]
            names = self._names.good[tuple(attributes)]
            values = tuple(attributes.values())
            if not (are_canonical(ids) and all(values)) or "\0" in "".join(values):
                return None
        except _NOT_ORDINARY:
            return None
        return new_row(Row, (number, line, self._source, *ids, names, values, None))

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
        return maker.careful(number, line, list(value.values()))

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
            self._usual = self._fields(keys, mapping) or self._usual
            made = RowMaker(mapping, self._options, source=self._source, names=self._names)
        if keepable(keys, self._layouts):
            self._layouts[keys] = made
        return made

    def _fields(self, keys: tuple[str, ...], mapping: Mapping) -> _Fields | None:
        at = mapping.object_at
        if at is None or not mapping.is_object_only or self._options.constants:
            return None
        return _Fields(keys[mapping.conversation], keys[mapping.participant], keys[at], keys)


_FIELDS = 3
"""An object with no more keys than it needs has always the same ones, in whatever order."""
_NOT_ORDINARY = (ValueError, TypeError, KeyError, AttributeError)
