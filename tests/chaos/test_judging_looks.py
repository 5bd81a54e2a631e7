"""The judges of look-ups, of reading back and of undo object where they should."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from harness.inputs import RowSpec, State, make_rows
from harness.judging import failures, gaps, line_problems
from harness.people import Manner, Person, Talk, fitting, make_talks, name_rows, state_before
from harness.planned import plan_problems
from harness.readback import effects, impossible, unfounded, verdict_problems
from harness.restored import Foreign, TakenBack

ANN, BEN = ("c-1", "ann"), ("c-1", "ben")
ROWS = [
    RowSpec(1, ANN, {"stage": "1", "row_1": "here"}, valid=True),
    RowSpec(2, ANN, {"stage": "2"}, valid=True),
    RowSpec(3, BEN, {"stage": "3", "row_3": "here"}, valid=True),
]
STORED = {ANN: {"stage": "2", "row_1": "here"}, BEN: {"stage": "3", "row_3": "here"}}


def line(row: int, outcome: str = "updated", **fields: Any) -> dict[str, Any]:
    """A line of the report."""
    return {"row": row, "outcome": outcome, "patch": row, **fields}


def report(*lines: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Lines by row; what is not given is verified."""
    given = {one["row"]: one for one in lines}
    return {row.number: given.get(row.number, line(row.number, verified=True)) for row in ROWS}


LOST = line(3, "not_stored", verified=False)


@pytest.mark.parametrize(
    ("lines", "share", "count"),
    [
        (report(LOST), 1.0, 0),
        (report(), 1.0, 1),
        (report(line(3)), 1.0, 2),
        (report(line(3)), 0.5, 0),
        (report(LOST, line(1, "not_stored", verified=False)), 1.0, 1),
        (report(LOST, line(2)), 1.0, 1),
    ],
)
def test_a_wrong_word_about_a_write_is_seen(lines: Any, share: float, count: int) -> None:
    """A drop called verified or simply updated; a stored row called lost; one not looked for."""
    seen = {1: {True}, 3: {False}}
    assert len(verdict_problems(ROWS, lines, seen, share=share)) == count


@pytest.mark.parametrize(
    ("told", "count"),
    [
        (line(3, unverified="404"), 0),
        (line(3, "unknown"), 0),
        (line(3), 1),
        (line(3, verified=True), 1),
        (LOST, 1),
    ],
)
def test_a_judgement_without_a_read_is_seen(told: Any, count: int) -> None:
    """Nobody could look, and the line says that, whatever has become of the write."""
    found = verdict_problems([ROWS[2]], report(told), {3: {False}}, share=1.0, unreadable={BEN[0]})
    assert len(found) == count


@pytest.mark.parametrize(
    ("state", "count"),
    [
        (STORED, 0),
        ({**STORED, BEN: {"row_3": "here"}}, 1),
        ({**STORED, BEN: {}}, 2),
        ({**STORED, ANN: {"stage": "1", "row_1": "here"}}, 1),
    ],
)
def test_what_is_called_verified_and_is_not_there_is_seen(state: State, count: int) -> None:
    """The value of a later row will do, that of an earlier one will not."""
    assert len(unfounded(ROWS, report(), state)) == count


@pytest.mark.parametrize(
    ("state", "wrong"),
    [
        (STORED, []),
        ({ANN: STORED[ANN]}, [BEN]),
        ({**STORED, ANN: {**STORED[ANN], "stage": "1"}}, [ANN]),
        ({**STORED, BEN: {"stage": "old", "row_3": "here"}}, [BEN]),
    ],
)
def test_a_state_that_nothing_explains_is_seen(state: State, wrong: Any) -> None:
    """An effect that is missing, an old value over a new one, and one from before."""
    seen = {1: {True}, 3: {True}}
    assert impossible(ROWS, report(), seen, state, {BEN: {"stage": "old"}}) == wrong


def test_the_log_tells_which_rows_were_dropped() -> None:
    """Accepted and never applied; what was refused is neither."""
    writes: list[dict[str, Any]] = [
        {"keys": ["row_1", "stage"], "applied": 1, "status": 202},
        {"keys": ["row_1"], "applied": None, "status": 503},
        {"keys": ["row_3"], "applied": None, "status": 202},
    ]
    assert effects(writes) == {1: {True}, 3: {False}}


def test_what_did_not_make_it_for_no_reason_is_seen() -> None:
    """A look-up that failed is told as invalid, and yet no fault of the row."""
    lines = [line(1), line(2, "conflict"), line(3, "unknown", code="not_read")]
    assert len(failures(lines)) == 2
    assert len(failures(lines, but="conflict")) == 1
    spoiled = [ROWS[0]._replace(valid=False)]
    assert line_problems(spoiled, [line(1, "invalid")]) == []
    assert len(line_problems(spoiled, [line(1, "invalid", code="lookup_failed")])) == 1


def test_a_row_that_went_to_somebody_else_is_seen() -> None:
    """Whom the line names must be whom the row means."""
    ids = {"conversation_id": "c-1", "participant_id": "ann"}
    assert line_problems(ROWS[:1], [line(1, **ids)]) == []
    assert len(line_problems(ROWS[:1], [line(1, **{**ids, "participant_id": "ben"})])) == 1


def test_a_gap_at_any_of_several_participants_is_seen() -> None:
    """A row that means two is open for both of them until it has its line."""
    rows = [ROWS[0]._replace(others=(BEN,)), *ROWS[1:]]
    assert len(gaps(rows, frozenset({3}))) == 1
    assert gaps(rows, frozenset({1, 3})) == []


