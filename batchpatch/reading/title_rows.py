"""Title rows: what stands above the header of an export, and was taken for it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.options.fields import canonical_uuid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def header_below_title(
    header: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]]
) -> int | None:
    """The number of the row that is the header in truth; None where `header` may be it.

    It need not name fields: it has cells side by side, none of them an id, where the title above
    it has one, or half as many; and ids are below it.
    """
    titles, found = _filled(header), None
    for number, cells in rows:
        if any(map(canonical_uuid, cells)):
            return found
        if found is None and _filled(cells) >= max(2, 2 * titles):
            found = number
    return None


def _filled(cells: Iterable[str]) -> int:
    return sum(bool(cell.strip()) for cell in cells)
