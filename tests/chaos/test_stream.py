"""Rows that are sent one at a time: whatever breaks, the server holds what the answers say.

Real processes, a real server behind a relay, real signals. `run.py --only stream` beside this plays
each way with each trouble, and a thousand calls; here is one case of each trouble, the ways taking
turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.calls import (
    CANCELLED,
    INPUT_ENDS,
    KILLED,
    READER_GONE,
    READER_SLOW,
    SERVER_GONE,
    TERMINATED,
    TROUBLES,
    draw_stream,
)
from harness.streaming import play_stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALLS = 120
SAMPLE = [
    ("pipe", READER_GONE),
    ("pipe", SERVER_GONE),
    ("stream", INPUT_ENDS),
    ("stream", READER_SLOW),
    ("library", CANCELLED),
    ("library", KILLED),
    ("serve", TERMINATED),
]


@pytest.mark.parametrize(("way", "trouble"), SAMPLE)
def test_the_state_is_that_of_the_answers(
    way: str, trouble: str, tmp_path: Path, refuse_broken: Callable[..., None]
) -> None:
    """Each call has one answer or was cut off; what is answered is there, in order, for one token.

    `python tests/chaos/run.py --only stream --runs 1 --rows 120 --seed 1 --way WAY --trouble
    TROUBLE` repeats one by hand.
    """
    case = draw_stream(1, rows=CALLS, way=way, trouble=trouble)
    refuse_broken(play_stream(case, tmp_path).broken, case._replace(calls=[]))


def test_the_sample_sees_each_trouble_and_each_way() -> None:
    """One that no case meets is a promise that nobody checks."""
    assert {trouble for _, trouble in SAMPLE} == {one for met in TROUBLES.values() for one in met}
    assert {way for way, _ in SAMPLE} == set(TROUBLES)
