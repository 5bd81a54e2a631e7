"""Order lives here: whatever comes and goes, the result is that of the rows one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batchpatch.errors import SettingsError
from batchpatch.merging.merge import row_bytes
from batchpatch.merging.window import Window
from batchpatch.model import Patch, Row
from batchpatch.options.run import MergeOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Row]

C = "11111111-1111-4111-8111-111111111111"
ROWS, BYTES, BODY = 5, 2600, 70
attributes = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.text(alphabet="xé\x01", max_size=12), min_size=1
)


class AnyInterleaving(RuleBasedStateMachine):
    """A run in any order that the rules of a window allow."""

    def __init__(self) -> None:
        super().__init__()
        options = MergeOptions(window_rows=ROWS, window_bytes=BYTES, body_bytes=BODY)
        self.window = Window(options, patches=7)
        self.numbers = {7}
        self.rows: list[Row] = []
        self.left: list[int] = []
        self.out: list[Patch] = []
        self.one_by_one: dict[str, dict[str, str]] = {}
        self.applied: dict[str, dict[str, str]] = {}

    @precondition(lambda self: not self.window.full)
    @rule(who=st.integers(0, 2), wanted=attributes)
    def add(self, who: int, wanted: dict[str, str]) -> None:
        row = Row(len(self.rows) + 1, 1, 0, C, f"p{who}", tuple(wanted), tuple(wanted.values()))
        self.rows.append(row)
        self.one_by_one.setdefault(row.participant_id, {}).update(wanted)
        self.window.add(row)

    @rule(drain=st.booleans())
    def take(self, drain: bool) -> None:
        was_full = self.window.full
        waiting = {row.participant_id for row in self.rows if row.number not in self.left}
        leased = {patch.participant_id for patch in self.out}
        patch = self.window.take(flush=drain)
        if patch is None:
            assert not (waiting - leased) or not (was_full or drain)
            return
        assert drain or was_full, "a patch leaves only when it has to"
        assert patch.participant_id not in leased, "two requests for one participant"
        self.numbers_are_new(patch)
        mine = [r.number for r in self.rows if r.participant_id == patch.participant_id]
        gone = [number for number in self.left if number in mine]
        taken = [row.number for row in patch.rows]
        assert [*gone, *taken] == mine[: len(gone) + len(taken)], "rows leave in their order"
        body = len(orjson.dumps({"attributes": patch.attributes}))
        assert body <= BODY or len(patch.rows) == 1
        self.left += taken
        self.out.append(patch)

    def numbers_are_new(self, patch: Patch) -> None:
        assert patch.number == max(self.numbers) + 1 == self.window.patches
        self.numbers.add(patch.number)

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0), refused=st.booleans())
    def settle(self, which: int, refused: bool) -> None:
        """Answers come in any order; a merged patch may be refused and sent row by row."""
        patch = self.out.pop(which % len(self.out))
        state = self.applied.setdefault(patch.participant_id, {})
        if refused and len(patch.rows) > 1:
            parts = self.window.split(patch)
            assert [part.rows for part in parts] == [(row,) for row in patch.rows]
            for part in parts:
                self.numbers.add(part.number)
                assert not part.superseded
                state.update(part.attributes)
            assert len(self.numbers) == self.window.patches - 6
        else:
            state.update(patch.attributes)
        self.window.release(patch)

    @invariant()
    def bounds_hold(self) -> None:
        waiting = [row for row in self.rows if row.number not in self.left]
        assert self.window.rows == len(waiting) <= ROWS
        weight = sum(map(row_bytes, waiting))
        assert self.window.full == (len(waiting) == ROWS or weight >= BYTES)
        assert self.window.idle == (not waiting and not self.out)

    def teardown(self) -> None:
        """Nothing is stuck at the end, and the platform holds what the rows ask for."""
        while not self.window.idle:
            self.take(drain=True)
            if self.out:
                self.settle(which=0, refused=False)
        assert sorted(self.left) == [row.number for row in self.rows]
        assert self.applied == self.one_by_one


AnyInterleaving.TestCase.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
TestAnyInterleaving = AnyInterleaving.TestCase


def test_rows_of_one_participant_become_one_patch(make_row: Make) -> None:
    """Rows 3 and 9 of a file that name one participant cost one request."""
    window = Window()
    for number in range(1, 11):
        window.add(make_row(number, 3 if number == 9 else number, {"a": str(number)}))
    assert window.take() is None  # there may be more
    patches = []
    while (patch := window.take(flush=True)) is not None:
        patches.append(patch)
        window.release(patch)
    assert len(patches) == 9
    assert [row.number for row in patches[2].rows] == [3, 9]
    assert patches[2].attributes == {"a": "9"}
    assert patches[2].superseded == {3: 9}


def test_what_came_back_goes_before_what_came_later(make_row: Make) -> None:
    """A participant whose rows waited for their lease is not sent to the end of the line."""
    window = Window()
    window.add(make_row(1, 1, {"a": "1"}))
    first = window.take(flush=True)
    assert first is not None
    window.add(make_row(2, 1, {"a": "2"}))
    window.add(make_row(3, 2, {"a": "3"}))
    window.release(first)
    second = window.take(flush=True)
    assert second is not None
    assert [row.number for row in second.rows] == [2]


def test_a_row_too_large_alone_is_for_the_platform_to_judge(make_row: Make) -> None:
    """Its limit may have been raised; the rows beside it do not share its fate."""
    window = Window(MergeOptions(body_bytes=100))
    for number in (1, 2, 3):
        window.add(make_row(number, 1, {f"n{number}": "x" * (200 if number == 2 else 2)}))
    taken = []
    while (patch := window.take(flush=True)) is not None:
        taken.append([row.number for row in patch.rows])
        window.release(patch)
    assert taken == [[1], [2], [3]]


@given(window_rows=st.integers(1, 6), count=st.integers(0, 20))
def test_a_full_window_gives_no_more_than_it_has_to(
    make_row: Make, window_rows: int, count: int
) -> None:
    """The longer rows wait, the more of them meet: only as many leave as must."""
    window = Window(MergeOptions(window_rows=window_rows))
    for number in range(count):
        window.add(make_row(number, number, {"a": "x"}))
        while (patch := window.take()) is not None:
            window.release(patch)
    assert window.rows == min(count, window_rows - 1)


@pytest.mark.parametrize("bound", ["window_rows", "window_bytes", "body_bytes"])
def test_a_bound_that_holds_no_row_is_refused(bound: str) -> None:
    """A window of none would neither take rows in nor let any go."""
    with pytest.raises(SettingsError, match="--window"):
        MergeOptions(**{bound: 0})


def test_withdrawn_rows_leave_before_their_turn(make_row: Make) -> None:
    """While an allowance is waited for no turn comes, and what nobody wants must not pile up."""
    gone: set[int] = set()
    window = Window(withdrawn=gone.__contains__)
    rows = [make_row(number, number % 3, {"a": str(number)}) for number in range(1, 8)]
    for row in rows:
        window.add(row)
    gone |= {1, 2, 4, 5}
    window.drop_withdrawn([*gone, 1000])
    assert ({row.number for row in window.dropped}, window.rows) == (gone, 3)
    left = [patch.rows for patch in iter(lambda: window.take(flush=True), None)]
    assert [[row.number for row in rows] for rows in left] == [[7], [3, 6]]
    assert window.rows == 0
