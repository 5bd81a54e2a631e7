"""The line of a row that means several participants, and of one that is never sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchpatch.model import (
    InvalidRow,
    Outcome,
    Overtaken,
    Patch,
    PatchOutcome,
    Row,
    RowContext,
    RowResult,
)
from batchpatch.recording.row_results import joined, of_patch, of_unsent
from batchpatch.sending.outcomes import too_late, withdrawn

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., RowResult]


def test_a_line_names_whom_the_row_means_and_who_has_got_it(make_result: Make) -> None:
    """Resuming asks by participant, and a sentence is nothing to take an answer from."""
    parts = [
        make_result(1, Outcome.UPDATED, who=3, keys=["a", "b"]),
        make_result(1, Outcome.REJECTED, who=2, keys=["b"], message="no"),
        make_result(1, Outcome.SUPERSEDED, who=1, keys=["a"]),
    ]
    one, two, three = sorted(str(part.participant_id) for part in parts)
    line = joined(parts)
    assert (line.outcome, line.participant_id) == (Outcome.REJECTED, None)
    assert line.participants == [one, two, three]
    assert line.applied_to == [three]
    assert line.keys == ["a", "b"]
    assert line.message == f"no; sent to 3 participants: {one}, {two}, {three}"


def test_a_line_that_is_true_of_all_names_nobody_twice(make_result: Make) -> None:
    """The outcome says it."""
    assert joined([make_result(1, who=1), make_result(1, who=2)]).applied_to is None
    assert joined([make_result(1, Outcome.UNKNOWN, who=n) for n in (1, 2)]).applied_to is None


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([True, True], (True, None)),
        ([True, None], (None, "why")),
        ([False, None], (False, None)),
    ],
)
def test_a_row_is_verified_only_where_all_its_parts_are(
    verdicts: list[bool | None], expected: tuple[bool | None, str | None], make_result: Make
) -> None:
    """One participant at whom nobody could look leaves the whole unproved."""
    parts = [
        make_result(1, who=who, verified=verdict, unverified=None if verdict is not None else "why")
        for who, verdict in enumerate(verdicts)
    ]
    line = joined(parts)
    assert (line.verified, line.unverified) == expected


def test_what_could_not_be_looked_up_says_itself_that_it_is_unknown() -> None:
    """Nothing is wrong with the row; whoever found that out decides, not the code's spelling."""
    row = InvalidRow(1, 2, 0, "any_code", "m", "h", outcome=Outcome.UNKNOWN)
    assert of_unsent(row, sources=["s"], at="").outcome is Outcome.UNKNOWN
    assert of_unsent(row._replace(outcome=Outcome.INVALID), sources=["s"], at="").code == "any_code"


@pytest.mark.parametrize("in_this_run", [True, False])
def test_a_row_that_was_overtaken_names_the_newer_one(in_this_run: bool) -> None:
    """A number of another run's row is no number of this one's: that is for the sentence."""
    overtaken = Overtaken(("a",), 1234, in_this_run)
    row = Row(1, 2, 0, "c", "p", (), (), RowContext(overtaken=overtaken))
    line = of_unsent(row, sources=["s"], at="")
    assert (line.outcome, line.keys) == (Outcome.SUPERSEDED, ["a"])
    assert line.superseded_by == (1234 if in_this_run else None)
    assert "row 1,234 of " in str(line.message)
    assert ("earlier run" in str(line.message)) != in_this_run


def test_each_line_bears_what_the_sender_calls_its_row() -> None:
    """A sender that waits for its id must meet it, whatever has become of the row."""
    rows = tuple(
        Row(n, n, 0, "c", "p", ("a",), ("x",), RowContext(id=f"t{n}") if n < 3 else None)
        for n in (1, 2, 3)
    )
    patch = Patch(1, rows, {"a": "x"}, {1: 3})
    for outcome, taken in (
        (PatchOutcome(Outcome.UPDATED), Outcome.SUPERSEDED),
        (too_late(), Outcome.REJECTED),
    ):
        sent = of_patch(patch, outcome, sources=["s"], at="")
        assert [(line.id, line.outcome) for line in sent] == [
            ("t1", taken),
            ("t2", outcome.outcome),
            (None, outcome.outcome),
        ]
    invalid = InvalidRow(1, 1, 0, "any_code", "m", "h", id="t1")
    idle = rows[1]._replace(names=(), values=())
    assert [of_unsent(row, sources=["s"], at="").id for row in (invalid, idle)] == ["t1", "t2"]


def test_a_row_of_several_participants_keeps_its_id(make_result: Make) -> None:
    """It is one row to its sender, however many it was sent to."""
    parts = [make_result(1, who=who)._replace(id="t1") for who in (1, 2)]
    assert joined(parts).id == "t1"


def test_what_is_not_sent_any_more_says_that_nothing_was_sent() -> None:
    """A sender that asks again must know that it does nothing twice."""
    for outcome, code in ((too_late(), "deadline"), (withdrawn(), "cancelled")):
        assert (outcome.outcome, outcome.code, outcome.attempts) == (Outcome.REJECTED, code, 0)
        assert str(outcome.hint).startswith("Nothing was sent")
