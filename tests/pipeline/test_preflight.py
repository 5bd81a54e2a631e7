"""What a look at the inputs tells of the run to come."""

from __future__ import annotations

import pytest

from batchpatch.formats.run_json import InputFile
from batchpatch.pipeline.preflight import Prepared, rows_of, sought_of

FILE = Prepared(InputFile(path="a.csv", size=9, sha256="", kind="file"), (), [], rows=10, sought=4)
PIPE = Prepared(InputFile(path="-", size=None, sha256=None, kind="spool"), (), [])


@pytest.mark.parametrize(
    ("prepared", "limit", "rows", "sought"),
    [
        ([FILE, FILE], None, 20, 8),
        ([FILE, FILE], 5, 5, 5),
        ([FILE, PIPE], 5, 5, 5),
        ([PIPE], 3, 3, 3),
        ([FILE, PIPE], None, None, 4),
    ],
)
def test_rows_whose_participant_is_sought_are_a_bound(
    prepared: list[Prepared], limit: int | None, rows: int | None, sought: int
) -> None:
    """The question says "at most" of a cost: what a pipe holds may have to be found, all of it."""
    assert rows_of(prepared, limit=limit) == rows
    assert sought_of(prepared, limit=limit) == sought
