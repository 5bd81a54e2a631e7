"""Old never beats new: the names that a row must leave out when it is sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from batchpatch.model import Outcome, RowResult
from batchpatch.recording import newer_values
from batchpatch.recording.bitmap import Bitmap
from batchpatch.recording.newer_values import Asked, find_newer, find_skips, find_suspects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from random import Random

    import pytest

    Make = Callable[..., RowResult]
    File = Callable[[Iterable[RowResult]], Path]


def participant(number: int) -> str:
    return f"22222222-2222-4222-8222-{number:012d}"


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

    A failed row is held to what its own participant has got; one whose participant nobody knows,
    to what each participant of its conversation has, for the time when it is known.
    """
    results = []
    for row, (outcome, who, keys) in enumerate(rows, 1):
        result = make_result(row, outcome, who=who, keys=sorted(keys))
        results.append(result if who else result._replace(participant_id=None))
    lost = [r for r in results if not r.outcome.made_it]
    expected = {}
    for old in lost:
        newer: dict[str, dict[str, int]] = {}
        for new in results:
            if not (new.outcome.made_it and new.row > old.row):
                continue
            if old.participant_id not in (None, new.participant_id):
                continue
            for name in set(new.keys or ()) & set(old.keys or ()):
                newer.setdefault(new.participant_id or "", {})[name] = new.row
        if newer:
            expected[old.row] = newer
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
    assert find_skips(path, [1, 3]) == {1: {participant(5): {"a": 2, "b": 2}}}


def test_a_row_of_which_only_the_participant_is_known_is_held_to_that(
    make_result: Make, results_file: File
) -> None:
    """Its conversation was mistyped; mended, it must not undo what came later."""
    path = results_file(
        [
            make_result(1, Outcome.INVALID, who=5, keys=None, conversation_id=None),
            make_result(2, who=5, keys=["b"]),
            make_result(3, who=6, keys=["b"]),
        ]
    )
    assert find_skips(path, [1]) == {1: {participant(5): {"b": 2}}}
    assert list(find_suspects(path, Bitmap([1]))) == [1]


def test_rows_of_several_participants_are_compared_one_by_one(
    make_result: Make, results_file: File
) -> None:
    """What a later row gave to one of them is nothing that the others have; and a row that only
    some of its participants have got is newer for those alone."""
    both = {"participant_id": None, "participants": [participant(1), participant(2)]}
    path = results_file(
        [
            make_result(1, Outcome.UNKNOWN, keys=["a", "b"], **both),
            make_result(2, who=1, keys=["a"]),
            make_result(3, Outcome.REJECTED, keys=["b"], applied_to=[participant(2)], **both),
        ]
    )
    assert find_skips(path, [1]) == {1: {participant(1): {"a": 2}, participant(2): {"b": 3}}}
    assert list(find_suspects(path, Bitmap([1, 3]))) == [1, 3]


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
    who = str(later.participant_id)
    asked = Asked(3, str(later.conversation_id), (who,), ["y", "z"])
    found = find_newer(results_file([later]), [asked, asked._replace(row=9)])
    assert found == {3: {who: {"y": 8}}}


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
