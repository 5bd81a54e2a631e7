"""A spreadsheet shows what the input says, and executes nothing of it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.formats.spreadsheet import spreadsheet_cell


@pytest.mark.parametrize(
    "text",
    ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "-"],
)
def test_a_formula_is_a_text(text: str) -> None:
    """It came with the data, and would run on the machine of whoever opens the report."""
    assert spreadsheet_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    [
        "12345678901234567890",
        "0049",
        "00",
        "+4930123456",
        "12E34",
        "1e5",
        "-1234567890123456",
        "007.5",
        "1.10",
        "-1,0",
    ],
)
def test_digits_stay_as_they_are(text: str) -> None:
    """As a number they would be shown as another text, and that is what is copied from there."""
    assert spreadsheet_cell(text) == f'="{text}"'


@pytest.mark.parametrize(
    "text",
    ["", "0", "42", "-12.5", "-12,5", "0.5", "123456789012345", "a=b", "3f2504e0-4f89", "'x"],
)
def test_what_is_harmless_is_left_alone(text: str) -> None:
    """A number is to be summed, and a text to be searched."""
    assert spreadsheet_cell(text) == text


@given(st.text())
def test_no_cell_begins_a_formula_of_a_stranger(text: str) -> None:
    """Whatever comes: a cell of ours begins with no sign of a formula, or is only digits."""
    cell = spreadsheet_cell(text)
    if cell[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"}:
        inner = cell.removeprefix('="').removesuffix('"')
        assert set(inner) <= set("0123456789.,+-eE")
        assert inner == text
    written = io.StringIO(newline="")
    csv.writer(written).writerow([cell])
    assert next(csv.reader(io.StringIO(written.getvalue(), newline=""))) == [cell]
