"""`batchpatch_skip`: what must not be written again, and to whom."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.formats.skips import (
    format_skips,
    merged_skips,
    parse_skips,
    skips_field,
    without_skipped,
)
from batchpatch.model import Overtaken, Row

if TYPE_CHECKING:
    from batchpatch.model import Skips

ONE, TWO = "22222222-2222-4222-8222-000000000001", "22222222-2222-4222-8222-000000000002"

names = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["a", "b c", "x@y", "(a"]),
    st.integers(0, 10**9),
    min_size=1,
    max_size=4,
)
any_skips = st.dictionaries(st.sampled_from([ONE, TWO]), names)


@given(skips=any_skips)
def test_any_names_survive_the_cell(skips: Skips) -> None:
    """Names may hold any character; none may be split, merged or run as a formula, and none may
    end up with another participant."""
    cell = format_skips(skips)
    assert parse_skips(cell) == skips
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert parse_skips(json.loads(json.dumps(skips_field(skips)))) == skips


@given(words=st.lists(st.text(), max_size=5, unique=True))
def test_names_alone_hold_for_whoever_is_meant(words: list[str]) -> None:
    """People write these cells too, and files of an earlier version have nothing else."""
    skips = {"": dict.fromkeys(words, 0)} if words else {}
    assert parse_skips(format_skips(skips)) == skips
    assert parse_skips(words) == skips


def test_plain_names_stay_readable() -> None:
    """The cell is for people first; JSON is for the names that need it."""
    assert format_skips({ONE: {"wrapUp": 3, "Next Best Action": 3}}) == (
        f"wrapUp;Next Best Action@{ONE} (row 3)"
    )
    assert format_skips({ONE: {"a": 3, "b": 4}, TWO: {"a": 0}}) == (
        f"a@{ONE} (row 3) b@{ONE} (row 4) a@{TWO}"
    )
    assert format_skips({"": {"wrapUp": 0, "tier": 0}}) == "wrapUp;tier"
    assert format_skips({"": {"a;b": 0}}) == '["a;b"]'
    assert format_skips({"": {"=cmd()": 0}}) == '["=cmd()"]'
    assert format_skips({ONE: {"a;b": 3}}) == f'{{"{ONE}": {{"a;b": 3}}}}'


@pytest.mark.parametrize(
    "value",
    [
        *("[a", "[1]", '{"a":1}', "[]x", f"a@{ONE} b", f'{{"{ONE}": {{"a": true}}}}'),
        *(5, 0, True, [1], {ONE: 1}, {"nobody": ["a"]}, {ONE: {"a": -1}}, "[" * 99_999),
    ],
)
def test_what_cannot_be_read_is_no_empty_cell(value: object) -> None:
    """Taken for empty, it would let an old value over a new one."""
    with pytest.raises(ValueError):  # noqa: PT011 - any of json's own as well
        parse_skips(value)


def row(participant: str = ONE) -> Row:
    return Row(9, 10, 0, "c", participant, ("a", "b"), ("1", "2"))


def test_a_row_loses_only_what_its_own_participant_has_got_since() -> None:
    """A row that was mended to another participant is sent whole."""
    skips: Skips = {ONE: {"a": 12}}
    assert without_skipped(row(), skips)[5:7] == (("b",), ("2",))
    assert without_skipped(row(TWO), skips) == row(TWO)
    assert without_skipped(row(TWO), {"": {"b": 0}})[5:7] == (("a",), ("1",))


def test_a_row_of_which_nothing_is_left_says_who_took_it() -> None:
    """It is not unchanged: it was overtaken, and by which row is what people ask next."""
    left = without_skipped(row(), {ONE: {"a": 12, "b": 11}}, in_this_run=True)
    assert left.names == left.values == ()
    assert left.context is not None
    assert left.context.overtaken == Overtaken(("a", "b"), 12, in_this_run=True)


def test_a_row_whose_participant_is_yet_to_be_found_keeps_its_skips() -> None:
    """Only then is it known what that participant has got."""
    left = without_skipped(row(""), {ONE: {"a": 12}})
    assert left.names == ("a", "b")
    assert left.context is not None
    assert left.context.skips == {ONE: {"a": 12}}


def test_of_what_several_know_the_newest_row_counts() -> None:
    """A row may fail many times; what was left out the first time stays out."""
    assert merged_skips({ONE: {"a": 3}}, {ONE: {"a": 7, "b": 1}, TWO: {}}) == {
        ONE: {"a": 7, "b": 1},
        TWO: {},
    }
