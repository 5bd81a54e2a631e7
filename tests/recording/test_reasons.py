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