BEFORE = {ANN: {"stage": "0"}, BEN: {}}
AFTER = {ANN: {"stage": "1"}, BEN: {"stage": "3"}}
BACK = {ANN: {"stage": "0"}, BEN: {"stage": ""}}
NAMES = {ANN: {"stage"}, BEN: {"stage"}}


def undone(final: State, foreign: dict[Any, Foreign] | None = None, **outcomes: str) -> list[str]:
    """What the judge says of an undo that led to this state, and reports these outcomes."""
    lines = []
    for who in (ANN, BEN):
        outcome = outcomes.get(who[1], "updated")
        one = {"conversation_id": who[0], "participant_id": who[1], "outcome": outcome}
        if who is BEN and outcome == "updated":
            one |= {"code": "blanked", "message": "set to an empty text, because...: stage"}
        lines.append(one)
    lines = [one for one in lines if one["outcome"] != "silence"]
    return TakenBack(
        before=BEFORE,
        after=AFTER,
        final=final,
        names=NAMES,
        foreign=foreign or {},
        lines=lines,
        finished=True,
        undisturbed=True,
    ).problems()


FOREIGN = {ANN: Foreign("stage", "theirs", settled=False, early=True)}
THEIRS = {**BACK, ANN: {"stage": "theirs"}}


@pytest.mark.parametrize(
    ("final", "foreign", "outcomes", "count"),
    [
        (BACK, {}, {}, 0),
        (THEIRS, FOREIGN, {"ann": "conflict"}, 0),
        ({**BACK, ANN: {"stage": "1"}}, {}, {}, 1),
        ({**BACK, BEN: {}}, {}, {}, 1),
        (BACK, {}, {"ann": "conflict"}, 1),
        (BACK, {}, {"ann": "silence"}, 1),
        (BACK, FOREIGN, {"ann": "conflict"}, 1),
        (THEIRS, FOREIGN, {"ann": "updated"}, 1),
        ({**THEIRS, BEN: {"stage": "3"}}, FOREIGN, {"ann": "conflict"}, 1),
    ],
)
def test_an_undo_that_is_wrong_is_seen(
    final: State, foreign: Any, outcomes: dict[str, str], count: int
) -> None:
    """Not restored, gone, a false conflict, a silent one, and a foreign value overwritten."""
    assert len(undone(final, foreign, **outcomes)) == count


def test_a_blank_that_is_not_told_is_seen() -> None:
    """Each row whose attribute was absent has to say so."""
    taken = TakenBack(
        before=BEFORE,
        after=AFTER,
        final=BACK,
        names=NAMES,
        foreign={},
        lines=[
            {"conversation_id": "c-1", "participant_id": name, "outcome": "updated"}
            for name in ("ann", "ben")
        ],
        finished=True,
        undisturbed=True,
    )
    assert len(taken.problems()) == 1


def test_a_plan_that_is_wrong_is_seen() -> None:
    """Another value before, a row left out, and one too many."""
    rows = [
        RowSpec(1, ANN, {"stage": "1"}, valid=True),
        RowSpec(2, BEN, {"stage": "3"}, valid=True),
    ]
    right: list[Any] = [(rows[0], {"stage": "0"}), (rows[1], {"stage": None})]
    assert plan_problems(rows, right, BEFORE) == []
    assert len(plan_problems(rows, [(rows[0], {"stage": None}), right[1]], BEFORE)) == 1
    assert len(plan_problems(rows, right[:1], BEFORE)) == 1
    more: Any = (RowSpec(3, BEN, {"note": "x"}, valid=True), {"note": None})
    assert len(plan_problems(rows, [*right, more], BEFORE)) == 1


def test_who_is_meant_follows_from_what_a_row_says() -> None:
    """An id says it alone, all else must fit together, and several are told apart as asked."""
    ann = Person(ANN, {"participantId": "ann", "purpose": "agent", "userId": "u-1"}, {})
    ben = Person(BEN, {"participantId": "ben", "purpose": "agent", "userId": "u-2"}, {})
    talk = Talk([ann, ben], ended=False, in_analytics=True)
    assert fitting(talk, {"purpose": "agent"}) == [ann, ben]
    assert fitting(talk, {"purpose": "agent", "userId": "u-2"}) == [ben]
    assert fitting(talk, {"participantId": "ben", "userId": "u-1"}) == [ben]
    assert fitting(talk, {"purpose": "agent", "userId": "u-3"}) == []


@pytest.mark.parametrize("ambiguous", ["refuse", "first", "last", "all"])
def test_the_rows_name_people_in_every_way(ambiguous: str) -> None:
    """Rows of one participant bear different names for it, and some mean nobody."""
    dice = Random(ambiguous)  # noqa: S311 - nothing here is a secret
    talks = make_talks(dice, 60, unknown=0.2, ended=0.2)
    rows = make_rows(dice, 400, marked=True, people=list(state_before(talks)))
    named = name_rows(dice, rows, talks, Manner(ambiguous=ambiguous))
    ways = {way for row in named for way, _ in row.naming}
    assert len(ways) == 6
    by_who: dict[Any, set[Any]] = {}
    for row in named:
        if row.sendable:
            by_who.setdefault(row.who, set()).add(row.naming)
    assert any(len(names) > 3 for names in by_who.values())
    assert any(not row.valid for row in named)
    assert any(row.others for row in named) is (ambiguous == "all")
