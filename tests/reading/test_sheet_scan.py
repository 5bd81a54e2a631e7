"""What one pass over the text of a sheet tells."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.reading import sheet_scan as module
from batchpatch.reading.sheet_scan import SheetScan, scan_sheet


def scanned(text: str) -> SheetScan:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("sheet.xml", text)
        return scan_sheet(archive, "sheet.xml")


@given(lasts=st.lists(st.integers(1, 40), max_size=12), row=st.integers(0, 40))
def test_the_first_cells_below_a_row_are_found(lasts: list[int], row: int) -> None:
    """Which row is the header is known after the pass: the answer is there for any."""
    places = [f"A1:B{last}" for last in lasts]
    text = "".join(f'<x:mergeCell ref="{place}"/>' for place in places)
    below = [place for place, last in zip(places, lasts, strict=True) if last > row]
    assert scanned(text).merged_below(row) == next(iter(below), None)


@pytest.mark.parametrize("gap", range(module._PIECE_BYTES - 40, module._PIECE_BYTES + 1, 4))
def test_what_lies_across_two_pieces_is_found(gap: int) -> None:
    """The text is read in pieces, whose borders mean nothing."""
    found = scanned(" " * gap + '<c><f>1+1</f></c><mergeCell ref="C2:C3"/>')
    assert found == (True, ((3, "C2:C3"),))


def test_many_merged_cells_take_no_memory() -> None:
    """A report may merge a pair of cells in each of a million rows."""
    text = "".join(f'<mergeCell ref="A{row}:B{row}"/>' for row in range(1, 5001))
    found = scanned(text)
    assert len(found.merged) == module._MOST_MERGED
    assert found.merged_below(4999) == "A5000:B5000"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("<f>1</f>", True), ('<x:f t="shared"/>', True), ("<f/>", True), ("<font/>", False)],
)
def test_a_formula_is_told_from_other_tags(text: str, expected: bool) -> None:
    """Where there are none the sheet need not be read a second time for them."""
    assert scanned(text).has_formulas is expected
