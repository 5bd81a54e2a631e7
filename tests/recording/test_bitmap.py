"""The set of rows that costs one bit each."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from batchpatch.recording.bitmap import Bitmap

rows = st.lists(st.integers(0, 70_000))


@given(rows, st.integers(0, 70_000))
def test_behaves_like_a_set_of_numbers(numbers: list[int], first: int) -> None:
    """Everything that is proved or resumed rests on this set; Python's own is the oracle."""
    bitmap, oracle = Bitmap(), set(numbers)
    for number in numbers:
        bitmap.add(number)
    assert list(bitmap) == sorted(oracle)
    assert bitmap.count() == len(oracle)
    assert bool(bitmap) == bool(oracle)
    assert bitmap.highest() == max(oracle, default=None)
    assert (first in bitmap) == (first in oracle)
    assert list(bitmap.starting(first)) == sorted(n for n in oracle if n >= first)


@given(rows, st.integers(0, 70_000), st.integers(-2, 40))
def test_tells_whether_all_of_a_range_are_in_it(numbers: list[int], first: int, more: int) -> None:
    """Rows of which this is said are passed over unread: one that is wrong would be lost."""
    wanted = range(first, first + more)
    within = set(numbers) | set(wanted[1:])
    for known in (set(numbers), within, within | set(wanted[:1])):
        assert Bitmap(known).covers(first, first + more - 1) == known.issuperset(wanted)


@given(rows, rows)
def test_add_new_tells_what_was_in_already(before: list[int], numbers: list[int]) -> None:
    """A row with two lines is found by this answer alone."""
    bitmap, seen, known = Bitmap(before), set(before), []
    for position, number in enumerate(numbers):
        if number in seen:
            known.append(position)
        seen.add(number)
    assert bitmap.add_new(numbers) == known
    assert bitmap == Bitmap(seen)


def test_does_not_hold_what_was_never_near_it() -> None:
    """Numbers beyond its end, and negative ones, are simply not in it."""
    bitmap = Bitmap([3])
    assert 10**12 not in bitmap
    assert -5 not in bitmap


def test_a_million_rows_cost_little_more_than_a_bit_each() -> None:
    """Memory that grows by a bit a row is what lets a run of any size be resumed."""
    bitmap = Bitmap(range(1, 1_000_001))
    assert sys.getsizeof(bitmap._bits) < 1.2 * 1_000_000 / 8
