"""The window of rows that somebody waits for: urgent, late and withdrawn, in any interleaving."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batchpatch.merging.window import Window
from batchpatch.model import Patch, Row, RowContext
from batchpatch.options.run import MergeOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Row]

C = "11111111-1111-4111-8111-111111111111"
WINDOW_ROWS = 6


def live(row: Row, *, urgent: bool = False, due_s: float | None = None) -> Row:
    """The row, with what its sender says of it."""
    return row._replace(context=RowContext(urgent=urgent, due_s=due_s))


class AnyLiveInterleaving(RuleBasedStateMachine):
    """Rows come, are given up, become late and leave in any order that the rules allow."""

    def __init__(self) -> None:
        super().__init__()
        self.gone: set[int] = set()
        """Numbers of rows that nobody wants any more."""
        self.window = Window(
            MergeOptions(window_rows=WINDOW_ROWS), withdrawn=lambda number: number in self.gone
        )
        self.now_s = 0.0
        self.count = 0
        self.waiting: list[Row] = []
        self.out: list[Patch] = []
        self.lifted: set[str] = set()
        """Participants with a row, now or before it was dropped, that is urgent."""

    def waiting_of(self, who: str) -> list[Row]:
        return [row for row in self.waiting if row.participant_id == who]

    @precondition(lambda self: not self.window.full)
    @rule(
        who=st.integers(0, 3),
        urgent=st.booleans(),
        due_in_s=st.none() | st.floats(0.5, 5, allow_nan=False),
    )
    def add(self, who: int, urgent: bool, due_in_s: float | None) -> None:
        self.count += 1
        row = Row(self.count, 1, 0, C, f"p{who}", (f"n{self.count}",), ("x",))
        if urgent or due_in_s is not None:
            due_s = None if due_in_s is None else self.now_s + due_in_s
            row = live(row, urgent=urgent, due_s=due_s)
        self.window.add(row)
        self.waiting.append(row)
        if urgent:
            self.lifted.add(row.participant_id)

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0))
    def withdraw(self, which: int) -> None:
        self.gone.add(self.waiting[which % len(self.waiting)].number)

    @rule()
    def drop_withdrawn(self) -> None:
        """Exactly those leave that are withdrawn and wait; nobody's order changes by it."""
        self.window.drop_withdrawn(list(self.gone))
        gone = [row.number for row in self.waiting if row.number in self.gone]
        assert sorted(row.number for row in self.dropped()) == gone

    @rule(for_s=st.floats(0.1, 3))
    def pass_time(self, for_s: float) -> None:
        """Exactly those leave that are late; nobody's order changes by it."""
        self.now_s += for_s
        self.window.expire(self.now_s)
        late = [row for row in self.waiting if self.is_late(row)]
        assert sorted(row.number for row in self.dropped()) == [row.number for row in late]

    def is_late(self, row: Row) -> bool:
        due_s = row.context.due_s if row.context is not None else None
        return due_s is not None and due_s <= self.now_s

    def dropped(self) -> list[Row]:
        """Takes them out, as the caller does."""
        dropped, self.window.dropped = self.window.dropped, []
        numbers = {row.number for row in dropped}
        assert len(numbers) == len(dropped), "a row is dropped once"
        late = [row for row in self.waiting if row.number in numbers]
        assert len(late) == len(dropped), "a row that has left is not dropped"
        self.waiting = [row for row in self.waiting if row.number not in numbers]
        return late

    @rule(flush=st.booleans())
    def take(self, flush: bool) -> None:
        was_full = self.window.full
        leased = {patch.participant_id for patch in self.out}
        urgent = {
            row.participant_id
            for row in self.waiting
            if row.context is not None and row.context.urgent and row.number not in self.gone
        }
        before = {one.participant_id: self.waiting_of(one.participant_id) for one in self.waiting}
        patch = self.window.take(flush=flush)
        assert {row.number for row in self.dropped()} <= self.gone
        if patch is None:
            free = {row.participant_id for row in self.waiting} - leased
            assert not free or not (flush or self.window.full)
            return
        who = patch.participant_id
        assert flush or was_full
        assert who not in leased, "two requests for one participant"
        assert list(patch.rows) == [r for r in before[who] if r.number not in self.gone]
        assert who in self.lifted or not urgent - leased, "it went before an urgent one"
        self.waiting = [row for row in self.waiting if row.participant_id != who]
        self.lifted.discard(who)
        self.out.append(patch)

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0))
    def settle(self, which: int) -> None:
        self.window.release(self.out.pop(which % len(self.out)))

    @invariant()
    def counts_hold(self) -> None:
        assert self.window.rows == len(self.waiting)
        assert self.window.idle == (not self.waiting and not self.out)
        due = [r.context.due_s for r in self.waiting if r.context and r.context.due_s is not None]
        assert not due or (self.window.due_s is not None and self.window.due_s <= min(due))

    def teardown(self) -> None:
        """Nothing is stuck at the end."""
        while not self.window.idle:
            self.take(flush=True)
            if self.out:
                self.settle(which=0)


