"""How long a number of requests takes at what the platform admits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.genesys.rate_limit.pace import Allowance, assumed_allowance
from batchpatch.options.run import PaceOptions, Rate


@pytest.mark.parametrize(
    ("allowance", "requests", "least_s", "most_s"),
    [
        (Allowance(300), 41_200, 137 * 60, 138 * 60),
        (Allowance(300, tokens=10), 41_200, 13 * 60, 14 * 60),
        (Allowance(300), 300, 0, 6),
        (Allowance(300), 301, 60, 61),
        (Allowance(300, left=10, ends_in_s=20), 11, 20, 21),
        (Allowance(300, left=10, ends_in_s=20), 10, 0, 1),
        (Allowance(300, cap=Rate(1.0)), 600, 600, 600),
        (Allowance(300, cap=Rate(1000.0)), 601, 120, 121),
        (Allowance(None, cap=Rate(5.0)), 100, 20, 20),
        (Allowance(300), 0, 0, 0),
    ],
)
def test_full_windows_and_the_last_burst(
    allowance: Allowance, requests: int, least_s: float, most_s: float
) -> None:
    """A file of one window takes seconds, and one row more takes a minute more."""
    assert least_s <= allowance.duration_s(requests) <= most_s


@given(
    per_window=st.integers(1, 10_000),
    tokens=st.integers(1, 50),
    requests=st.integers(0, 10**7),
    more=st.integers(0, 1000),
)
def test_more_takes_longer_and_more_tokens_do_not(
    per_window: int, tokens: int, requests: int, more: int
) -> None:
    """A forecast that shrinks as the work grows would be believed by nobody."""
    allowance = Allowance(per_window, tokens=tokens)
    duration_s = allowance.duration_s(requests)
    assert duration_s <= allowance.duration_s(requests + more)
    # A last burst that is spread over more tokens may be longer by itself.
    burst_s = per_window * (tokens + 1) / 50
    assert allowance.with_tokens(tokens + 1).duration_s(requests) <= duration_s + burst_s


@pytest.mark.parametrize(
    ("pace", "expected"),
    [
        (PaceOptions(), Allowance(300)),
        (PaceOptions(share=0.8, tokens=4), Allowance(240, tokens=4)),
        (PaceOptions(Rate(5.0), assumed=None), Allowance(None, cap=Rate(5.0))),
        (PaceOptions(assumed=None), None),
    ],
)
def test_before_the_platform_has_spoken_its_default_holds(
    pace: PaceOptions, expected: Allowance | None
) -> None:
    """`check` is offline, and prices a run with what every organisation has."""
    assert assumed_allowance(pace) == expected


@pytest.mark.parametrize(
    ("allowance", "tokens"),
    [
        (Allowance(300), 10),
        (Allowance(300, tokens=10), 50),
        (Allowance(300, tokens=50), None),
        (Allowance(300, cap=Rate(5.0)), None),
    ],
)
def test_more_tokens_are_suggested_where_they_help(
    allowance: Allowance, tokens: int | None
) -> None:
    """Below a cap of the user's own they would change nothing."""
    assert allowance.more_tokens == tokens
