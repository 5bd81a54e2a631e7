"""A rate means what it says, in either direction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import SettingsError
from batchpatch.options.run import DEFAULT_RATE, Rate
from batchpatch.options.spelling import parse_rate


@pytest.mark.parametrize(
    ("text", "per_s"),
    [
        ("300/min", 5.0),
        ("5/s", 5.0),
        ("18000/h", 5.0),
        (" 300 / Minute ", 5.0),
        ("0.5/sec", 0.5),
        ("90/hour", 0.025),
    ],
)
def test_usual_spellings_are_read(text: str, per_s: float) -> None:
    """People write a rate per minute, as the platform's limits do, or per second."""
    rate = parse_rate(text)
    assert rate is not None
    assert rate.per_s == pytest.approx(per_s)


def test_none_is_no_limit() -> None:
    """Benchmarks and sandboxes have none."""
    assert parse_rate("None") is None


@pytest.mark.parametrize(
    "text",
    ["", "300", "fast", "-1/s", "0/s", "1e9/s", "9999999/s", "5/day", "\u0663/s", "nan/s", "5/s/s"],
)
def test_anything_else_is_refused(text: str) -> None:
    """A bare number has no unit, and 300/s for 300/min would be refused all along."""
    with pytest.raises(SettingsError, match=r"300/min|none for no limit"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (DEFAULT_RATE, "300/min"),
        (Rate(30), "30/s"),
        (Rate(0.025), "90/h"),
        (Rate(2.5), "150/min"),
        (Rate(0.01), "36/h"),
        (Rate(1 / 7), "8.571429/min"),
    ],
)
def test_a_rate_is_shown_as_people_write_it(rate: Rate, text: str) -> None:
    """The progress line says "its turn at 300/min"."""
    assert str(rate) == text


@given(st.floats(1e-4, 1e6))
def test_what_is_shown_is_read_back(per_s: float) -> None:
    """A shown rate is pasted into the next command line."""
    again = parse_rate(str(Rate(per_s)))
    assert again is not None
    assert again.per_s == pytest.approx(per_s, rel=1e-3)
