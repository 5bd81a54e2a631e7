"""What the record readers hand to the row makers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Block(NamedTuple):
    """Some records in input order; many at a time, because one by one costs too much."""

    lines: Sequence[int]
    """Physical line on which each begins."""
    records: Sequence[Any]
    """Cells of a CSV record, or a `Fault`; the bytes of a JSON line. Blank ones are among them."""
    plain: bool = True
    """False where a NUL character may be in a cell."""
