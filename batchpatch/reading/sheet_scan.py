"""The scan of a sheet: what its text tells in one pass that its cells do not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zipfile import ZipFile

_FORMULA = re.compile(rb"<(\w+:)?f[ >/]")
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell [^>]*?ref="([A-Z]+[0-9]+:[A-Z]+([0-9]+))"')
_PIECE_BYTES = 1 << 16
_LONGEST_TAG = 128
"""Of those that are looked for, in bytes: one may lie across two pieces of the file."""
_MOST_MERGED = 1000
"""Of merged cells each of which ends below all before it: memory does not grow with the sheet."""


class SheetScan(NamedTuple):
    """What is in a sheet beside the values of its cells."""

    has_formulas: bool
    merged: tuple[tuple[int, str], ...]
    """Last row and place of merged cells, each of which ends below all before it."""

    def merged_below(self, row: int) -> str | None:
        """The first merged cells that end below this row, such as `C4:C5`; None where none do."""
        return next((place for last, place in self.merged if last > row), None)


def scan_sheet(archive: ZipFile, part: str) -> SheetScan:
    """Read a sheet's text once. Raises what the archive does where it is damaged.

    Args:
        archive: the workbook.
        part: the name of the sheet in it.
    """
    has_formulas = False
    merged: list[tuple[int, str]] = []
    for text in _pieces(archive, part):
        has_formulas = has_formulas or _FORMULA.search(text) is not None
        for found in _MERGED.finditer(text):
            last = int(found[2])
            if not merged or last > merged[-1][0]:
                del merged[_MOST_MERGED - 1 :]
                merged.append((last, found[1].decode()))
    return SheetScan(has_formulas, tuple(merged))


def _pieces(archive: ZipFile, part: str) -> Iterator[bytes]:
    """A part of the workbook in pieces that overlap."""
    with archive.open(part) as file:
        before = b""
        while chunk := file.read(_PIECE_BYTES):
            yield before + chunk
            before = chunk[-_LONGEST_TAG:]
