"""Failed rows that come back: has what was wrong with their cells been mended? Pure.

Asked of rows whose `batchpatch_mend` names cells, whatever form they come in: what a spreadsheet
or a converter has made of such a cell looks like any other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from batchpatch.formats.mends import parse_mends, surplus, surplus_in
from batchpatch.options.fields import is_own
from batchpatch.reading.odd_values import MOST_DIGITS, is_shortened
from batchpatch.reading.records import UnusableCell, is_empty, refuse_unusable
from batchpatch.reading.row_errors import RowError, bad_own_cell, shown
from batchpatch.reading.values import UnsendableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.reading.mapping import Mapping


_BAD = bad_own_cell("bad_mend", "batchpatch_mend does not say which cells to mend")


def cells_to_mend(cells: Sequence[str], header: Sequence[str], used: Sequence[int]) -> list[str]:
    """What is to stand in `batchpatch_mend` of a record.

    Args:
        cells: of the record.
        header: of its table.
        used: positions of the columns that matter.
    """
    if len(cells) > len(header) and any(cells[len(header) :]):
        return [surplus(_filled(cells, header))]
    missing = [name for name in header[len(cells) :] if name and not is_own(name)]
    unusable = (at for at in used if at < len(cells) and isinstance(cells[at], UnusableCell))
    return [*(header[at] for at in sorted(unusable)), *missing]


def refuse_unmended(cells: Sequence[Any], mapping: Mapping) -> None:
    """No cell that matters may be one of a workbook from which nothing may be sent; and one that
    `batchpatch_mend` names is to be another than it was.

    Raises:
        UnsendableError: it is not, or the column is gone.
    """
    refuse_unusable(cells, mapping.used)
    at = mapping.mend_at
    if at is None or is_empty(cells[at]):
        return
    try:
        names = parse_mends(cells[at])
    except ValueError:
        raise UnsendableError(_BAD) from None
    header = [use.column for use in mapping.uses]
    for name in names:
        if (count := surplus_in(name)) is not None:
            if _filled(cells, header) >= count:
                raise UnsendableError(_still_wide(count))
        elif name not in header or _is_as_it_was(cells[header.index(name)]):
            raise UnsendableError(_still_bad(name))


def _filled(cells: Sequence[Any], header: Sequence[str]) -> int:
    """Cells of the record up to the last that is not empty, without the tool's own."""
    cells = [c for at, c in enumerate(cells) if at >= len(header) or not is_own(header[at])]
    return max((at for at, cell in enumerate(cells, 1) if not is_empty(cell)), default=0)


def _is_as_it_was(cell: Any) -> bool:
    """Empty, or a number without its last digits, in whatever way a spreadsheet has saved it."""
    if is_empty(cell):
        return True
    if not isinstance(cell, str):
        return False
    digits = re.sub(r"\D", "", cell).lstrip("0")
    return is_shortened(cell) or (len(digits) > MOST_DIGITS and not digits[MOST_DIGITS:].strip("0"))


def _still_bad(column: str) -> RowError:
    return RowError(
        "unmended",
        f"the cell of {shown(column)} is still the one that could not be sent",
        "Write into it what is to be sent; if it is right as it is, empty batchpatch_mend.",
    )


def _still_wide(count: int) -> RowError:
    return RowError(
        "unmended",
        f"the row still has {count} cells, more than the header had columns",
        "Put each value under its column; if the row is right as it is, empty batchpatch_mend.",
    )
