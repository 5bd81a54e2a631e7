"""The row maker: record + mapping -> `Row` or `InvalidRow`. Pure, and the hottest code of reading.

There are three ways to a row, each for what the one before leaves, and they agree. A block whose
records are all ordinary becomes rows column by column, without a step of Python for each row. Else
each record that is ordinary takes the fast path, and the others the slow one.
"""

from __future__ import annotations

from itertools import chain, compress, islice, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from batchpatch.formats.skips import without_skipped
from batchpatch.model import InvalidRow, Row
from batchpatch.options.fields import are_canonical, canonical_uuid
from batchpatch.reading.dialect import Dialect
from batchpatch.reading.mended import refuse_unmended
from batchpatch.reading.odd_values import OddValues, any_odd, any_suspect
from batchpatch.reading.records import (
    Columns,
    Selectors,
    column_getter,
    is_empty,
    new_row,
    origin_in,
    refuse_ragged,
    rows_of,
    skips_in,
    with_origin,
)
from batchpatch.reading.row_contexts import checked_id, planned_context
from batchpatch.reading.row_errors import RowError
from batchpatch.reading.row_properties import RowProperties
from batchpatch.reading.rules import listed_by
from batchpatch.reading.tables import Table
from batchpatch.reading.values import Names, UnsendableError
from batchpatch.reading.wanted_values import WantedValues
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Mapping as Dict

    from batchpatch.model import RowContext
    from batchpatch.options.read import ReadOptions
    from batchpatch.reading.mapping import Mapping
    from batchpatch.reading.records import Block
    from batchpatch.reading.rules import Rules


