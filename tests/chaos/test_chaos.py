"""Whatever breaks, a run that is resumed leaves what an undisturbed one would have left.

Real processes, a real server, real kills. `run.py` beside this plays many more and larger cases;
here are eight, which between them see every trouble and every stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.cases import LATE, LONG, REFUSED, STOPS, TROUBLES, draw_ids
from harness.playing import play

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEEDS = (3, 6, 23, 24, 27, 32)
"""Few, and chosen so that all is met; see the test of the selection."""
ROWS = 600


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost(seed: int, tmp_path: Path, refuse_broken: Callable[..., None]) -> None:
    """Killed, cut, interrupted, under faults: the state, the order and the report are right.

    `python tests/chaos/run.py --runs 1 --rows 600 --seed SEED` repeats one by hand.
    """
    case = draw_ids(seed, rows=ROWS)
    refuse_broken(play(case, tmp_path).verdict.broken, case._replace(rows=[]))


def test_the_selection_sees_everything() -> None:
    """A trouble or a stop that no case meets is a promise that nobody checks."""
    cases = [draw_ids(seed, rows=ROWS) for seed in SEEDS]
    words = [word for case in cases for word in case.sandbox]
    rules = [trouble[1] for trouble in TROUBLES if trouble[0] == "--fault"]
    met = {rule for rule in rules if any(word.startswith(rule) for word in words)}
    assert met == set(rules)
    assert {"--expires-in", "--revoke-after", "--org-allowed"} <= set(words)
    assert {stop.kind for case in cases for stop in case.stops} == set(STOPS)
    assert {case.format for case in cases} == {"csv", "jsonl", "json-column"}
    assert TROUBLES[LATE][1].startswith("kind=late")
    assert TROUBLES[REFUSED][1].startswith("status=404")
    assert "retry_after=600" in TROUBLES[LONG][1]
