"""The judges of answers object where they should: one that never does would pass every case."""

from __future__ import annotations

from typing import Any

import pytest
from harness.answers import Sitting, answer_problems, overtaken, state_problems, write_disorder
from harness.calls import Call
from harness.inputs import RowSpec

ANN, BEN = ("c-1", "ann"), ("c-2", "ben")


def call(number: int, who: tuple[str, str] = ANN) -> Call:
    """A row of somebody's that says which it is."""
    attributes = {"stage": str(number), f"row_{number}": "here"}
    row = RowSpec(number, who, attributes, valid=True)
    return Call(row, {"id": f"call {number}"}, None)


def answer(number: int, outcome: str = "updated", **fields: Any) -> dict[str, Any]:
    """A result of one of these."""
    who = BEN if number == 2 else ANN
    ids = {"conversation_id": who[0], "participant_id": who[1]}
    return {"row": number, "id": f"call {number}", "outcome": outcome, **ids, **fields}


CALLS = [call(1), call(2, BEN), call(3)]
ANSWERS = [answer(1), answer(2), answer(3)]
STATE = {
    ANN: {"stage": "3", "row_1": "here", "row_3": "here"},
    BEN: {"stage": "2", "row_2": "here"},
}


def sitting(answers: list[dict[str, Any]] = ANSWERS, **fields: Any) -> Sitting:
    """One whose report says what the answers say."""
    return Sitting(CALLS, answers, fields.pop("lines", answers), **fields)


@pytest.mark.parametrize(
    ("one", "wrong"),
    [
        (sitting(), ""),
        (sitting(ANSWERS[:2]), "call 3 has no answer"),
        (sitting(ANSWERS[:2], drained=False), ""),
        (sitting(ANSWERS[:2], given_up=frozenset({"call 3"})), ""),
        (sitting([*ANSWERS, answer(3)], lines=ANSWERS), "answered 2 times"),
        (sitting([*ANSWERS, answer(4)]), "was not sent"),
        (sitting([answer(1), answer(2), answer(3, participant_id="eve")]), "of another row"),
        (sitting([answer(1), answer(2), answer(3, outcome="invalid")]), "of another row"),
        (sitting([answer(3), answer(1), answer(2)]), "row 1 is answered after row 3"),
        (sitting(lines=ANSWERS[:2]), "the report says None"),
        (sitting(lines=ANSWERS[:2], whole=False), ""),
        (sitting(lines=[*ANSWERS, answer(3)]), "row 3 has 2 lines"),
    ],
)
def test_a_wrong_answer_is_seen(one: Sitting, wrong: str) -> None:
    """Missing, twice, of somebody else, in another order, not on record."""
    found = answer_problems(one)
    assert bool(found) == bool(wrong), found
    assert wrong in " ".join(found)


REJECTED = [answer(1), answer(2), answer(3, outcome="rejected")]
OVERTAKEN = {ANN: {"stage": "1", "row_1": "here", "row_3": "here"}, BEN: STATE[BEN]}
WITHOUT_3 = {ANN: {"stage": "1", "row_1": "here"}, BEN: STATE[BEN]}


@pytest.mark.parametrize(
    ("answers", "state", "wrong"),
    [
        (ANSWERS, STATE, 0),
        (ANSWERS, OVERTAKEN, 1),
        (ANSWERS, WITHOUT_3, 2),
        (ANSWERS, {ANN: STATE[ANN]}, 2),
        (ANSWERS, {**STATE, ("c-3", "eve"): {"stage": "1"}}, 1),
        (ANSWERS[:2], STATE, 0),
        (ANSWERS[:2], WITHOUT_3, 0),
        (REJECTED, WITHOUT_3, 0),
        (REJECTED, STATE, 2),
    ],
)
def test_a_state_that_no_answer_bears_out_is_seen(answers: Any, state: Any, wrong: int) -> None:
    """What was answered is there, what was refused is not; what has no answer may be either."""
    assert len(state_problems([sitting(answers)], state)) == wrong


def test_what_is_sent_again_is_judged_by_where_it_came() -> None:
    """A call without an answer goes to the next process, and takes effect there."""
    first = sitting([answer(1), answer(2)], drained=False, last_write=2)
    again = Sitting([CALLS[2]], [answer(3, row=1)], [answer(3, row=1)])
    assert state_problems([first, again], STATE) == []
    assert len(state_problems([first, again], WITHOUT_3)) == 2


def write(number: int, *rows: int, names: tuple[str, ...] = ("stage",)) -> dict[str, Any]:
    """A logged request that carried these rows of Ann's."""
    keys = [*names, *(f"row_{row}" for row in rows)]
    ids = {"conversation_id": ANN[0], "participant_id": ANN[1]}
    return {"number": number, "applied": number, "keys": keys, **ids}


@pytest.mark.parametrize(
    ("writes", "is_wrong"),
    [
        ([write(1, 1), write(2, 3)], False),
        ([write(1, 1), write(2, 1), write(3, 3)], False),
        ([write(1, 3), write(2, 1)], True),
        ([write(1, 1, 3), write(2, 1)], True),
        ([write(1, 1, 3), write(2, 1, names=())], False),
        ([write(1, 1, 3), write(2, 1), write(3, 3)], True),
    ],
)
def test_another_order_is_seen(writes: Any, is_wrong: bool) -> None:
    """An old row behind a new one; the same request twice is only sent again."""
    assert bool(write_disorder([sitting()], writes)) is is_wrong


def test_order_is_that_of_arrival_where_calls_race() -> None:
    """Over HTTP each call is a connection of its own: the service says which came first."""
    answers = [answer(1, row=3), answer(2), answer(3, row=1)]
    one = sitting(answers, ordered=False)
    assert write_disorder([one], [write(1, 3), write(2, 1)]) == []
    assert write_disorder([one], [write(1, 1), write(2, 3)]) != []
    assert state_problems([one], OVERTAKEN) == []
    assert len(state_problems([one], STATE)) == 1


def test_a_gap_that_cannot_be_filled_is_seen() -> None:
    """A row without an answer before one that was written: sent again, old would beat new."""
    assert overtaken(sitting([answer(2), answer(3)])) != []
    assert overtaken(sitting([answer(1), answer(2)])) == []
