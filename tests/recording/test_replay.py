"""Reading an interrupted run's results back."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import RecordError
from batchpatch.formats.result_line import encode
from batchpatch.model import Outcome, RowResult
from batchpatch.recording import results
from batchpatch.recording.append_log import cut_tail
from batchpatch.recording.checkpoint import drop_rows, read_settled
from batchpatch.recording.results import ResultsLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Make = Callable[..., RowResult]
    File = Callable[[Iterable[RowResult]], Path]


@given(number=st.integers(1, 12), data=st.data())
def test_a_file_cut_anywhere_gives_exactly_the_whole_lines(
    number: int, data: st.DataObject, make_result: Make, results_file: File
) -> None:
    """A kill may end the file at any byte; no settled row may be lost and none invented."""
    path = results_file(make_result(row, patch=row * 2) for row in range(1, number + 1))
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    kept = whole[:cut].count(b"\n")
    settled = read_settled(path)
    assert list(settled.rows) == list(range(1, kept + 1))
    assert (settled.lines, settled.last_patch) == (kept, kept * 2)
    assert settled.total_bytes == cut
    cut_tail(path, settled.valid_bytes)
    log = ResultsLog(path)
    for row in range(kept + 1, number + 1):
        log.add(make_result(row, patch=row * 2))
    log.close()
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "tail",
    [
        b"\0" * 5000,
        b'{"row":3',
        b'{"row":3\n',
        b"\0\0\n\0\0\n{",
        b'{"row":3,"outcome":"?"}\n',
        b"\n",
    ],
)
def test_every_kind_of_bad_tail_is_where_to_cut(
    tail: bytes, make_result: Make, results_file: File
) -> None:
    """After a power loss the end may be pages of zeros, half lines, or several bad lines."""
    path = results_file([make_result(1), make_result(2)])
    good = path.stat().st_size
    path.write_bytes(path.read_bytes() + tail)
    settled = read_settled(path)
    assert (settled.valid_bytes, settled.total_bytes) == (good, good + len(tail))
    cut_tail(path, settled.valid_bytes)
    assert read_settled(path).total_bytes == good


@pytest.mark.parametrize("block_bytes", [64, 1 << 16])
def test_a_bad_line_before_good_ones_is_damage(
    block_bytes: int, make_result: Make, results_file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cutting there would send settled rows again; that is for a person to decide."""
    monkeypatch.setattr(results, "BLOCK_BYTES", block_bytes)
    path = results_file(make_result(row) for row in range(1, 6))
    content = path.read_bytes().split(b"\n")
    content[2] = content[2][:40]
    path.write_bytes(b"\n".join(content))
    with pytest.raises(RecordError, match=r"damaged: line 3 "):
        read_settled(path)


def test_lines_that_only_make_sense_together_are_damage(
    make_result: Make, results_file: File
) -> None:
    """Blocks of lines are parsed as one array, which must not mend what is broken line by line."""
    path = results_file([make_result(1), make_result(2), make_result(3)])
    first, second, third = path.read_bytes().splitlines()
    path.write_bytes(first + b"," + second + b"\n" + third + b"\n")
    with pytest.raises(RecordError, match="damaged: line 1 "):
        read_settled(path)


def test_null_is_the_same_as_absent(make_result: Make, results_file: File) -> None:
    """The contract says so, and other programs may have rewritten the file."""
    path = results_file([make_result(1, patch=4)])
    path.write_bytes(path.read_bytes() + b'{"row": 2, "outcome": "invalid", "patch": null}\n')
    settled = read_settled(path)
    assert (list(settled.rows), settled.last_patch) == ([1, 2], 4)


def test_a_run_that_wrote_nothing_has_settled_nothing(tmp_path: Path) -> None:
    """Killed before its first line, a run has no file, and resuming it sends everything."""
    settled = read_settled(tmp_path / "results.jsonl")
    assert (settled.lines, settled.valid_bytes, list(settled.rows)) == (0, 0, [])


def test_cutting_beyond_the_end_is_refused(make_result: Make, results_file: File) -> None:
    """A file that shrank since it was read is in use: it must not be filled up with zeros."""
    path = results_file([make_result(1)])
    before = path.read_bytes()
    with pytest.raises(RecordError, match="is it in use"):
        cut_tail(path, len(before) + 1)
    assert path.read_bytes() == before


@given(
    words=st.lists(st.sampled_from(Outcome), max_size=40),
    unwanted=st.sets(st.sampled_from(Outcome)),
    torn=st.booleans(),
)
def test_dropped_rows_are_gone_and_all_others_untouched(
    words: list[Outcome], unwanted: set[Outcome], torn: bool, make_result: Make, results_file: File
) -> None:
    """What is dropped is sent again; what is not must keep its line to the byte."""
    results = [make_result(row, word) for row, word in enumerate(words, 1)]
    path = results_file(results)
    if torn:
        path.write_bytes(path.read_bytes() + encode(make_result(99))[:30])
    dropped = drop_rows(path, unwanted)
    assert list(dropped) == [r.row for r in results if r.outcome in unwanted]
    if unwanted or not torn:
        kept = [encode(r) for r in results if r.outcome not in unwanted]
        assert path.read_bytes() == b"".join(kept)


def test_dropping_leaves_the_old_file_when_the_new_one_cannot_be_written(
    make_result: Make, results_file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results are the only record: they are replaced in one step or not at all."""
    path = results_file([make_result(1), make_result(2, Outcome.REJECTED)])
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordError, match="disk full"):
        drop_rows(path, {Outcome.REJECTED})
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_rewritten_results_stay_private(make_result: Make, results_file: File) -> None:
    """The new file is created, so its mode is decided anew."""
    path = results_file([make_result(1), make_result(2, Outcome.UNKNOWN)])
    previous = os.umask(0)
    try:
        drop_rows(path, {Outcome.UNKNOWN})
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [json.loads(line)["row"] for line in path.read_bytes().splitlines()] == [1]
