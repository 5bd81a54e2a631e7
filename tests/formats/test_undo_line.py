"""A line of `undo.jsonl` is read as it was written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.formats.undo_line import (
    ConflictEntry,
    UndoEntry,
    encode_conflict,
    encode_undo,
    parse_undo,
    read_undo,
)

TEXT = st.text(max_size=6)
WRITTEN = st.dictionaries(TEXT, TEXT, min_size=1, max_size=4)


@st.composite
def entries(draw: st.DrawFn) -> UndoEntry:
    """Any entry; of some attributes nobody knows the value before."""
    written = draw(WRITTEN)
    known = draw(st.lists(st.sampled_from(sorted(written)), unique=True))
    before = {name: draw(st.none() | TEXT) for name in known}
    return UndoEntry(draw(TEXT), draw(TEXT), before, written, draw(st.integers(0, 1 << 40)))


@given(entries())
def test_an_entry_comes_back_as_it_was(entry: UndoEntry) -> None:
    """Any name and value, lone surrogates too: what is restored is what was there."""
    line = encode_undo(entry)
    assert line.count(b"\n") == 1
    assert parse_undo(line) == entry
    assert read_undo(line) == entry


@given(entries(), st.data())
def test_half_an_entry_is_none(entry: UndoEntry, data: st.DataObject) -> None:
    """What a crash left of a line must not restore half of it."""
    line = encode_undo(entry)
    end = data.draw(st.integers(0, len(line) - 2))
    with pytest.raises(ValueError, match="not an entry"):
        parse_undo(line[:end])


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
def test_a_conflict_says_all_that_it_knows(entry: ConflictEntry) -> None:
    """Any name and value, lone surrogates too; what was absent is told from what was empty."""
    line = encode_conflict(entry)
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "conversation_id": entry.conversation_id,
        "participant_id": entry.participant_id,
        "rows": [*entry.rows],
        "expected": {name: [*values] for name, values in entry.expected.items()},
        "found": entry.found,
    }
