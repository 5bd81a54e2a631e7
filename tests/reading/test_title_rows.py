"""Titles above a header whose columns have names of somebody's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import InputError
from batchpatch.options.read import ReadOptions
from batchpatch.reading.reader import Reader
from batchpatch.reading.title_rows import header_below_title

if TYPE_CHECKING:
    from pathlib import Path

C = "10c52dcf-a6e0-4161-ab18-72cb1751a690"
P = "929d00ed-653e-5179-9930-0ba179e0f780"
NAMES = ("Interaction", "Party", "Tier")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("padded", [False, True])
def test_the_header_is_told_by_the_ids_below_it(mark: str, padded: bool, tmp_path: Path) -> None:
    """No column of it names a field, so nothing but `--skip-lines` helps; that has to be said."""
    title = "Report of July" + (mark * 2 if padded else "")
    lines = [title, mark * 2, mark.join(NAMES), mark.join((C, P, "gold"))]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"line 3 looks like it: add --skip-lines 2\."):
        list(Reader([str(path)], ReadOptions()))


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (NAMES, [("a broken id", P[:-1], "x"), (C, P, "x")]),
        (("Title",), [("one", "two", "three")]),
        (("Title",), [("Remark", ""), (C, P)]),
        (("Interaction", ""), [(C, "x")]),
    ],
    ids=["it is the header", "no ids below", "one cell is no header", "ids at once"],
)
def test_else_it_is_nobodys_guess(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A row with broken ids must not be called a header."""
    assert header_below_title(header, enumerate(rows, 2)) is None
