"""Any row's line is found again, whoever has written or broken the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.reporting.result_index import ResultIndex

if TYPE_CHECKING:
    from pathlib import Path


def test_lines_in_any_order_and_of_any_hand(tmp_path: Path) -> None:
    """Rows settle in another order than they are read, and files are edited."""
    path = tmp_path / "results.jsonl"
    ours = [b'{"row":%d,"line":1,"source":"x","outcome":"updated","at":""}' % row for row in (7, 2)]
    theirs = b'{ "outcome": "rejected", "row": 900 }'
    path.write_bytes(b"\n".join([*ours, b"nonsense", theirs, b'{"row":3,"outco']))
    with ResultIndex(path) as index:
        assert [index.made_it(row) for row in (2, 7, 900)] == [True, True, False]
        assert [index.of(row) for row in (1, 3, 10**9)] == [None, None, None]


def test_a_line_that_is_broken_inside_tells_nothing(tmp_path: Path) -> None:
    """It looks like one from outside, and must not end the report of the others."""
    path = tmp_path / "results.jsonl"
    path.write_bytes(
        b'{"row":1,"x":\x00,"outcome":"updated","at":""}\n'
        b'{"row":2,"outcome":1,"outcome":"updated","at":""}\n'
    )
    with ResultIndex(path) as index:
        assert (index.of(1), index.made_it(2)) == (None, True)
