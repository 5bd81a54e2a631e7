"""The order in which conversations are looked up, and the deadlines of the rows behind them."""

from __future__ import annotations

from batchpatch.model import Row, RowContext
from batchpatch.pipeline.look_ups import Deadlines, LookUpQueue


def test_who_is_in_a_hurry_goes_before_others_and_behind_whoever_was_so_before() -> None:
    """The first of two urgent rows is not to be overtaken by the second, again and again."""
    queue = LookUpQueue()
    for one in "abcd":
        queue.add(one)
    for one in "cbz":
        queue.hurry(one)
    queue.add("c")
    queue.discard("a")
    assert len(queue) == 3
    assert queue.take(2) == ["c", "b"]
    assert "c" not in queue
    assert queue.take(9) == ["d"]


def test_a_row_is_told_once_that_it_is_due() -> None:
    """Rows that have gone on meanwhile are told too: who asks knows what is still there."""
    deadlines = Deadlines()
    for number, due_s in ((1, 5.0), (2, None), (3, 2.0)):
        deadlines.note(Row(number, 1, 0, "c", "p", (), (), RowContext(due_s=due_s)))
    assert deadlines.passed(1.0) == []
    assert deadlines.passed(5.0) == [3, 1]
    assert deadlines.passed(9.0) == []
