"""Joins of files that do not fit: what begins within a line, or is divided otherwise. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.options.fields import ALIASES, canonical_uuid, normalized
from batchpatch.reading import row_errors
from batchpatch.reading.dialect import LINE_BREAK
from batchpatch.reading.row_errors import UnreadRecordError
from batchpatch.reading.separators import SEPARATORS
from batchpatch.writes.registry import is_known_column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchpatch.reading.dialect import Dialect
    from batchpatch.reading.row_errors import RowError


_ID_NAMES = {name for names in ALIASES.values() for name in names}


def lines_of(record: Sequence[str] | RowError, dialect: Dialect) -> Iterator[Sequence[str]]:
    """The cells of each line of a record that could not be read; of any other, its own."""
    if isinstance(record, UnreadRecordError):
        for line in LINE_BREAK.split(record.text):
            yield dialect.lenient([line])
    else:
        yield record


def joined_header(cells: Sequence[str], header: Sequence[str], id_names: set[str]) -> Sequence[str]:
    """The header that begins in the last cell of a record and goes on behind it; else nothing.

    One of its columns is that of an id, and another one is known too: text has such words as well.
    Where blanks come before cells, as in a text that should stand in quotes, all must be known.

    Args:
        cells: of a line.
        header: of the table, each of whose records has so many.
        id_names: what the columns of ids are called, normalized.
    """
    if len(cells) <= len(header):
        return ()
    tail = [cell.rstrip('"') for cell in cells[len(header) - 1 :]]
    first, *others = map(normalized, tail)
    begins = first.endswith(tuple(id_names))
    names_id = begins or not id_names.isdisjoint(others)
    if not names_id or any(map(canonical_uuid, tail)):
        return ()
    mine = {*map(normalized, header)} - {""}
    known = sum(name in mine or is_known_column(name) for name in others)
    if any(cell[:1].isspace() for cell in tail[1:]) and known < max(2, len(others)):
        return ()
    return tail if begins + known > 1 else ()


def misfit(cells: Sequence[str], width: int) -> RowError | None:
    """What is wrong with a line that has too many cells or too few, where a join has done it."""
    hint = _why_misfit(cells, width)
    return row_errors.ragged(len(cells), width, 1, 1)._replace(hint=hint) if hint else None


def _why_misfit(cells: Sequence[str], width: int) -> str | None:
    are_two = len(cells) >= 2 * width - 1  # the delimiter between them is missing, too
    if are_two and any(canonical_uuid(c) or normalized(c) in _ID_NAMES for c in cells[width:]):
        return (
            "Two lines seem to have become one: put a line break between them, as where one file "
            "ends and the next was joined to it."
        )
    if (mark := _divided_by(cells, width)) is not None:
        return (
            f"{mark.capitalize()} seem to separate its cells, and something else those of the "
            "header: write one of them in all lines."
        )
    if len(cells) < width and not any(map(canonical_uuid, cells)):
        return (
            "It may be the rest of a cell with a line break, which the row above then lacks: put "
            "such a cell in double quotes. Else write the missing cells out."
        )
    return None


def _divided_by(cells: Sequence[str], width: int) -> str | None:
    """What separates the cells of a record that is one cell here, in words; None where nothing."""
    if len(cells) != 1 or width == 1:
        return None
    marks = (mark for mark in ",;\t|" if cells[0].count(mark) == width - 1)
    return next(map(SEPARATORS.__getitem__, marks), None)
