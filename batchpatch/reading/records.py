"""Records, as the readers hand them to the row makers, and what their cells say. Pure."""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.formats.skips import parse_skips
from batchpatch.reading import row_errors
from batchpatch.reading.values import UnsendableError, load_exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchpatch.model import Skips


class Block(NamedTuple):
    """Some records in input order; many at a time, because one by one costs too much."""

    lines: Sequence[int]
    """Physical line on which each begins."""
    records: Sequence[Any]
    """Cells of a CSV record, or a `Fault`; the text of a JSON one. Blank ones are among them."""
    plain: bool = True
    """False where a NUL character may be in a cell."""
    values: Sequence[Any] | None = None
    """What JSON records parse to, where that was needed to tell them apart."""


_LINE_BREAK = re.compile(r"\r\n|\r|\n")


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
        last = line + sum(len(_LINE_BREAK.findall(cell)) for cell in cells)
        raise UnsendableError(row_errors.ragged(len(cells), width, line, last))


def attributes_in(cell: object) -> dict[str, Any]:
    """The attributes of one cell: an object in JSONL, its JSON text in CSV.

    Raises:
        UnsendableError: it is something else.
    """
    if isinstance(cell, dict):
        return cell
    if is_empty(cell):
        return {}
    if isinstance(cell, str):
        try:
            found = load_exactly(cell.encode())
        except ValueError:
            raise UnsendableError(row_errors.BAD_ATTRIBUTES) from None
        if isinstance(found, dict):
            return found
    raise UnsendableError(row_errors.BAD_ATTRIBUTES)


def skips_in(cell: object) -> Skips:
    """What `batchpatch_skip` says must not be written.

    Raises:
        UnsendableError: it says nothing that can be understood.
    """
    try:
        return parse_skips(cell)
    except ValueError:
        raise UnsendableError(row_errors.bad_skip()) from None
