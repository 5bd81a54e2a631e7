"""Cells of a workbook as text: what its reader sees is what is sent."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest

from batchpatch.reading.cell_texts import has_lost_digits, shown_text

NOON = datetime(2026, 1, 5, 14, 7, 9, 120000)  # noqa: DTZ001 - cells have no time zone


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (None, "General", ""),
        ("as it is", "0.00", "as it is"),
        (True, "General", "TRUE"),
        (123, "00000", "00123"),
        (1.1, "0.00", "1.10"),
        (1234567.891, "#,##0.00", "1,234,567.89"),
        (12345678, "#,##0,", "12,346"),
        (0.125, "0.0%", "12.5%"),
        (5551234567, "(000) 000-0000", "(555) 123-4567"),
        (-5, "0;(0)", "(5)"),
        (-5.5, "0.00", "-5.50"),
        (-0.001, "0.00", "0.00"),
        (0, '0;-0;"none"', "none"),
        (1.5, "[$€-407] #,##0.00", "€ 1.50"),
        (3, '0 "pcs"', "3 pcs"),
        (1000, "_-* #,##0.00_-;-* #,##0.00_-", "1,000.00"),
        (-1000, "#,##0_);[Red](#,##0)", "(1,000)"),
        (0.1 + 0.2, "General", "0.3"),
        (1e-7, "General", "0.0000001"),
    ],
)
def test_a_value_is_written_as_it_is_shown(value: object, number_format: str, text: str) -> None:
    """A postcode is its zeros, and a price its cents."""
    assert shown_text(value, number_format) == text


@pytest.mark.parametrize("number_format", ["General", "@", "0.00E+00", "# ?/?", "[<100]0;0.0", ""])
def test_no_digit_is_hidden(number_format: str) -> None:
    """A phone number is shown as 4.91511E+12 where it has no format: that is what it must not
    become."""
    assert shown_text(4915112345678, number_format) == "4915112345678"


@pytest.mark.parametrize(
    ("number_format", "text"),
    [
        ("yyyy-mm-dd", "2026-01-05"),
        ("yyyymmdd", "20260105"),
        ("dd.mm.yyyy", "05.01.2026"),
        ("m/d/yyyy;@", "1/5/2026"),
        ("d-mmm-yy", "5-Jan-26"),
        ("dddd, mmmm d, yyyy", "Monday, January 5, 2026"),
        ("[$-409]m/d/yy h:mm AM/PM;@", "1/5/26 2:07 PM"),
        ('yyyy\\-mm\\-dd"T"hh:mm:ss.000', "2026-01-05T14:07:09.120"),
        ("mm:ss", "07:09"),
        ("mm-dd-yy", "2026-01-05"),
        ("m/d/yy h:mm", "2026-01-05 14:07"),
        ("General", "2026-01-05T14:07:09.120000"),
    ],
)
def test_a_date_is_written_by_its_format(number_format: str, text: str) -> None:
    """The two built-in formats that look otherwise in each country have one spelling."""
    assert shown_text(NOON, number_format) == text


def test_times_and_durations() -> None:
    """More than a day of hours is no time of a day."""
    assert shown_text(time(9, 5), "h:mm") == "9:05"
    assert shown_text(timedelta(hours=30, minutes=5), "[h]:mm:ss") == "30:05:00"
    assert shown_text(timedelta(minutes=90), "[mm]:ss") == "90:00"


def test_which_numbers_have_lost_digits() -> None:
    """A spreadsheet keeps fifteen."""
    assert has_lost_digits(1234567890123456)
    assert has_lost_digits(1e15)
    assert not has_lost_digits(999999999999999)
    assert not has_lost_digits(0.12345678901234567)
    assert not has_lost_digits("1234567890123456")
