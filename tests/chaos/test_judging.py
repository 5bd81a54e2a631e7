"""The judges object where they should: one that never does would pass every run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from harness.inputs import RowSpec
from harness.judging import (
    IN_VAIN,
    Epoch,
    Verdict,
    differing,
    disorder,
    gaps,
    line_counts,
    line_problems,
    summary_problems,
)
from harness.telling import FILE, told

if TYPE_CHECKING:
    from pathlib import Path

ANN, BEN = ("c-1", "ann"), ("c-1", "ben")
ROWS = [
    RowSpec(1, ANN, {"stage": "1", "row_1": "here"}, valid=True),
    RowSpec(2, BEN, {"stage": "2"}, valid=True),
    RowSpec(3, ANN, {"stage": "3", "row_3": "here"}, valid=True),
    RowSpec(4, ANN, {"stage": "4"}, valid=False),
    RowSpec(5, BEN, {}, valid=True),
]
STATE = {ANN: {"stage": "3", "row_1": "here", "row_3": "here"}, BEN: {"stage": "2"}}


def write(number: int, *rows: int, applied: int | None = -1) -> dict[str, Any]:
    """A logged request that carried these rows of Ann's."""
    return {
        "number": number,
        "applied": number if applied == -1 else applied,
        "conversation_id": ANN[0],
        "participant_id": ANN[1],
        "keys": ["stage", *(f"row_{row}" for row in rows)],
    }


def line(row: int, outcome: str = "updated", **fields: Any) -> dict[str, Any]:
    """A line of the report."""
    return {"row": row, "outcome": outcome, **fields}


@pytest.mark.parametrize(
    ("state", "wrong"),
    [
        (STATE, []),
        ({**STATE, ANN: {**STATE[ANN], "stage": "1"}}, [ANN]),
        ({ANN: STATE[ANN]}, [BEN]),
        ({**STATE, ("c-2", "eve"): {"stage": "1"}}, [("c-2", "eve")]),
    ],
)
def test_another_state_is_seen(state: Any, wrong: Any) -> None:
    """An old value, a missing participant, and one that nobody named."""
    assert differing(ROWS, state, without=frozenset()) == wrong


@pytest.mark.parametrize(
    ("settled", "count"), [((), 0), ((1,), 0), ((1, 2, 3), 0), ((3,), 1), ((2, 4, 5), 0)]
)
def test_a_gap_before_a_settled_row_is_seen(settled: tuple[int, ...], count: int) -> None:
    """Rows of others, invalid ones and empty ones have no order to keep."""
    assert len(gaps(ROWS, frozenset(settled))) == count


@pytest.mark.parametrize(
    ("writes", "count"),
    [
        ([write(1, 1), write(2, 3)], 0),
        ([write(1, 1), write(2, 1), write(3, 3)], 0),
        ([write(1, 1, applied=None), write(2, 1), write(3, 3)], 0),
        ([write(1, 3), write(2, 1)], 1),
        ([write(1, 1, 3), write(2, 1)], 1),
        ([write(1, 1, applied=2), write(2, 3, applied=1)], 1),
    ],
)
def test_another_order_is_seen(writes: list[dict[str, Any]], count: int) -> None:
    """That of taking effect counts; the same request again is no other order."""
    assert len(disorder(writes, [])) == count


def test_a_settled_row_sent_again_is_seen() -> None:
    """A later process may repeat what was in flight, and nothing that the file called settled."""
    writes = [write(1, 1), write(2, 1), write(3, 3)]
    assert disorder(writes, [Epoch(1, frozenset())]) == []
    assert len(disorder(writes, [Epoch(1, frozenset({1}))])) == 1


RIGHT = [line(1, "superseded", superseded_by=3), line(2), line(3), line(4, "invalid")]


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ([*RIGHT, line(5, "unchanged")], 0),
        ([*RIGHT, line(5)], 1),
        ([line(4)], 1),
        ([line(1, "invalid")], 1),
        ([line(1, "superseded")], 1),
        ([line(1, superseded_by=3), line(3)], 1),
        ([line(1, "superseded", superseded_by=2), line(2)], 1),
        ([line(1, "superseded", superseded_by=3)], 1),
    ],
)
def test_a_line_that_the_rows_do_not_bear_out_is_seen(
    lines: list[dict[str, Any]], count: int
) -> None:
    """The wrong outcome, and a row superseded by nobody, by another's row, or by a lost one."""
    assert len(line_problems(ROWS, lines)) == count


def test_rows_without_and_with_several_lines_are_seen() -> None:
    """Each row has exactly one."""
    assert line_counts(ROWS, [line(1), line(3), line(3), line(4)]) == ([2, 5], [3])


WHOLE = [*RIGHT, line(5, "unchanged")]
SUMMARY = {
    "rows": 5,
    "outcomes": {"superseded": 1, "updated": 2, "invalid": 1, "unchanged": 1},
    "unattempted": 0,
    "input_exhausted": True,
    "stopped_because": None,
    "unverified": 0,
    "exit_code": 1,
}
TOO_LATE = {"stopped_because": f"--max-duration of 0.15 s is over. {IN_VAIN}"}


@pytest.mark.parametrize(
    ("said", "code", "timed", "count"),
    [
        ({}, 1, False, 0),
        ({}, 3, False, 1),
        ({"rows": 4}, 1, False, 1),
        ({"exit_code": 0}, 0, False, 2),
        ({"stopped_because": "--max-duration of 0.15 s is over."}, 1, True, 1),
        (TOO_LATE, 1, False, 1),
        (TOO_LATE, 1, True, 0),
        ({**TOO_LATE, "unattempted": 1}, 1, True, 1),
        ({**TOO_LATE, "exit_code": 3}, 3, True, 2),
    ],
)
def test_a_summary_that_the_lines_do_not_bear_out_is_seen(
    said: dict[str, Any], code: int, timed: bool, count: int
) -> None:
    """A time limit that is over as the last answers come ends nothing, and is told all the same."""
    assert len(summary_problems(ROWS, WHOLE, {**SUMMARY, **said}, code, timed=timed)) == count


def test_a_broken_promise_is_told_in_short_and_kept_whole(tmp_path: Path) -> None:
    """The screen cuts a long message off, and the case that led to it does not come again."""
    people = [(f"c-{number}", f"p-{number}") for number in range(300)]
    problems = [f"ended with 4: {'x' * 500}\nand more", *(f"problem {n}" for n in range(40))]
    verdict = Verdict(people, [7, 8], [], 1, problems)
    text = told(verdict.broken, tmp_path, details=["the case"])
    assert text.startswith("2 rows lost: 7, 8\n300 participants hold")
    assert "ended with 4" in text
    assert text.endswith(f"and 38 more\nall of it: {tmp_path / FILE}")
    assert len(text.splitlines()) < 10
    assert max(map(len, text.splitlines()[:-1])) <= 200
    kept = (tmp_path / FILE).read_text(encoding="utf-8")
    assert all(problem in kept for problem in [*problems, "the case"])


def test_a_promise_that_was_kept_is_not_told() -> None:
    """What says whether all is well and what says what is wrong must agree."""
    assert Verdict([], [], [], 0, []).broken == []
    for number, wrong in enumerate(([ANN], [1], [1], 1, ["a problem"])):
        verdict = Verdict([], [], [], 0, [])._replace(**{Verdict._fields[number]: wrong})
        assert not verdict.is_clean
        assert len(verdict.broken) == 1