AnyLiveInterleaving.TestCase.settings = settings(
    deadline=None, max_examples=100, stateful_step_count=40
)
TestAnyLiveInterleaving = AnyLiveInterleaving.TestCase


def taken(window: Window) -> list[list[int]]:
    """The rows of each patch that leaves now, which comes back at once."""
    patches = []
    while (patch := window.take(flush=True)) is not None:
        patches.append([row.number for row in patch.rows])
        window.release(patch)
    return patches


def test_an_urgent_row_lifts_the_earlier_ones_of_its_participant(make_row: Make) -> None:
    """It goes first, and they cannot come after it: so they go with it."""
    window = Window()
    for number, who in ((1, 1), (2, 2), (3, 3)):
        window.add(make_row(number, who, {f"n{number}": "x"}))
    window.add(live(make_row(4, 3, {"n4": "x"}), urgent=True))
    window.add(make_row(5, 3, {"n5": "x"}))
    assert taken(window) == [[3, 4, 5], [1], [2]]


def test_urgent_ones_behind_a_lease_go_first_when_it_ends(make_row: Make) -> None:
    """While its participant's patch is out nothing of it may leave; then it is the next."""
    window = Window()
    window.add(make_row(1, 1, {"a": "x"}))
    patch = window.take(flush=True)
    assert patch is not None
    window.add(live(make_row(2, 1, {"b": "x"}), urgent=True))
    window.add(live(make_row(3, 2, {"b": "x"}), urgent=True))
    window.release(patch)
    assert taken(window) == [[2], [3]]


def test_a_row_that_is_withdrawn_before_it_comes_does_not_wait(make_row: Make) -> None:
    """It was looked up meanwhile, or checked: where it then waited nobody would look for it."""
    window = Window(withdrawn=lambda number: number == 1)
    window.add(make_row(1, 1, {"a": "x"}))
    assert ([row.number for row in window.dropped], window.rows, window.idle) == ([1], 0, True)


def test_a_row_of_several_participants_is_withdrawn_from_all(make_row: Make) -> None:
    """It was said of one row and means two; what others say of them stays."""
    gone: set[int] = set()
    window = Window(withdrawn=gone.__contains__)
    for number, who in ((1, 1), (1, 2), (2, 2)):
        window.add(make_row(number, who, {"a": "x"}))
    gone.add(1)
    window.drop_withdrawn([1])
    assert [row.number for row in window.dropped] == [1, 1]
    assert taken(window) == [[2]]


def test_withdrawing_looks_at_no_other_participant(make_row: Make) -> None:
    """Callers give up by the thousand while the platform does not answer: what each of them costs
    must not depend on how many wait."""
    looked_at: list[int] = []

    def is_withdrawn(number: int) -> bool:
        looked_at.append(number)
        return number == 7

    window = Window(withdrawn=lambda number: bool(looked_at) and is_withdrawn(number))
    for number in range(1, 2001):
        window.add(make_row(number, number % 100, {"a": "x"}))
    looked_at.append(0)
    window.drop_withdrawn([7])
    assert (len(window.dropped), window.rows) == (1, 1999)
    assert len(looked_at) < 100


@pytest.mark.parametrize("lifted", [False, True])
def test_places_in_a_queue_that_were_left_are_not_kept(make_row: Make, lifted: bool) -> None:
    """Rows that come and are late while nothing can leave, in an outage of hours, and those that
    are lifted while only urgent ones leave, must not add up."""
    window = Window()
    window.add(live(make_row(1, 1, {"a": "x"}), urgent=True))

    def come_and_go(number: int) -> None:
        window.add(live(make_row(number, 2, {"a": "x"}), due_s=None if lifted else 1.0))
        if not lifted:
            window.expire(2.0)
            window.dropped.clear()
            return
        window.add(live(make_row(number + 1, 2, {"a": "x"}), urgent=True))
        window.add(live(make_row(number + 2, 1, {"a": "x"}), urgent=True))
        patch = window.take(flush=True)
        assert patch is not None
        window.release(patch)

    for number in range(2, 3_000, 3):
        come_and_go(number)
    tracemalloc.start()
    try:
        for number in range(3_000, 18_000, 3):
            come_and_go(number)
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes < 1 << 18
