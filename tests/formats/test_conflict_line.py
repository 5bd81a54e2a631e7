"""A line of `conflicts.jsonl` is read as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.formats.undo_line import ConflictEntry, encode_conflict, parse_conflict

TEXT = st.text(max_size=5)
VALUE = st.none() | TEXT
ENTRIES = st.builds(
    ConflictEntry,
    TEXT,
    TEXT,
    st.lists(st.integers(1, 1 << 40), max_size=2).map(tuple),
    st.dictionaries(TEXT, st.lists(VALUE, max_size=2).map(tuple), max_size=2),
    st.dictionaries(TEXT, VALUE, max_size=2),
)


@given(ENTRIES)
def test_an_entry_comes_back_as_it_was(entry: ConflictEntry) -> None:
    """What was absent is told from what was empty."""
    assert parse_conflict(encode_conflict(entry)) == entry


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b"[" * 100_000, b'{"rows":"1"}'])
def test_what_is_no_entry_is_refused(line: bytes) -> None:
    """The end of a file that a kill has cut, or another file."""
    with pytest.raises(ValueError, match=r"."):
        parse_conflict(line)
