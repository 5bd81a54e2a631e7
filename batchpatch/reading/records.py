"""Records, as readers hand them to row makers, and what their cells say, of whom too. Pure."""

from __future__ import annotations

from contextlib import suppress
from itertools import count, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.formats.exact_json import NumberText, load_exactly
from batchpatch.formats.skips import parse_skips
from batchpatch.model import Criterion, Row, RowContext
from batchpatch.options.fields import (
    SELECTOR_ORDER,
    SELECTOR_WORDS,
    SelectorField,
    bare,
    canonical_value,
)
from batchpatch.reading import row_errors
from batchpatch.reading.dialect import LINE_BREAK
from batchpatch.reading.id_errors import shortened_selector
from batchpatch.reading.joins import misfit
from batchpatch.reading.json_objects import why_no_object
from batchpatch.reading.odd_values import is_shortened
from batchpatch.reading.values import UnsendableError, keepable
from batchpatch.writes.columns import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from batchpatch.model import InvalidRow, Skips
    from batchpatch.writes.kind import WriteKind


class Block(NamedTuple):
    """Some records in input order; many at a time, because one by one costs too much."""

    lines: Sequence[int]
    """Physical line on which each begins."""
    records: Sequence[Any]
    """Cells of a CSV record, or a `RowError`; the text of a JSON one. Blank ones are here too."""
    plain: bool = True
    """False where a NUL character may be in a cell."""
    values: Sequence[Any] | None = None
    """What JSON records parse to, where that was needed to tell them apart."""
    suspect: bool = False
    """A number that a spreadsheet has cut short, or a quoted text, may be in a cell."""
    large: bool = False
    """A record may hold more than a participant should."""


_MOST_DIGITS = 18
"""Of the number of a row."""
_NO_CONTEXT = RowContext()


