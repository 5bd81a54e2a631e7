"""What rows of one participant come to together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from batchpatch.merging.merge import fitting, merged, row_bytes, superseded

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.model import Row

    Make = Callable[..., Row]
    Attributes = list[dict[str, str]]

names = st.sampled_from(["a", "b", 'quo"te', "é\u2028", "\x01"])
texts = st.text(alphabet='xé"\\\x01\U0001f600\n', max_size=12)
sequences = st.lists(st.dictionaries(names, texts, min_size=1), min_size=1, max_size=7)


def rows_of(make_row: Make, sequence: Attributes) -> list[Row]:
    return [make_row(number, 1, attributes) for number, attributes in enumerate(sequence, 1)]


def body_bytes(rows: list[Row]) -> int:
    return len(orjson.dumps({"attributes": merged(rows)}))


@given(sequence=sequences)
def test_the_last_value_of_each_attribute_wins(make_row: Make, sequence: Attributes) -> None:
    """One PATCH leaves what all of them, one after the other, would have left."""
    state: dict[str, str] = {}
    for attributes in sequence:
        state |= attributes
    assert merged(rows_of(make_row, sequence)) == state


@given(sequence=sequences)
def test_superseded_are_exactly_those_with_nothing_left(
    make_row: Make, sequence: Attributes
) -> None:
    """Each names the row that took its last attribute, which itself still counts."""
    rows = rows_of(make_row, sequence)
    found = superseded(rows)
    last = {name: row.number for row in rows for name in row.names}
    assert set(found) == {row.number for row in rows} - set(last.values())
    for row in rows:
        if row.number in found:
            assert found[row.number] == max(last[name] for name in row.names)
            assert found[row.number] not in found


@given(sequence=sequences, limit=st.integers(1, 120))
@example(sequence=[{"a": "x" * 200}, {"a": "y"}, {"b": "z"}], limit=40)
def test_a_merge_is_as_long_as_the_limit_allows(
    make_row: Make, sequence: Attributes, limit: int
) -> None:
    """To the byte: a body past it is refused by the platform, an early cut costs a request."""
    rows = rows_of(make_row, sequence)
    kept = list(fitting(rows, limit))
    assert kept == rows[: len(kept)]
    assert kept
    assert len(kept) == 1 or body_bytes(kept) <= limit
    assert len(kept) == len(rows) or body_bytes(rows[: len(kept) + 1]) > limit


@given(sequence=sequences)
def test_a_row_weighs_at_least_its_text(make_row: Make, sequence: Attributes) -> None:
    """The window's bound in bytes is one of memory: long names count as long values do."""
    for row in rows_of(make_row, sequence):
        assert row_bytes(row) >= sum(map(len, row.names + row.values))
