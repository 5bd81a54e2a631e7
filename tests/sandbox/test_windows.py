"""The rate limit's arithmetic, on given times."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.sandbox.windows import FixedWindows, whole_seconds


def test_the_first_window_begins_with_the_first_request() -> None:
    """A window that began at a full minute would give a fresh token less than its allowance."""
    windows = FixedWindows(allowed=2, window_s=60)
    assert windows.admit(59.0).left_s == 60
    assert windows.admit(118.9).admitted
    assert not windows.admit(118.9).admitted
    assert windows.admit(119.0).admitted


def test_windows_follow_each_other_whether_used_or_not() -> None:
    """The edges stay where they are after a pause, so that a client can know them."""
    windows = FixedWindows(allowed=1, window_s=10)
    windows.admit(0.0)
    assert windows.admit(37.0).left_s == 3
    assert not windows.admit(39.9).admitted
    assert windows.admit(40.0).admitted


def test_a_refusal_uses_nothing() -> None:
    """The count that clients read is what they have used, up to the allowance."""
    windows = FixedWindows(allowed=1, window_s=10)
    assert [windows.admit(0.0)[:3] for _ in range(3)] == [(True, 1, 1), *[(False, 1, 1)] * 2]


@given(
    st.integers(1, 5),
    st.lists(st.integers(0, 40), min_size=1, max_size=60).map(sorted),
)
def test_each_window_admits_exactly_its_allowance(allowed: int, times_s: list[int]) -> None:
    """Fewer would blame a client that keeps the limit, more would miss one that does not."""
    windows = FixedWindows(allowed=allowed, window_s=7)
    asked: Counter[int] = Counter((now_s - times_s[0]) // 7 for now_s in times_s)
    admitted = Counter((now_s - times_s[0]) // 7 for now_s in times_s if windows.admit(now_s)[0])
    assert admitted == {window: min(allowed, n) for window, n in asked.items()}


@pytest.mark.parametrize(("left_s", "shown"), [(0.4, 0), (0.5, 1), (41.6, 42), (60.0, 60)])
def test_seconds_are_whole(left_s: float, shown: int) -> None:
    """The headers carry whole seconds, so a client must live with a rounding."""
    assert whole_seconds(left_s) == shown
