"""What is sent, given what is there: never too little, and nobody else's change overwritten."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reads_doubles import LOST, UNKNOWN, UPDATED, patch_of

from batchpatch.model import Outcome, Patch, PatchOutcome, RowContext
from batchpatch.sending import outcomes
from batchpatch.sending.compare import Conflict, Send, Unchanged, Unplanned, compare, expected_of
from batchpatch.sending.own_writes import OwnWrites

UNHURRIED = settings(deadline=None)
NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["", "1", "2"])
ATTRIBUTES = st.dictionaries(NAMES, VALUES)
WANTED = st.dictionaries(NAMES, VALUES, min_size=1)
EXPECTED = st.none() | st.dictionaries(NAMES, st.none() | VALUES)


@UNHURRIED
@given(WANTED, ATTRIBUTES, EXPECTED)
def test_without_an_option_all_is_sent(
    wanted: dict[str, str], present: dict[str, str], expected: dict[str, str | None] | None
) -> None:
    """Keeping the values before must not change what is sent; absent is told from blank."""
    found = compare(
        patch_of(1, **wanted), present, expected=expected, guard=False, skip_unchanged=False
    )
    assert found == Send(wanted, {name: present.get(name) for name in wanted})


@UNHURRIED
@given(WANTED, ATTRIBUTES, EXPECTED)
def test_only_what_differs_is_sent(
    wanted: dict[str, str], present: dict[str, str], expected: dict[str, str | None] | None
) -> None:
    """Afterwards all is as asked, and no request was spent on what had been so before."""
    found = compare(
        patch_of(1, **wanted), present, expected=expected, guard=False, skip_unchanged=True
    )
    sent = found.attributes if isinstance(found, Send) else {}
    after = {**present, **sent}
    assert all(after.get(name, "") == value for name, value in wanted.items())
    assert all(present.get(name, "") != value for name, value in sent.items())
    assert isinstance(found, Send) == bool(sent)
    if isinstance(found, Send):
        assert found.before == {name: present.get(name) for name in sent}


@UNHURRIED
@given(WANTED, ATTRIBUTES, EXPECTED)
def test_a_guard_stops_what_would_overwrite_a_foreign_change(
    wanted: dict[str, str], present: dict[str, str], expected: dict[str, str | None] | None
) -> None:
    """A conflict names exactly what is not as expected; what is as asked already is none.

    Where nothing says what is expected, a guard would be none: that is not sent either.
    """
    patch = patch_of(1, **wanted)
    found = compare(patch, present, expected=expected, guard=True, skip_unchanged=False)
    unguarded = compare(patch, present, expected=None, guard=False, skip_unchanged=True)
    foreign = tuple(
        name
        for name in (unguarded.attributes if isinstance(unguarded, Send) else {})
        if name in (expected or {}) and present.get(name) != (expected or {})[name]
    )
    unplanned = tuple(
        name
        for name in (unguarded.attributes if isinstance(unguarded, Send) else {})
        if name not in (expected or {})
    )
    if unplanned:
        assert found == Unplanned(unplanned)
    else:
        assert found == (Conflict(foreign) if foreign else unguarded)


@pytest.mark.parametrize(("expected", "present"), [({"a": None}, {"a": ""}), ({"a": ""}, {})])
def test_absent_is_not_blank(expected: dict[str, str | None], present: dict[str, str]) -> None:
    """Somebody created the attribute, or it was never there: either way it was changed."""
    found = compare(
        patch_of(1, a="new"), present, expected=expected, guard=True, skip_unchanged=False
    )
    assert found == Conflict(("a",))


def test_an_absent_attribute_is_not_created_to_be_blank() -> None:
    """The platform cannot delete it again; only who sends without looking asks for that."""
    patch = patch_of(1, a="")
    assert compare(patch, {}, expected=None, guard=False, skip_unchanged=True) == Unchanged()
    assert compare(patch, {}, expected={"a": "was"}, guard=True, skip_unchanged=False) == (
        Unchanged()
    )
    assert compare(patch, {}, expected=None, guard=False, skip_unchanged=False) == (
        Send({"a": ""}, {"a": None})
    )


def test_the_first_row_that_names_an_attribute_tells_what_was_there() -> None:
    """A later one may expect what the first sets, and that is not there before the patch."""
    first, second, third = (patch_of(1, a="1").rows[0] for _ in range(3))
    rows = (
        first._replace(context=RowContext(before={"a": "0"})),
        second,
        third._replace(context=RowContext(before={"a": "1", "b": None})),
    )
    assert expected_of(Patch(1, rows, {"a": "3"})) == {"a": "0", "b": None}
    assert expected_of(Patch(1, (second,), {"a": "3"})) is None
    assert expected_of(Patch(1, (second._replace(context=RowContext(before={})),), {})) == {}


def test_an_own_write_is_nobody_elses_change() -> None:
    """Rows of a plan that left in two requests do not conflict with each other."""
    recent = OwnWrites()
    recent.settled(patch_of(1, a="1"), UPDATED)
    second = patch_of(1, a="2")
    for was_read in ({"a": "0"}, {"a": "1"}):
        for expected in ("0", "1"):
            found = compare(
                second,
                recent.overlay(second, was_read),
                expected={"a": expected},
                guard=True,
                skip_unchanged=False,
                own=recent.of(second),
            )
            assert found == Send({"a": "2"}, {"a": "1"})


class Step(NamedTuple):
    """A patch of one attribute, some time after the one before."""

    value: str
    after_s: float
    read_age_s: float
    applied_after_s: float
    answer: PatchOutcome
    """The outcome; a refusal is not applied, and of what is in doubt it is a matter of luck."""
    lucky: bool


REFUSED = PatchOutcome(Outcome.REJECTED, status=404, attempts=1)
FAILED = PatchOutcome(Outcome.REJECTED, status=503, attempts=1)
REPEATED = PatchOutcome(Outcome.REJECTED, status=404, attempts=2)
NO_ANSWER = PatchOutcome(Outcome.UNKNOWN, attempts=6)
STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(["1", "2"]),
        st.floats(0, 40),
        st.floats(0, 5),
        st.floats(0, 40),
        st.sampled_from([UPDATED, REFUSED, FAILED, REPEATED, NO_ANSWER]),
        st.booleans(),
    ),
    max_size=12,
)


def once(value: str, answer: PatchOutcome = UPDATED, **given: Any) -> Step:
    """A step at once, whose read and write take no time."""
    times = {"after_s": 0.0, "read_age_s": 0.0, "applied_after_s": 0.0, "lucky": False}
    return Step(**{"value": value, "answer": answer, **times, **given})


@UNHURRIED
@given(STEPS)
@example(
    # The last read is older than the one before it, and shows what was there until then.
    steps=[
        *(once("1"), once("1"), once("1")),
        *(once("1", after_s=1.0), once("2"), once("1", REFUSED)),
        once("1", read_age_s=1.0),
    ]
)
@example(
    # The third write is seen too early: the value is there still from the first.
    steps=[
        *(once("1"), once("2", applied_after_s=20.0), once("1", applied_after_s=30.0)),
        *(once("1", after_s=5.0), once("2", after_s=20.0)),
    ]
)
@example(
    # The same, where the second had been seen and the read is from before it.
    steps=[
        *(once("1"), once("2", after_s=2.0), once("2", after_s=1.0)),
        *(once("1", applied_after_s=9.0), once("1", REFUSED, read_age_s=2.0)),
        *(once("2", after_s=2.0), once("2", after_s=1.0)),
    ]
)
def test_skipping_never_loses_a_write(steps: list[Step]) -> None:
    """A 202 is applied later and a read may be old: the last value asked for is there at last.

    The platform applies writes in the order of their acceptance, each after a while; a read
    shows what was applied some seconds ago. A row told `unchanged` must be so in the end.
    """
    now_s = 0.0
    recent = OwnWrites(believed_s=60, clock=lambda: now_s)
    written: list[tuple[float, str]] = [(-1e9, "0")]
    promised: str | None = None
    for step in steps:
        now_s += step.after_s
        patch = patch_of(1, a=step.value)
        read_s = now_s - step.read_age_s
        shown = [value for at_s, value in written if at_s <= read_s][-1]
        verdict = compare(
            patch,
            recent.overlay(patch, {"a": shown}, began_s=read_s),
            expected=None,
            guard=False,
            skip_unchanged=True,
            own=recent.of(patch),
        )
        if isinstance(verdict, Send):
            recent.settled(patch, step.answer)
            if step.answer is UPDATED or (step.lucky and step.answer is not REFUSED):
                written.append((max(written[-1][0], now_s + step.applied_after_s), step.value))
            if step.answer is not REFUSED:
                promised = step.value if step.answer is UPDATED else None
        else:
            assert verdict == Unchanged()
            promised = step.value
        assert promised in (None, written[-1][1])


@pytest.mark.parametrize(
    ("answer", "own"),
    [
        (UPDATED, "2"),
        (REFUSED, "1"),
        *((answer, None) for answer in (FAILED, REPEATED, NO_ANSWER)),
    ],
)
def test_what_is_in_doubt_is_sent_again(answer: PatchOutcome, own: str | None) -> None:
    """An error, or no answer, may have come after the write took effect: nothing is skipped."""
    recent = OwnWrites()
    recent.settled(patch_of(1, a="1"), UPDATED)
    recent.settled(patch_of(1, a="2"), answer)
    assert recent.of(patch_of(1, a="")) == {"a": own}
    again = patch_of(1, a="1")
    found = compare(
        again,
        recent.overlay(again, {"a": "1"}),
        expected={"a": "0"},
        guard=True,
        skip_unchanged=True,
        own=recent.of(again),
    )
    assert isinstance(found, Unchanged) == (own == "1")


def test_what_others_have_changed_is_seen_after_a_while() -> None:
    """An own write of an hour ago says nothing about what is there now."""
    now_s = 0.0
    recent = OwnWrites(believed_s=60, clock=lambda: now_s)
    patch = patch_of(1, a="1")
    recent.settled(patch, UPDATED)
    assert recent.overlay(patch, {"a": "other", "b": "2"}) == {"a": "1", "b": "2"}
    now_s = 61
    assert recent.overlay(patch, {"a": "other", "b": "2"}) == {"a": "other", "b": "2"}
    assert recent.of(patch) == {}


def test_what_was_not_stored_is_not_remembered() -> None:
    """Or the next row that asks for it would be told that it is there."""
    recent = OwnWrites()
    patch, other = patch_of(1, a="1"), patch_of(1, b="1")
    recent.settled(patch, UPDATED)
    recent.settled(other, UPDATED)
    recent.settled(patch, UPDATED._replace(outcome=Outcome.NOT_STORED, verified=False))
    assert recent.overlay(patch, {}) == {"b": "1"}


def test_what_was_not_sent_leaves_no_trace() -> None:
    """It put nothing in doubt: what was written before still stands."""
    recent = OwnWrites()
    patch = patch_of(1, a="1")
    recent.settled(patch, UPDATED)
    for unsent in (outcomes.unchanged(), outcomes.conflict(["a"]), outcomes.unread(LOST)):
        recent.settled(patch, unsent)
    assert recent.of(patch) == {"a": "1"}


def test_memory_is_bounded() -> None:
    """A run of millions remembers those that it has written last, and each once."""
    recent = OwnWrites(participants=3)
    for who in (1, 2, 3, 1, 4, 4):
        recent.settled(patch_of(who, a=str(who)), UPDATED)
    assert len(recent) == 3
    known = [who for who in (1, 2, 3, 4) if recent.of(patch_of(who, a=""))]
    assert known == [1, 3, 4]


def test_verdicts_name_attributes_and_never_a_value() -> None:
    """They go into the report, where people's data must not be; long lists are cut."""
    conflict = Conflict(("stage", "note")).outcome
    assert conflict[:3] == (Outcome.CONFLICT, None, "changed_since")
    assert conflict.message == "no longer the value that is expected: stage, note"
    assert "--guard" in str(conflict.hint)
    assert outcomes.listed("abcdefgh") == "a, b, c, d, e and 3 more"
    assert len(outcomes.listed(["x" * 10_000])) < 100
    assert Unchanged().outcome[:3] == (Outcome.UNCHANGED, None, "already_so")


def test_a_conversation_that_cannot_be_read_is_told_from_one_that_does_not_exist() -> None:
    """The one is the platform's no; of the other nothing is known, and it may work next time."""
    lost, unknown = outcomes.unread(LOST), outcomes.unread(UNKNOWN)
    assert lost[:3] == (Outcome.UNKNOWN, None, "not_read")
    assert "not sent" in str(lost.message)
    assert unknown[:3] == (Outcome.REJECTED, 404, "unknown_conversation")
    assert unknown.correlation_id == "abc-2"
    assert lost.attempts == unknown.attempts == 0
