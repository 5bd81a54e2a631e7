"""Records, as the readers hand them to the row makers, and what their cells say. Pure."""

from __future__ import annotations

from contextlib import suppress
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.formats.skips import parse_skips
from batchpatch.reading import row_errors
from batchpatch.reading.swallowed import LINE_BREAK
from batchpatch.reading.values import NumberText, UnsendableError, load_exactly
from batchpatch.writes.kind import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchpatch.model import Skips
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
    powers: bool = False
    """A number that a spreadsheet has cut short may be in a cell."""


_MOST_DIGITS = 18
"""Of the number of a row."""


def taker(positions: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """Takes the cells at these positions out of a record."""
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda cells: tuple(cells[position] for position in positions)


def is_empty(cell: object) -> bool:
    """True for an empty or blank CSV cell and for JSON's null."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def refuse_ragged(cells: Sequence[str], width: int, line: int) -> None:
    """Surplus cells that are all empty are only delimiters at the end of the line.

    Raises:
        UnsendableError: cells are missing, or are too many.
    """
    if len(cells) < width or any(cells[width:]):
        last = line + sum(len(LINE_BREAK.findall(cell)) for cell in cells)
        escaped = len(cells) > width and any(cell.endswith("\\") for cell in cells[:-1])
        raise UnsendableError(row_errors.ragged(len(cells), width, line, last, escaped=escaped))


def members_in(cell: object, kind: WriteKind) -> dict[str, Any]:
    """Names and values of one cell: an object in JSONL, its JSON text in CSV.

    Raises:
        UnsendableError: it is something else, and none that this kind of write knows.
    """
    if is_empty(cell):
        return {}
    if isinstance(cell, str):
        with suppress(ValueError):
            found = load_exactly(cell.encode())
            cell = found if isinstance(found, dict) else cell
    try:
        return kind.members(cell)
    except RefusedError as refused:
        raise unsendable(refused) from None


def unsendable(refused: RefusedError) -> UnsendableError:
    """What a kind of write refuses, as a fault of the row."""
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


def _with_integers(value: object, depth: int = 2) -> object:
    """JSON whose numbers are numbers again, as deep as skips go: names of rows, by participant."""
    if isinstance(value, NumberText):
        return int(value) if value.isdecimal() and len(value) <= _MOST_DIGITS else value
    if isinstance(value, dict) and depth:
        return {key: _with_integers(inner, depth - 1) for key, inner in value.items()}
    return value
