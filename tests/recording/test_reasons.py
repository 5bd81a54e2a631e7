"""Why rows did not make it, counted from lines as from results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from batchpatch.formats.result_line import encode
from batchpatch.model import FAILED, Outcome, RowResult
from batchpatch.recording.checkpoint import prove, read_settled
from batchpatch.recording.reasons import FailureReasons

if TYPE_CHECKING:
    from pathlib import Path

AT = "2026-01-01T00:00:00.000Z"
what = st.tuples(
    st.sampled_from(list(Outcome)),
    st.sampled_from([None, "not.found", "bad.request"]),
    st.sampled_from([None, 404, 500]),
    st.sampled_from([None, "no such thing", "another thing"]),
)


@given(st.lists(what, max_size=40))
def test_a_resumed_run_knows_what_the_run_before_it_knew(
    tmp_path_factory: object, results: list[tuple[Outcome, str | None, int | None, str | None]]
) -> None:
    """The screen of a resume, its summary and a report say the same of all rows together."""
    folder: Path = tmp_path_factory.mktemp("run")  # type: ignore[attr-defined]
    path, known = folder / "results.jsonl", FailureReasons()
    rows = [
        RowResult(number, number, "rows.csv", outcome, AT, code=code, status=status, message=said)
        for number, (outcome, code, status, said) in enumerate(results, 1)
    ]
    path.write_bytes(b"".join(map(encode, rows)))
    for row in rows:
        if row.outcome in FAILED:
            known.add(row)
    for found in (read_settled(path).reasons, prove(path, rows=len(rows)).reasons):
        assert found.most_common(100) == known.most_common(100)


def test_a_line_that_somebody_has_touched_stops_no_count(tmp_path: Path) -> None:
    """A code that is no text is left out, as wherever a line is read; the row still counts."""
    path = tmp_path / "results.jsonl"
    path.write_text(
        '{"row":1,"outcome":"rejected","code":["x"],"message":{"a":1}}\n'
        '{"row":2,"outcome":"rejected","code":7,"status":"x","hint":[]}\n'
    )
    told = [(one.code, one.rows, one.message) for one in prove(path, rows=2).reasons.most_common()]
    assert told == [(None, 1, None), ("7", 1, None)]
    assert read_settled(path).reasons.most_common() == prove(path, rows=2).reasons.most_common()
