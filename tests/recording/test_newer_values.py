"""Old never beats new: the names that a row must leave out when it is sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.formats.skips import format_skip, parse_skip
from batchpatch.model import Outcome, RowResult
from batchpatch.recording import newer_values
from batchpatch.recording.bitmap import Bitmap
from batchpatch.recording.newer_values import Asked, find_newer, find_skips, find_suspects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from random import Random

    Make = Callable[..., RowResult]
    File = Callable[[Iterable[RowResult]], Path]

settled = st.lists(
    st.tuples(
        st.sampled_from([Outcome.UPDATED, Outcome.UNCHANGED, Outcome.REJECTED, Outcome.UNKNOWN]),
        st.integers(0, 3),
        st.sets(st.sampled_from(["a", "b", "c", "d;e"])),
    ),
    max_size=25,
)


@given(rows=settled, order=st.randoms())
def test_against_the_rule_itself(
    rows: list[tuple[Outcome, int, set[str]]],
    order: Random,
    make_result: Make,
    results_file: File,
) -> None:
    """Lines are in order of settlement, not of rows; the rule speaks of rows.

    A lost row whose participant nobody knows is compared with all others of its conversation; one
    that went to several, with those of each of them.
    """
    results = []
    for row, (outcome, who, keys) in enumerate(rows, 1):
        result = make_result(row, outcome, who=who, keys=sorted(keys))
        results.append(result if who else result._replace(participant_id=None))
    lost = [r for r in results if not r.outcome.made_it]
    expected = {}
    for old in lost:
        newer = {
            name
            for new in results
            if new.outcome.made_it and new.row > old.row
            if new.participant_id == old.participant_id or old.participant_id is None
            for name in new.keys or ()
        }
        if names := newer & set(old.keys or ()):
            expected[old.row] = sorted(names)
    order.shuffle(results)
    path = results_file(results)
    assert find_skips(path, [r.row for r in lost]) == expected
    suspects = find_suspects(path, Bitmap(r.row for r in lost))
    assert set(expected) <= set(suspects) <= {r.row for r in lost}


def test_an_invalid_row_skips_whatever_came_later(make_result: Make, results_file: File) -> None:
    """Its names are not known; once the user has mended it, none of them may undo a later row."""
    path = results_file(
        [
            make_result(1, Outcome.INVALID, who=5, keys=None),
            make_result(2, who=5, keys=["b", "a"]),
            make_result(3, Outcome.INVALID, participant_id=None, keys=None),
        ]
    )
    assert find_skips(path, [1, 3]) == {1: ["a", "b"]}


def test_another_conversation_of_the_same_participant_does_not_count(
    make_result: Make, results_file: File
) -> None:
    """Attributes belong to the participant of one conversation; both ids make the address."""
    path = results_file(
        [
            make_result(1, Outcome.UNKNOWN, who=5),
            make_result(2, who=5, conversation_id="33333333-1111-4111-8111-111111111111"),
        ]
    )
    assert find_skips(path, [1]) == {}


def test_rows_without_a_line_can_be_asked_about(make_result: Make, results_file: File) -> None:
    """A row whose line was dropped for a retry is known from the input alone."""
    later = make_result(8, keys=["x", "y"])
    asked = Asked(3, str(later.conversation_id), str(later.participant_id), ["y", "z"])
    assert find_newer(results_file([later]), [asked, asked._replace(row=9)]) == {3: ["y"]}


def test_suspects_are_few_where_no_participant_repeats(
    make_result: Make, results_file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual run has no skips, and finding that out must not take a pass for each chunk."""
    path = results_file(
        make_result(row, Outcome.REJECTED if row % 10 == 0 else Outcome.UPDATED)
        for row in range(1, 5001)
    )
    failed = Bitmap(range(10, 5001, 10))
    assert find_suspects(path, failed).count() < 5
    monkeypatch.setattr(newer_values, "_SIEVE_BITS", 8)
    assert find_suspects(path, failed) == failed


@given(names=st.lists(st.text(), max_size=5))
def test_any_names_survive_the_cell(names: list[str]) -> None:
    """Attribute names may hold any character; none may be split, merged or run as a formula."""
    cell = format_skip(names)
    assert parse_skip(cell) == names
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_plain_names_stay_readable() -> None:
    """The cell is for people first; JSON is for the names that need it."""
    assert format_skip(["wrapUp", "Next Best Action"]) == "wrapUp;Next Best Action"
    assert format_skip(["a;b"]) == '["a;b"]'
    assert format_skip(["=cmd()"]) == '["=cmd()"]'


@pytest.mark.parametrize("cell", ["[a", "[1]", '{"a":1}', "[]x"])
def test_a_cell_that_only_looks_like_json_is_a_name(cell: str) -> None:
    """People write these cells too; what they wrote is not lost."""
    assert parse_skip(cell) == [cell]
