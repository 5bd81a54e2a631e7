"""Record + mapping -> `Row` or `InvalidRow`. Pure, and the hottest code of the reading room.

There are three ways to a row, each for what the one before leaves, and they agree. A block whose
records are all ordinary becomes rows column by column, without a step of Python for each row. Else
each record that is ordinary takes the quick way, and the others the careful one.
"""

from __future__ import annotations

import re
from itertools import chain, compress, count, islice, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from batchpatch.model import InvalidRow, Row
from batchpatch.reading import faults
from batchpatch.reading.csv_records import is_blank
from batchpatch.reading.faults import Fault
from batchpatch.reading.ids import are_canonical, canonical_uuid
from batchpatch.reading.names import Names
from batchpatch.reading.values import UnsendableError, load_exactly, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from batchpatch.reading.block import Block
    from batchpatch.reading.mapping import Mapping
    from batchpatch.reading.options import ReadOptions

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class RowMaker:
    """Makes rows of the records of one input, all understood by one mapping."""

    def __init__(
        self,
        mapping: Mapping,
        options: ReadOptions,
        *,
        source: int,
        names: Names | None = None,
    ) -> None:
        self._mapping = mapping
        self._options = options
        self._source = source
        self._constants = dict(options.constants)
        self._names = names or Names(options.only_keys, {})
        self._own_names = mapping.names + tuple(self._constants)
        self._values_of = _taker(mapping.positions)
        self._plain = (
            mapping.is_plain
            and "" not in self._constants.values()
            and self._names.fault(self._own_names) is None
        )

    def rows(self, number: int, block: Block) -> list[Row | InvalidRow]:
        """The rows of a block, the first of them with this number; blank records make none."""
        plain = self._plain and block.plain
        made = self._all_at_once(number, block) if plain else None
        return list(self._one_by_one(number, block, plain=plain)) if made is None else made

    def _all_at_once(self, number: int, block: Block) -> list[Row | InvalidRow] | None:
        """Column by column; None where a record is not ordinary."""
        mapping, records = self._mapping, block.records
        if set(map(len, records)) != {mapping.width}:
            return None
        conversations = list(map(itemgetter(mapping.conversation), records))
        participants = list(map(itemgetter(mapping.participant), records))
        columns = [map(itemgetter(position), records) for position in mapping.positions]
        constants = map(repeat, self._constants.values())
        values = list(islice(zip(*columns, *constants, strict=False), len(records)))
        if self._options.empty == "leave" and not all(chain.from_iterable(values)):
            return None
        if not (are_canonical(conversations) and are_canonical(participants)):
            return None
        names = repeat(self._own_names)
        return rows_of(
            number, block.lines, self._source, conversations, participants, names, values
        )

    def _one_by_one(self, number: int, block: Block, *, plain: bool) -> Iterator[Row | InvalidRow]:
        for line, record in zip(block.lines, block.records, strict=True):
            row = self._quick(number, line, record) if plain else None
            if row is None and is_blank(record):
                continue
            yield row or self.careful(number, line, record)
            number += 1

    def _quick(self, number: int, line: int, cells: Sequence[str]) -> Row | None:
        """The row of an ordinary record, some of whose cells may be empty; else None."""
        mapping = self._mapping
        if len(cells) != mapping.width:
            return None
        ids = cells[mapping.conversation], cells[mapping.participant]
        if not are_canonical(ids):
            return None
        names, values = self._own_names, self._values_of(cells)
        values += tuple(self._constants.values())
        if "" in values and self._options.empty == "leave":
            known = self._names.good.get(tuple(compress(names, values)))
            if known is None:
                return None
            names, values = known, tuple(filter(None, values))
        return new_row(Row, (number, line, self._source, *ids, names, values, None))

    def careful(self, number: int, line: int, cells: Sequence[Any]) -> Row | InvalidRow:
        """The row, or what is wrong with it; any record gets an answer."""
        mapping = self._mapping
        ids: list[str | None] = [None, None]
        if isinstance(cells, Fault):
            return InvalidRow(number, line, self._source, *cells)
        try:
            if len(cells) != mapping.width:
                _refuse_ragged(cells, mapping.width, line)
            given = cells[mapping.conversation], cells[mapping.participant]
            ids = [canonical_uuid(text) if isinstance(text, str) else None for text in given]
            conversation, participant = _both(ids, given)
            wanted = self._wanted(cells)
            names = self._names.shared(tuple(wanted))
        except UnsendableError as unsendable:
            return InvalidRow(number, line, self._source, *unsendable.fault, *ids)
        values = tuple(wanted.values())
        return Row(number, line, self._source, conversation, participant, names, values)

    def _wanted(self, cells: Sequence[Any]) -> dict[str, str]:
        """The attributes to send; later columns win over earlier ways to name an attribute."""
        mapping = self._mapping
        wanted: dict[str, str] = {}
        for name, value in self._given(cells):
            text = text_of(name, value, empty=self._options.empty, nested=self._options.nested)
            if text is not None:
                wanted[name] = text
        wanted.update(self._constants)
        if mapping.skip_at is not None:
            for name in _skipped(cells[mapping.skip_at]):
                wanted.pop(name, None)
        return wanted

    def _given(self, cells: Sequence[Any]) -> list[tuple[str, Any]]:
        mapping = self._mapping
        given: list[tuple[str, Any]] = []
        if mapping.object_at is not None:
            given.extend(_object(cells[mapping.object_at]).items())
        if mapping.pair_at is not None:
            key, value = (cells[position] for position in mapping.pair_at)
            if not isinstance(key, str) or not key.strip():
                raise UnsendableError(faults.KEY_WITHOUT_NAME)
            given.append((str(key), value))
        given.extend((n, cells[p]) for n, p in zip(mapping.names, mapping.positions, strict=True))
        return given