def column_getter(positions: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """Takes the cells at these positions out of a record."""
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda cells: tuple(cells[position] for position in positions)


def is_empty(cell: object) -> bool:
    """True for JSON's null and a cell that is empty, or where nobody sees anything."""
    return cell is None or (isinstance(cell, str) and not bare(cell))


def refuse_ragged(cells: Sequence[str], width: int, line: int) -> None:
    """Surplus cells that are all empty are only delimiters at the end of the line.

    Raises:
        UnsendableError: cells are missing, or are too many.
    """
    if len(cells) < width or any(cells[width:]):
        last = line + sum(len(LINE_BREAK.findall(cell)) for cell in cells)
        escaped = len(cells) > width and any(cell.endswith("\\") for cell in cells[:-1])
        joined = misfit(cells, width) if last == line and not escaped else None
        ragged = row_errors.ragged(len(cells), width, line, last, escaped=escaped)
        raise UnsendableError(joined or ragged)


class UnusableCell(str):
    """The text of a cell from which nothing may be sent, with the reason."""

    __slots__ = ("error",)
    error: row_errors.RowError

    @classmethod
    def of(cls, text: str, error: row_errors.RowError) -> UnusableCell:
        """A cell that shows this text."""
        made = cls(text)
        made.error = error
        return made


def refuse_unusable(cells: Sequence[str], used: Sequence[int]) -> None:
    """Cells without a use may be what they are.

    Raises:
        UnsendableError: one that matters is a cell from which nothing may be sent.
    """
    for position in used:
        cell = cells[position]
        if isinstance(cell, UnusableCell):
            raise UnsendableError(cell.error)


def members_in(cell: object, kind: WriteKind) -> dict[str, Any]:
    """Names and values of one cell: an object in JSONL, its JSON text in CSV.

    Raises:
        UnsendableError: it is something else, and none that this kind of write knows.
    """
    if is_empty(cell):
        return {}
    given = cell
    if isinstance(cell, str):
        with suppress(ValueError):
            found = load_exactly(bare(cell).encode())
            if found is None:
                return {}
            given = found if isinstance(found, dict) else cell
    try:
        return kind.members(given)
    except RefusedError as refused:
        error = unsendable(refused).row_error
        hint = why_no_object(cell) if isinstance(cell, str) and given is cell else ""
        raise UnsendableError(error._replace(hint=hint or error.hint)) from None


def unsendable(refused: RefusedError) -> UnsendableError:
    """What a kind of write refuses, as an error of the row."""
    return UnsendableError(row_errors.RowError(refused.code, refused.message, refused.hint))


def skips_in(cell: object) -> Skips:
    """What `batchpatch_skip` says must not be written.

    Raises:
        UnsendableError: it says nothing that can be understood.
    """
    try:
        return parse_skips(_with_integers(cell))
    except ValueError:
        raise UnsendableError(row_errors.bad_skip()) from None


def origin_in(cells: Sequence[Any], at: int | None) -> str:
    """What `batchpatch_row` says; empty where there is no such column, or no text in it."""
    cell = cells[at] if at is not None and at < len(cells) else ""
    return cell if isinstance(cell, str) else ""


def with_origin(row: Row, origin: str) -> Row:
    """The row, and where it has failed before."""
    return row._replace(context=(row.context or _NO_CONTEXT)._replace(origin=origin))


def _with_integers(value: object, depth: int = 2) -> object:
    """JSON whose numbers are numbers again, as deep as skips go: names of rows, by participant."""
    if isinstance(value, NumberText):
        return int(value) if value.isdecimal() and len(value) <= _MOST_DIGITS else value
    if isinstance(value, dict) and depth:
        return {key: _with_integers(inner, depth - 1) for key, inner in value.items()}
    return value


class SelectorColumn(NamedTuple):
    """A column that says who is meant."""

    field: SelectorField
    attribute: str
    """For `match`, else empty."""
    position: int


class Selectors:
    """Who the rows of one input are about, as far as they have no participant id.

    Criteria come in a fixed order, whatever that of the columns, and each of them once; rows that
    say the same share one context.
    """

    def __init__(
        self, columns: Iterable[SelectorColumn], usual: tuple[Criterion, ...], *, has_id: bool
    ) -> None:
        """`usual` is who is meant where a row says nothing; empty where that makes it invalid."""
        self._columns = sorted(columns, key=lambda one: (SELECTOR_ORDER.index(one.field), one[1:]))
        self._usual = RowContext(selector=usual) if usual else None
        self._has_id = has_id
        self._cells_of = column_getter([column.position for column in self._columns])
        self._known: dict[tuple[str, ...], RowContext] = {}
        """By the cells that were met, some of them."""

    def context(self, cells: Sequence[Any]) -> RowContext:
        """What a record says.

        Raises:
            UnsendableError: it says nothing, or something that is no text.
        """
        found = [_criterion(column, cells[column.position]) for column in self._columns]
        selector = tuple(dict.fromkeys(filter(None, found)))
        context = RowContext(selector=selector) if selector else self._usual
        if context is None:
            error = row_errors.missing_participant(SELECTOR_WORDS, has_id=self._has_id)
            raise UnsendableError(error)
        return context

    def fast_path(self, cells: Sequence[str]) -> RowContext | None:
        """The same of a record that is text alone; None where it would raise."""
        key = self._cells_of(cells)
        context = self._known.get(key)
        if context is None:
            try:
                context = self.context(cells)
            except UnsendableError:
                return None
            if keepable(key, self._known):
                self._known[key] = context
        return context

    def vectorised(self, records: Sequence[Sequence[str]]) -> list[RowContext] | None:
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
    value = canonical_value(column.field, str(cell))
    if column.field != "match" and is_shortened(value):
        raise UnsendableError(shortened_selector(column.field, value))
    return Criterion(column.field, value, column.attribute) if value else None


new_row: Callable[[type[Row], tuple[Any, ...]], Row] = tuple.__new__
"""Past NamedTuple's own `__new__`, which costs as much as all else about a row."""


class Columns(NamedTuple):
    """What ordinary records say, column by column; some columns never end."""

    conversations: Sequence[str]
    names: Iterable[tuple[str, ...]]
    values: Sequence[tuple[str, ...]]
    participants: Iterable[str]
    contexts: Iterable[RowContext | None]


def rows_of(
    number: int,
    lines: Sequence[int],
    source: int,
    conversations: Iterable[str],
    names: Iterable[tuple[str, ...]],
    values: Iterable[tuple[str, ...]],
    participants: Iterable[str],
    contexts: Iterable[RowContext | None],
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
        contexts,
        strict=False,  # some of them never end
    )
    return list(map(new_row, repeat(Row), fields))
