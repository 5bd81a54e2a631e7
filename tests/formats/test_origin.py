"""Where a row has failed, in a cell that people and spreadsheets may have had in their hands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batchpatch.formats.origin import Origin, RunName, format_origin, parse_origins

STARTED = "2026-03-04T05:06:07Z"
paths = st.text(min_size=1).filter(lambda text: f" ({STARTED})" not in text)


@given(st.lists(st.tuples(st.integers(1, 10**18 - 1), paths), min_size=1, max_size=3, unique=True))
def test_each_run_of_a_row_is_read_as_it_was_written(places: list[tuple[int, str]]) -> None:
    """Paths may hold what separates them; the last one comes first."""
    cell = ""
    for row, path in places:
        cell = format_origin(row, RunName(path, STARTED), before=cell)
    found = [Origin(row, RunName(path, STARTED)) for row, path in reversed(places)]
    assert parse_origins(cell) == found


@given(st.one_of(st.none(), st.integers(), st.text(), st.lists(st.text())))
def test_anything_else_names_no_run(cell: object) -> None:
    """It is a help and no condition: a row without it is sent as it stands."""
    assert parse_origins(cell) == []
    assert format_origin(1, RunName("/r", STARTED), before=str(cell)).startswith("1 of /r (")