class RowMaker:
    """Makes rows of the records of one input, all understood by one mapping."""

    def __init__(
        self,
        mapping: Mapping,
        options: ReadOptions,
        *,
        source: int,
        names: Names | None = None,
        is_json: bool = False,
        table: Table | None = None,
        rules: Rules | None = None,
    ) -> None:
        """`is_json`: the cells are values of JSON, not the texts of a CSV.

        `table`: of a CSV, what its records are held against. `rules`: for its values.
        """
        self._rules = rules
        self._table = table or Table([], Dialect(","), name="")
        self._nulls = frozenset(options.null)
        self.odd = OddValues()
        """Values about which there is something to say."""
        self._mapping = mapping
        self._wanted = WantedValues(mapping, options, is_json=is_json)
        self._leaves_empty = options.empty == "leave"
        self._source = source
        self._constants = dict(options.constants)
        self._kind = find_kind(options.write)
        self._names = names or Names.of(options, {}, listed=listed_by(rules))
        self._own_names = mapping.names + tuple(self._constants)
        self._values_of = column_getter(mapping.positions)
        self._selectors = Selectors(
            mapping.selectors, options.participant, has_id=mapping.participant is not None
        )
        self._properties = RowProperties.of(mapping.properties, deadline_s=options.deadline_s)
        self._plain = (
            mapping.is_plain
            and self._kind.plain
            and not self._table.keeps_text
            and "" not in self._constants.values()
            and self._names.row_error(self._own_names) is None
        )

    def rows(self, number: int, block: Block) -> list[Row | InvalidRow]:
        """The rows of a block, the first of them with this number; blank records make none.

        Nothing behind the header of another table is one: see `Table.refusal`.
        """
        return self._made(number, block, self._columns(block))

    def count(self, number: int, block: Block) -> int:
        """How many rows a block makes; the same is noticed of them, but mostly none is made."""
        columns = self._columns(block)
        if columns is None or block.large:
            return len(self._made(number, block, columns))
        return len(block.records)

    def _made(self, number: int, block: Block, columns: Columns | None) -> list[Row | InvalidRow]:
        if columns is None:
            made = self._one_by_one(number, block)
        else:
            made = rows_of(number, block.lines, self._source, *columns)
        if block.large:
            self.odd.look_for_large(made)
        return made

    def _columns(self, block: Block) -> Columns | None:
        """What the records say, column by column; None where they cannot be taken all at once."""
        if not (self._plain and block.plain):
            return None
        columns = self._ordinary_columns(block)
        if columns is not None and self._table.is_watchful:
            self._table.row_came()
        return None if self._table.refusal else columns

    def _ordinary_columns(self, block: Block) -> Columns | None:
        """None where a record is not ordinary."""
        mapping, records = self._mapping, block.records
        if set(map(len, records)) != {mapping.width}:
            return None
        if self._nulls and not self._nulls.isdisjoint(chain.from_iterable(records)):
            return None
        if (who := self._all_participants(records)) is None:
            return None
        conversations = list(map(itemgetter(mapping.conversation), records))
        values = self._all_values(records)
        if not are_canonical(conversations):
            return None
        if self._rules is not None and not self._rules.fit(self._own_names, values):
            return None
        odd = any_odd(values)
        if odd and self._leaves_empty and not all(chain.from_iterable(values)):
            return None
        suspect = block.suspect and any_suspect(values)
        if odd or suspect:
            self._look_at_all(values, suspect=suspect)
        return Columns(conversations, repeat(self._own_names), values, *who)

    def _look_at_all(self, rows: Sequence[tuple[str, ...]], *, suspect: bool) -> None:
        for values in rows:
            self.odd.look_at(self._mapping.names, values, suspect=suspect)

    def _all_values(self, records: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
        """Of each record, what it would set."""
        positions, constants = self._mapping.positions, self._constants.values()
        if len(positions) > 1 and not constants:
            return list(map(self._values_of, records))
        columns = [map(itemgetter(position), records) for position in positions]
        rows = zip(*columns, *map(repeat, constants), strict=False)
        return list(islice(rows, len(records)))

    def _all_participants(
        self, records: Sequence[Sequence[str]]
    ) -> tuple[Iterable[str], Iterable[RowContext | None]] | None:
        """Who all of them are about: ids and contexts; None where one is not ordinary."""
        at = self._mapping.participant
        ids: Iterable[str] = repeat("")
        contexts: Iterable[RowContext | None] | None = repeat(None)
        if at is None:
            contexts = self._selectors.vectorised(records)
        else:
            ids = known = list(map(itemgetter(at), records))
            contexts = contexts if are_canonical(known) else None
        if contexts is not None and self._properties is not None:
            contexts = self._properties.contexts(records, contexts)
        return None if contexts is None else (ids, contexts)

    def _one_by_one(self, number: int, block: Block) -> list[Row | InvalidRow]:
        table, plain = self._table, self._plain and block.plain
        made: list[Row | InvalidRow] = []
        for line, record in zip(block.lines, block.records, strict=True):
            row: Row | InvalidRow | None = self._quick(number, line, record) if plain else None
            if row is None:
                if table.passes_over(line, record):
                    continue
                row = self.slow_path(number, line, record)
                table.watch(line, record, row)
            elif table.is_watchful:
                table.row_came()
            if table.refusal is not None:
                break
            made.append(row)
            number += 1
        self.odd.look_through(made, constants=len(self._constants), suspect=block.suspect)
        return made

    def _quick(self, number: int, line: int, cells: Sequence[str]) -> Row | None:
        """The row of an ordinary record, some of whose cells may be empty; else None."""
        mapping = self._mapping
        if len(cells) != mapping.width or not self._nulls.isdisjoint(cells):
            return None
        at = mapping.participant
        ids = cells[mapping.conversation], "" if at is None else cells[at]
        context = None if ids[1] else self._selectors.fast_path(cells)
        if not are_canonical(ids if context is None else ids[:1]):
            return None
        if self._properties is not None:
            known = self._properties.contexts([cells], [context])
            if known is None:
                return None
            (context,) = known
        names, values = self._own_names, self._values_of(cells)
        values += tuple(self._constants.values())
        if "" in values and self._leaves_empty:
            some = self._names.good.get(tuple(compress(names, values)))
            if some is None:
                return None
            names, values = some, tuple(filter(None, values))
        if self._rules is not None and not self._rules.fit(names, [values]):
            return None
        return new_row(Row, (number, line, self._source, *ids, names, values, context))

    def slow_path(
        self, number: int, line: int, cells: Sequence[Any], *, plan: Dict[str, Any] | None = None
    ) -> Row | InvalidRow:
        """The row, or what is wrong with it; any record gets an answer.

        `plan`: the object whose values these are, where it is the line of a plan.
        """
        mapping = self._mapping
        ids: list[str | None] = [None, None]
        properties, name = self._properties, None
        if isinstance(cells, RowError):
            return InvalidRow(number, line, self._source, *cells)
        origin = origin_in(cells, mapping.origin_at)
        try:
            cells = self._table.restored(line, cells)
            refuse_ragged(cells, mapping.width, line)
            refuse_unmended(cells, mapping)
            cells = self._wanted.without_nulls(cells)
            at = mapping.participant
            given = cells[mapping.conversation], None if at is None else cells[at]
            ids = [canonical_uuid(text) if isinstance(text, str) else None for text in given]
            name = properties.id(cells) if properties else None
            conversation = checked_id("conversation", ids[0], given[0])
            participant = "" if is_empty(given[1]) else checked_id("participant", ids[1], given[1])
            context = None if participant else self._selectors.context(cells)
            if plan is not None:
                context = planned_context(context, plan)
            if properties is not None:
                context = properties.context(cells, context)
            wanted = self._wanted.of(cells, planned=plan is not None)
            if self._rules is not None:
                wanted = self._rules.applied(wanted, line, complete=plan is None)
            names = self._names.shared(tuple(wanted))
            skips = None if mapping.skip_at is None else skips_in(cells[mapping.skip_at])
        except UnsendableError as error:
            return InvalidRow(number, line, self._source, *error.row_error, ids[0], ids[1], id=name)
        values = tuple(wanted.values())
        row = Row(number, line, self._source, conversation, participant, names, values, context)
        row = with_origin(row, origin) if origin else row
        return without_skipped(row, skips, whole=self._kind.whole) if skips else row
