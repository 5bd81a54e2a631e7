"""The row maker of JSON: object -> `Row` or `InvalidRow`. Pure; three ways, as in `rows`."""

from __future__ import annotations

from itertools import islice, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.errors import InputError
from batchpatch.formats.plan_line import is_plan, may_be_plan
from batchpatch.model import InvalidRow, Row, RowContext
from batchpatch.options.fields import are_canonical
from batchpatch.reading.header_problems import HeaderError
from batchpatch.reading.json_framing import is_blank
from batchpatch.reading.json_objects import object_of, parsed, sample_of
from batchpatch.reading.mapping import Mapping, map_columns
from batchpatch.reading.odd_values import MOST_BYTES, OddValues, any_null, may_hold_json_suspects
from batchpatch.reading.records import Block, Columns, new_row, rows_of
from batchpatch.reading.row_errors import RowError
from batchpatch.reading.row_properties import PropertyColumns, RowProperties, id_in
from batchpatch.reading.rows import RowMaker
from batchpatch.reading.rules import listed_by
from batchpatch.reading.value_texts import texts_of
from batchpatch.reading.values import Names, keepable
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Mapping as Dict

    from batchpatch.options.read import ReadOptions
    from batchpatch.reading.rules import Rules


class _Fields(NamedTuple):
    """The keys that matter of an object whose attributes are one object, and all that it has."""

    ids: tuple[str, ...]
    """Conversation and participant; the first alone where the options say who is meant."""
    attributes: str
    all: tuple[str, ...]
    properties: RowProperties | None = None

    @property
    def enough(self) -> int:
        """An object with no more keys than this has always these, in whatever order."""
        return len(self.ids) + 1


