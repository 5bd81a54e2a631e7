"""Row properties: what a row says of itself beside its change: id, priority and deadline. Pure."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.errors import SettingsError
from batchpatch.formats.exact_json import NumberText
from batchpatch.model import RowContext
from batchpatch.options.fields import PROPERTIES, normalized
from batchpatch.options.spelling import LONGEST_S, parse_duration
from batchpatch.reading import row_errors
from batchpatch.reading.records import is_empty
from batchpatch.reading.values import UnsendableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from batchpatch.options.read import ReadOptions

USES = {
    "id": "id of the row, for its result",
    "priority": "priority of the row: high or normal",
    "deadline": "deadline of the row",
}
"""What each is for, in words for `check`."""

_MOST_DURATION_CHARS = 100
_NORMAL, _HIGH = "normal", "high"
_NOTHING = RowContext()
_BEFORE = RowContext._fields.index("id")
_BEHIND = RowContext._fields.index("deadline_s") + 1
_new_context: Callable[[type[RowContext], tuple[Any, ...]], RowContext] = tuple.__new__


class PropertyColumns(NamedTuple):
    """The columns of row properties: positions, or keys of an object; None where there is none."""

    id: int | str | None = None
    priority: int | str | None = None
    deadline: int | str | None = None


def usual_keys(options: ReadOptions) -> frozenset[str]:
    """The properties that a key of JSON is taken for by its name alone.

    A column of a CSV never is: a table often has an `id` that means something else.
    """
    if options.all_columns:
        return frozenset()
    asked = map(normalized, (*options.attributes, *options.columns.values()))
    return frozenset(PROPERTIES) - options.columns.keys() - set(asked)


class RowProperties:
    """Adds what records say of themselves to the contexts of their rows."""

    def __init__(self, columns: PropertyColumns, *, deadline_s: float | None) -> None:
        """`deadline_s` is that of rows that name none."""
        self._columns = columns
        self._deadline_s = deadline_s

    @classmethod
    def of(cls, columns: PropertyColumns, *, deadline_s: float | None) -> RowProperties | None:
        """None where no record has any, which costs nothing then."""
        if deadline_s is None and columns == (None, None, None):
            return None
        return cls(columns, deadline_s=deadline_s)

    def id(self, cells: Any) -> str | None:
        """What the sender calls the row.

        Raises:
            UnsendableError: it is neither text nor a number.
        """
        at = self._columns.id
        return None if at is None else id_of(cells[at])

    def context(self, cells: Any, context: RowContext | None) -> RowContext | None:
        """The context of a row, with what its record says; None where that is nothing.

        Raises:
            UnsendableError: it says something that cannot be understood.
        """
        at_id, at_priority, at_deadline = self._columns
        name = None if at_id is None else id_of(cells[at_id])
        urgent = at_priority is not None and _is_urgent(cells[at_priority])
        own_s = None if at_deadline is None else _deadline_of(cells[at_deadline])
        deadline_s = self._deadline_s if own_s is None else own_s
        if name is None:
            if not urgent and deadline_s is None:
                return context
            if context is None:
                return _shared(urgent=urgent, deadline_s=deadline_s)
        base = _NOTHING if context is None else context
        said = (name, urgent, deadline_s)
        return _new_context(RowContext, (*base[:_BEFORE], *said, *base[_BEHIND:]))

    def contexts(
        self, records: Sequence[Any], contexts: Iterable[RowContext | None]
    ) -> list[RowContext | None] | None:
        """The same of many; None where one of them is for the slow path to judge."""
        try:
            return list(map(self.context, records, contexts))
        except UnsendableError:
            return None


@lru_cache(maxsize=1000)
def _shared(*, urgent: bool, deadline_s: float | None) -> RowContext:
    return RowContext(urgent=urgent, deadline_s=deadline_s)


def id_of(cell: object) -> str | None:
    """The text of an id; a number's digits are those of the file.

    Raises:
        UnsendableError: it is something else, or a number whose digits cannot be known from here.
    """
    if isinstance(cell, str):
        if len(cell) > row_errors.MOST_ID_CHARS:
            raise UnsendableError(row_errors.BAD_ID)
        return str(cell) if cell.strip() else None
    if cell is None:
        return None
    if type(cell) is int and cell:  # 0 may have been written as -0
        return str(cell)
    raise UnsendableError(row_errors.BAD_ID)


def id_in(value: Mapping[str, Any], options: ReadOptions) -> str | None:
    """What the sender calls the row of an object that cannot be understood otherwise."""
    key = options.columns.get("id") or ("id" if "id" in usual_keys(options) else None)
    with suppress(UnsendableError):
        return None if key is None else id_of(value.get(key))
    return None


def _is_urgent(cell: object) -> bool:
    if is_empty(cell):
        return False
    word = cell.strip().lower() if isinstance(cell, str) else ""
    if word not in (_NORMAL, _HIGH):
        raise UnsendableError(row_errors.BAD_PRIORITY)
    return word == _HIGH


def _deadline_of(cell: object) -> float | None:
    """Seconds; a number says them itself, a text is a duration as flags take it."""
    if is_empty(cell):
        return None
    if isinstance(cell, NumberText) or type(cell) in (int, float):
        found_s: float | None = float(cell)  # type: ignore[arg-type]
    else:
        short = isinstance(cell, str) and len(cell) <= _MOST_DURATION_CHARS
        found_s = _duration_s(str(cell)) if short else None
    if found_s is None or not 0 <= found_s <= LONGEST_S:
        raise UnsendableError(row_errors.BAD_DEADLINE)
    return found_s


@lru_cache(maxsize=1000)
def _duration_s(text: str) -> float | None:
    try:
        return parse_duration(text, flag="deadline")
    except SettingsError:
        return None