new_row: Callable[[type[Row], tuple[Any, ...]], Row] = tuple.__new__
"""Past NamedTuple's own `__new__`, which costs as much as all else about a row."""


def rows_of(
    number: int,
    lines: Sequence[int],
    source: int,
    conversations: Iterable[str],
    participants: Iterable[str],
    names: Iterable[tuple[str, ...]],
    values: Iterable[tuple[str, ...]],
) -> list[Row | InvalidRow]:
    """Rows of whole columns, the first of them with this number."""
    fields = zip(
        count(number),
        lines,
        repeat(source),
        conversations,
        participants,
        names,
        values,
        repeat(None),
        strict=False,  # three of them never end
    )
    return list(map(new_row, repeat(Row), fields))


def _taker(positions: tuple[int, ...]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda cells: tuple(cells[position] for position in positions)


def _refuse_ragged(cells: Sequence[str], width: int, line: int) -> None:
    """Surplus cells that are all empty are only delimiters at the end of the line."""
    if len(cells) < width or any(cells[width:]):
        last = line + sum(len(_LINE_BREAK.findall(cell)) for cell in cells)
        raise UnsendableError(faults.ragged(len(cells), width, line, last))


def _both(found: Sequence[str | None], given: Sequence[object]) -> tuple[str, str]:
    conversation, participant = found
    if conversation is None:
        raise UnsendableError(faults.bad_id("conversation", empty=given[0] in (None, "")))
    if participant is None:
        raise UnsendableError(faults.bad_id("participant", empty=given[1] in (None, "")))
    return conversation, participant


def _object(cell: object) -> dict[str, Any]:
    """The attributes of one cell: an object in JSONL, its JSON text in CSV."""
    if isinstance(cell, dict):
        return cell
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return {}
    if isinstance(cell, str):
        try:
            found = load_exactly(cell.encode())
        except ValueError:
            raise UnsendableError(faults.BAD_ATTRIBUTES) from None
        if isinstance(found, dict):
            return found
    raise UnsendableError(faults.BAD_ATTRIBUTES)


def _skipped(cell: object) -> list[str]:
    """`batchpatch_skip`: names joined by `;`, or a JSON array where a name holds that."""
    names: object = cell or []
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        try:
            names = orjson.loads(cell)
        except ValueError:
            names = None
    elif isinstance(cell, str):
        names = [name.strip() for name in cell.split(";") if name.strip()]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UnsendableError(faults.bad_skip())
    return names
