"""Counts that are read from the file itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from batchpatch.formats.result_line import encode
from batchpatch.model import Outcome, RowResult
from batchpatch.recording import results as log
from batchpatch.recording.checkpoint import MAX_PROBLEMS, prove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import pytest

    Make = Callable[..., RowResult]
    File = Callable[[Iterable[RowResult]], Path]

settlements = st.lists(st.tuples(st.integers(1, 60), st.sampled_from(Outcome)), max_size=80)


@given(pairs=settlements, rows=st.integers(0, 60))
def test_any_order_with_repeats_gaps_and_strangers(
    pairs: list[tuple[int, Outcome]], rows: int, make_result: Make, results_file: File
) -> None:
    """The proof must hold whatever was written: only then does a clean one mean something."""
    proof = prove(results_file(make_result(*pair) for pair in pairs), rows=rows)
    first: dict[int, Outcome] = {}
    wrong = 0
    for row, outcome in pairs:
        wrong += row > rows or row in first
        if row <= rows:
            first.setdefault(row, outcome)
    assert proof.outcomes == Counter(map(str, first.values()))
    assert proof.settled == len(first)
    assert list(proof.failed) == sorted(row for row, word in first.items() if not word.made_it)
    assert min(wrong, MAX_PROBLEMS + 1) == len(proof.problems)


def test_problems_name_the_row_or_the_line(make_result: Make, results_file: File) -> None:
    """A run that cannot prove its counts has to say where to look."""
    path = results_file([make_result(1), make_result(1), make_result(9)])
    path.write_bytes(path.read_bytes() + b'{"row": 2, "outcome"\n')
    assert sorted(prove(path, rows=3).problems) == [
        "line 4 is not a whole result",
        "row 1 has more than one line",
        "row 9 has a line, but only 3 rows were read",
    ]


def test_lines_that_are_json_but_no_result_are_not_counted(
    make_result: Make, results_file: File
) -> None:
    """A count may rest only on lines that say which row and what became of it."""
    path = results_file([make_result(1)])
    strangers = (
        b"[1]",
        b"7",
        b"{}",
        b'{"row":2}',
        b'{"row":0,"outcome":"updated"}',
        b'{"row":true,"outcome":"updated"}',
        b'{"row":99999999999999,"outcome":"updated"}',
        b'{"row":2,"outcome":"fine"}',
        b'{"row":2,"outcome":["updated"]}',
        b"",
    )
    path.write_bytes(path.read_bytes() + b"\n".join(strangers) + b"\n")
    proof = prove(path, rows=10)
    assert (proof.settled, len(proof.problems)) == (1, len(strangers))


def test_blocks_do_not_change_what_is_read(
    make_result: Make, results_file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines that lie across the blocks in which the file is read count once, as all others."""
    results = [make_result(row, keys=["k" * (row % 70)]) for row in range(1, 200)]
    path = results_file(results)
    for size in (1, 7, 300, 1000):
        monkeypatch.setattr(log, "BLOCK_BYTES", size)
        proof = prove(path, rows=199)
        assert (proof.settled, proof.problems) == (199, [])


def test_messages_that_look_like_fields_change_nothing(
    make_result: Make, results_file: File
) -> None:
    """Names and messages are people's text; they must not be taken for the line's own fields."""
    trap = ',"outcome":"updated"}\n{"row":7,"outcome":"updated"'
    trapped = make_result(1, Outcome.REJECTED, keys=[trap], message=trap, source=trap)
    path = results_file([trapped])
    proof = prove(path, rows=1)
    assert (proof.outcomes, proof.problems) == ({"rejected": 1}, [])
    applied = log.lines_with(path, [Outcome.UPDATED])
    assert list(applied) == []
    assert list(log.lines_with(path, [Outcome.REJECTED])) == [(0, encode(trapped))]
