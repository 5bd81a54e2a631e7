"""The rate limit's arithmetic, on given times."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.sandbox.windows import (
    Allowance,
    AllowedChange,
    FixedWindows,
    SharedWindows,
    SlidingWindow,
    Tally,
    parse_allowed_change,
    whole_seconds,
)


def test_the_first_window_begins_with_the_first_request() -> None:
    """A window that began at a full minute would give a fresh token less than its allowance."""
    windows = FixedWindows(Allowance(2), window_s=60)
    assert windows.admit(59.0).left_s == 60
    assert windows.admit(118.9).admitted
    assert not windows.admit(118.9).admitted
    assert windows.admit(119.0).admitted


def test_windows_follow_each_other_whether_used_or_not() -> None:
    """The edges stay where they are after a pause, so that a client can know them."""
    windows = FixedWindows(Allowance(1), window_s=10)
    windows.admit(0.0)
    assert windows.admit(37.0).left_s == 3
    assert not windows.admit(39.9).admitted
    assert windows.admit(40.0).admitted


def test_a_refusal_uses_nothing() -> None:
    """The count that clients read is what they have used, up to the allowance."""
    windows = FixedWindows(Allowance(1), window_s=10)
    assert [windows.admit(0.0)[:3] for _ in range(3)] == [(True, 1, 1), *[(False, 1, 1)] * 2]


@given(
    st.integers(1, 5),
    st.lists(st.integers(0, 40), min_size=1, max_size=60).map(sorted),
)
def test_each_window_admits_exactly_its_allowance(allowed: int, times_s: list[int]) -> None:
    """Fewer would blame a client that keeps the limit, more would miss one that does not."""
    windows = FixedWindows(Allowance(allowed), window_s=7)
    asked: Counter[int] = Counter((now_s - times_s[0]) // 7 for now_s in times_s)
    admitted = Counter((now_s - times_s[0]) // 7 for now_s in times_s if windows.admit(now_s)[0])
    assert admitted == {window: min(allowed, n) for window, n in asked.items()}


@pytest.mark.parametrize(("left_s", "shown"), [(0.4, 0), (0.5, 1), (41.6, 42), (60.0, 60)])
def test_seconds_are_whole(left_s: float, shown: int) -> None:
    """The headers carry whole seconds, so a client must live with a rounding."""
    assert whole_seconds(left_s) == shown


@pytest.mark.parametrize(
    ("rounding", "shown"), [("floor", [41, 42]), ("ceil", [42, 42]), ("nearest", [42, 42])]
)
def test_the_rounding_can_be_chosen(rounding: Any, shown: list[int]) -> None:
    """Nobody knows the platform's, so a client is tried with each."""
    assert [whole_seconds(left_s, rounding) for left_s in (41.6, 42.0)] == shown


def test_a_window_may_begin_with_the_first_request_after_the_last() -> None:
    """Then nobody can know an edge in advance, and a grid's arithmetic is off."""
    windows = FixedWindows(Allowance(1), window_s=10, restarts=True)
    admitted = [windows.admit(now_s).admitted for now_s in (0.0, 9.9, 17.0, 26.9, 27.0)]
    assert admitted == [True, False, True, False, True]


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=60).map(sorted))
def test_a_tally_has_the_fullest_of_the_windows(requests: list[tuple[int, bool]]) -> None:
    """A client's promise is about any window, so the worst of them is what is judged."""
    tally = Tally(7)
    asked: Counter[int] = Counter()
    refused: Counter[int] = Counter()
    for now_s, is_refused in requests:
        window = (now_s - requests[0][0]) // 7
        tally.ask(now_s)
        asked[window] += 1
        if is_refused:
            tally.refuse()
            refused[window] += 1
    assert tally.peak_asked == max(asked.values())
    assert tally.peak_refused == max(refused.values(), default=0)


@given(
    st.integers(1, 5),
    st.lists(st.integers(0, 60), min_size=1, max_size=60).map(sorted),
)
def test_a_sliding_window_never_holds_more_than_its_allowance(
    allowed: int, times_s: list[int]
) -> None:
    """Wherever seven seconds begin, and a request is refused only where they are full."""
    window = SlidingWindow(Allowance(allowed), window_s=7)
    admitted: list[int] = []
    for now_s in times_s:
        within = sum(at_s > now_s - 7 for at_s in admitted)
        answer = window.admit(now_s)
        assert answer.admitted == (within < allowed)
        admitted += [now_s] * answer.admitted
        assert answer.used == sum(at_s > now_s - 7 for at_s in admitted)


def test_a_sliding_window_names_the_time_until_its_oldest_is_out() -> None:
    """It is when a refused request may come again."""
    window = SlidingWindow(Allowance(2), window_s=60)
    assert [window.admit(now_s).left_s for now_s in (0.0, 10.0, 20.0, 61.0)] == [60, 50, 40, 9]


def test_others_use_the_same_window() -> None:
    """They are counted, and refused as we are."""
    windows = SharedWindows(FixedWindows(Allowance(10), window_s=60), foreign_per_s=0.5)
    assert [windows.admit(now_s).used for now_s in (0.0, 1.9, 2.0, 8.0)] == [1, 2, 4, 8]
    assert not windows.admit(59.0).admitted
    assert (windows.admitted, windows.refused) == (6, 23)
    assert windows.admit(60.0).used == 2


def test_the_limit_may_change_in_the_middle_of_a_window() -> None:
    """Support raises it, or lowers it, when it suits them."""
    changes = (AllowedChange(20, 1), AllowedChange(10, 3))
    windows = FixedWindows(Allowance(2, changes, start_s=100), window_s=60)
    answers = [windows.admit(now_s) for now_s in (100.0, 105.0, 109.9, 110.0, 120.0, 160.0)]
    assert [answer.allowed for answer in answers] == [2, 2, 2, 3, 1, 1]
    assert [answer.admitted for answer in answers] == [True, True, False, True, False, True]


def test_a_change_of_the_limit_is_read() -> None:
    """It is an option of the command line."""
    assert parse_allowed_change("90.5:600") == (90.5, 600)


@pytest.mark.parametrize("text", ["", "90", "90:", ":600", "90:0", "-1:5", "nan:5", "inf:5", "1:x"])
def test_a_change_that_cannot_be_is_refused(text: str) -> None:
    """A typo must not become a sandbox without a limit."""
    with pytest.raises(ValueError, match="T:N"):
        parse_allowed_change(text)