class LineMaker:
    """Makes rows of the lines of one input; as `RowMaker`, with JSON texts as the records."""

    def __init__(
        self,
        options: ReadOptions,
        *,
        source: int,
        notices: dict[str, str] | None = None,
        rules: Rules | None = None,
    ) -> None:
        self.first_mapping: Mapping | None = None
        """How the keys of the first understandable line were understood."""
        self._options = options
        self._source = source
        self._kind = find_kind(options.write)
        self._rules = rules
        told = {} if notices is None else notices
        self._names = Names.of(options, told, listed=listed_by(rules))
        self._layouts: dict[tuple[bool, tuple[str, ...]], RowMaker | RowError] = {}
        """By whether it is a plan, and the keys."""
        self._context = RowContext(selector=options.participant) if options.participant else None
        self.odd = OddValues()
        """Values about which there is something to say."""
        self._usual: _Fields | None = None
        """Of the objects met last that can take the fast path."""
        self._shapes: dict[tuple[str, ...], _Fields] = {}
        """Of all of them, by their keys."""

    def rows(self, number: int, block: Block) -> list[Row | InvalidRow]:
        """The rows of a block, the first of them with this number; blank lines make none."""
        return self._made(number, block, self._columns(block))

    def count(self, number: int, block: Block) -> int:
        """How many rows a block makes; the same is noticed of them, but mostly none is made."""
        columns = self._columns(block)
        if _is_large(block) or _may_be_odd(columns, suspect=_is_suspect(block)):
            return len(self._made(number, block, columns))
        return len(block.records)

    def _made(self, number: int, block: Block, columns: Columns | None) -> list[Row | InvalidRow]:
        if columns is None:
            rows = list(self._one_by_one(number, block))
        else:
            rows = rows_of(number, block.lines, self._source, *columns)
        if _is_large(block):
            self.odd.look_for_large(rows)
        suspect = _is_suspect(block)
        if _may_be_odd(columns, suspect=suspect):
            constants = len(self._options.constants)
            self.odd.look_through(rows, constants=constants, suspect=suspect)
        return rows

    def _columns(self, block: Block) -> Columns | None:
        """What the lines say, column by column; None where one is not ordinary."""
        if self._usual is None or not block.records:
            return None
        try:
            objects = block.values or list(map(parsed, block.records))
            usual = self._shapes.get(tuple(objects[0]), self._usual)
            if set(map(len, objects)) != {len(usual.all)} or (
                len(usual.all) > usual.enough and set(map(tuple, objects)) != {usual.all}
            ):
                return None
            ids = [list(map(itemgetter(key), objects)) for key in usual.ids]
            if not all(map(are_canonical, ids)):
                return None
            attributes = list(map(itemgetter(usual.attributes), objects))
            names = self._names.all_good(list(map(tuple, attributes)))
            values = texts_of(attributes, block.records, objects)
            contexts = self._contexts(usual, objects)
        except _NOT_ORDINARY:
            return None
        if values is None or contexts is None or not self._fit(names, values):
            return None
        who = ids[1] if len(ids) > 1 else repeat("")
        return Columns(ids[0], names, values, who, contexts)

    def _shape(self, usual: _Fields, value: Any) -> _Fields | None:
        """What the keys of an object are; None where they cannot take the fast path."""
        if usual.properties is None and len(value) == usual.enough:
            return usual
        keys = tuple(value)
        return usual if keys == usual.all else self._shapes.get(keys)

    def _contexts(
        self, usual: _Fields, objects: Sequence[Any]
    ) -> Iterable[RowContext | None] | None:
        """Of objects of this shape; None where one of them is not ordinary."""
        contexts = repeat(self._context if len(usual.ids) == 1 else None)
        return usual.properties.contexts(objects, contexts) if usual.properties else contexts

    def _fit(self, names: Iterable[tuple[str, ...]], rows: list[tuple[str, ...]]) -> bool:
        """True where none of these rows, each with its names, breaks a rule."""
        return self._rules is None or self._rules.fit_each(names, rows)

    def _one_by_one(self, number: int, block: Block) -> Iterator[Row | InvalidRow]:
        values = block.values or repeat(_UNPARSED)
        for line, text, value in zip(block.lines, block.records, values, strict=False):
            row = self._quick(number, line, text, value)
            if row is None and is_blank(text):
                continue
            yield row or self.slow_path(number, line, text)
            number += 1

    def _quick(self, number: int, line: int, text: bytes, value: Any) -> Row | None:
        """The row of an ordinary line, else None; `value` is what it parses to, where known."""
        if self._usual is None:
            return None
        try:
            if value is _UNPARSED:
                value = parsed(text)
            usual = self._shape(self._usual, value)
            if usual is None:
                return None
            ids = [value[key] for key in usual.ids]
            attributes = value[usual.attributes]
            names = self._names.good[tuple(attributes)]
            (values,) = texts_of([attributes], [text], [value]) or (None,)
            contexts = self._contexts(usual, [value])
            if values is None or contexts is None or not are_canonical(ids):
                return None
            if not self._fit(repeat(names), [values]):
                return None
        except _NOT_ORDINARY:
            return None
        (context,) = islice(contexts, 1)
        participant = ids[1] if len(ids) > 1 else ""
        return new_row(
            Row, (number, line, self._source, ids[0], participant, names, values, context)
        )

    def slow_path(self, number: int, line: int, text: bytes) -> Row | InvalidRow:
        """The row, or what is wrong with the line; any bytes get an answer."""
        value = object_of(line, text)
        if isinstance(value, RowError):
            return InvalidRow(number, line, self._source, *value)
        plan = value if is_plan(value, self._kind.key) else None
        maker = self._maker(value, plan=plan is not None)
        if isinstance(maker, RowError):
            return InvalidRow(number, line, self._source, *maker, id=id_in(value, self._options))
        return maker.slow_path(number, line, list(value.values()), plan=plan)

    def _maker(self, value: Dict[str, Any], *, plan: bool) -> RowMaker | RowError:
        """What the keys of an object mean; one that lacks a needed one is an invalid row, no more.

        What it holds tells what else a key may mean.
        """
        keys = tuple(value)
        if (known := self._layouts.get((plan, keys))) is not None:
            return known
        made: RowMaker | RowError
        fields: _Fields | None = None
        try:
            sample = sample_of(value)
            mapping = map_columns(
                keys, self._options, name="this line", plan=plan, is_json=True, sample=sample
            )
        except InputError as error:
            made = _unmapped(error)
        else:
            self.first_mapping = self.first_mapping or mapping
            fields = self._fields(keys, mapping)
            self._usual = fields or self._usual
            made = RowMaker(
                mapping,
                self._options,
                source=self._source,
                names=self._names,
                is_json=True,
                rules=self._rules,
            )
        if keepable(keys, self._layouts):
            self._layouts[plan, keys] = made
            if fields is not None:
                self._shapes[keys] = fields
        return made

    def _fields(self, keys: tuple[str, ...], mapping: Mapping) -> _Fields | None:
        at = mapping.object_at
        if at is None or not (mapping.is_object_only and self._kind.plain):
            return None
        if self._options.constants or self._options.null:
            return None
        if may_be_plan(keys) or (mapping.participant is None and mapping.selectors):
            return None
        ids = [p for p in (mapping.conversation, mapping.participant) if p is not None]
        named = (None if p is None else keys[int(p)] for p in mapping.properties)
        properties = RowProperties.of(PropertyColumns(*named), deadline_s=self._options.deadline_s)
        return _Fields(tuple(keys[p] for p in ids), keys[at], keys, properties)


def _unmapped(error: InputError) -> RowError:
    """A JSONL line whose keys do not say what is meant, from what the mapping says of them."""
    # What is missing, then what to do.
    sentence = error.first if isinstance(error, HeaderError) else str(error)
    problem, _, advice = sentence.rstrip(".").partition(". " if ". " in sentence else ": ")
    advice = advice or "See --help for --map and --attributes"
    hint = f"{advice[0].upper()}{advice[1:]}."
    if isinstance(error, HeaderError) and error.lines and error.words not in hint:
        what = "all that" if error.words_suffice else "what else"
        hint += f" For {what} is missing, add {error.words}."
    return RowError("unmapped", f"{problem[0].lower()}{problem[1:]}", hint)


def _is_large(block: Block) -> bool:
    """True where a row may hold more than a participant should."""
    return bool(block.records) and max(map(len, block.records)) > MOST_BYTES


def _may_be_odd(columns: Columns | None, *, suspect: bool) -> bool:
    """False where there is nothing to say of any value."""
    return suspect or columns is None or any_null(columns.values)


def _is_suspect(block: Block) -> bool:
    return may_hold_json_suspects(b"".join(block.records))


_UNPARSED = object()
_NOT_ORDINARY = (ValueError, TypeError, KeyError, AttributeError)
