"""Runs that look people up, read back, and are taken back keep every promise, whatever breaks.

Real processes, a real server, real kills, as in `test_chaos.py`; `run.py` plays many more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.cases import STOPS
from harness.drawing import AMBIGUOUS, READ_TROUBLES, UNREADABLE, draw_case
from harness.playing import play

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.cases import Case

ROWS = 200
NAMED, VERIFIED, UNDONE, WRAPUP = (2, 8), (21, 28, 30), (16, 33), (21, 38)
"""Few, and chosen so that all is met; see the tests of the selection."""
CASES = [("named", s) for s in NAMED] + [("verified", s) for s in VERIFIED]
CASES += [("undone", s) for s in UNDONE] + [("wrapup", s) for s in WRAPUP]


def drawn(kind: str, seed: int) -> Case:
    """One of the cases here."""
    return draw_case(seed, rows=ROWS, kind=kind)


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_nothing_is_lost(
    kind: str, seed: int, tmp_path: Path, refuse_broken: Callable[..., None]
) -> None:
    """Killed at any moment, look-ups included, under faults of reads and writes.

    `python tests/chaos/run.py --runs 1 --rows 200 --kind KIND --seed SEED` repeats one by hand.
    """
    case = drawn(kind, seed)
    played = play(case, tmp_path)
    refuse_broken(played.verdict.broken, case._replace(rows=[], talks=()))
    assert played.reads or not played.stops + played.kills


def test_the_selection_sees_everything() -> None:
    """A trouble, a way of choosing or a kind of undo that no case meets is a promise unchecked."""
    cases = [drawn(kind, seed) for kind, seed in CASES]
    words = [word for case in cases for word in case.sandbox]
    assert all(any(word.startswith(rule) for word in words) for rule in READ_TROUBLES)
    assert {case.options["find"].get("ambiguous") for case in cases} >= set(AMBIGUOUS)
    stops = [stop for case in cases for stop in case.stops]
    assert {stop.kind for stop in stops} == set(STOPS)
    assert {stop.of for stop in stops} == {"requests", "patches_applied"}
    assert any(word.startswith("kind=drop") for word in words)
    shut = [word for case in cases if case.unreadable for word in case.sandbox]
    assert all(any(word.startswith(f"{rule},on=read") for word in shut) for rule in UNREADABLE)


def test_the_selection_undoes_in_every_way() -> None:
    """Plans and kept values, finished and given up, resumed and begun anew, foreign writes."""
    cases = [drawn("undone", seed) for seed in UNDONE]
    undoings = [case.undoing for case in cases if case.undoing]
    assert {case.planned for case in cases} == {True, False}
    assert {one.unfinished for one in undoings} == {True, False}
    assert {one.anew for one in undoings} == {True, False}
    assert {one.redo for one in undoings} == {True, False}
    assert {bool(one.foreign) for one in undoings} == {True, False}


def test_the_selection_sets_codes_in_every_way() -> None:
    """Along both routes, read back while some are dropped, taken back; CSV and JSON."""
    cases = [drawn("wrapup", seed) for seed in WRAPUP]
    assert {case.options["route"] for case in cases} == {None, "communication"}
    assert {case.options["undone"] for case in cases} == {True, False}
    assert any("verify" in case.options["looking"] for case in cases)
    assert {case.format for case in cases} == {"csv", "jsonl"}
