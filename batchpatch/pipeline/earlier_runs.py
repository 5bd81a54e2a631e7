"""Rows that failed in an earlier run and are sent again, mended or not: what happened there since.

A failed row says in which row of which run it failed. Where that run can still be found, its
results tell what rows behind that one have applied to the participant that is meant *by now*: old
never beats new, whoever was named before. And they tell which of the rows have made it there in the
meantime, of which a copy of the file knows nothing.

Files are looked through before anything is sent. A pipe can be read once, and where its rows begin
nothing is known of those behind it: from there on rows are looked up as they come (`OriginCheck`).
"""

from __future__ import annotations

from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import InputError
from batchpatch.formats.skips import merged_skips
from batchpatch.model import Row
from batchpatch.options.fields import is_origin
from batchpatch.options.run import without_limit
from batchpatch.pipeline.origin_run import OriginRun, notice_of_gone, origins_of
from batchpatch.reading.detection import is_workbook
from batchpatch.reading.inputs import Input
from batchpatch.reading.reader import Reader
from batchpatch.reading.sources import is_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from batchpatch.formats.origin import Origin, RunName
    from batchpatch.model import Skips
    from batchpatch.options.read import ReadOptions


class Found(NamedTuple):
    """What the earlier runs tell."""

    newer: dict[int, Skips]
    """Of rows of the inputs: what later rows of an earlier run have applied, to whom."""
    notices: list[str]
    """Sentences about rows that have made it there since, and about runs that are gone."""
    runs: list[tuple[str, OriginRun]]
    """The runs that are there, each with an input whose rows failed in it."""


_HEAD_BYTES = 1 << 20


def look_into_earlier_runs(
    paths: Sequence[str], read: ReadOptions, *, own: Path | None = None
) -> Found:
    """Look the rows of these inputs up in the runs in which they failed, where that is known.

    Inputs are read twice more, if one is a file of failed rows; those from the first pipe on are
    not looked at. Memory goes with the rows that were overtaken, and those sent again since.
    `own`: directory of the run that sends them.

    Raises:
        RecordError: the results of such a run cannot be read.
    """
    files = files_before_a_pipe(paths)
    with suppress(InputError):  # whoever sends them says so
        if any(_names_origins(file, read) for file in files):
            return _look(files, read, own)
    return Found({}, [], [])


def files_before_a_pipe(paths: Sequence[str]) -> list[str]:
    """The inputs whose rows can be numbered before anything is sent."""
    return list(takewhile(is_regular, paths))


def _names_origins(path: str, read: ReadOptions) -> bool:
    """True where the column, or the key, of failed rows may be in what the file begins with; or
    is among the columns of a workbook, into which somebody may have taken them to mend them."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    if is_workbook(head):
        opened = Input(path, read)
        opened.close()
        return any(is_origin(use.column) for use in opened.uses)
    # In UTF-16 a zero is beside each letter.
    return b"batchpatch_row" in head.replace(b"\0", b"")


def _look(files: Sequence[str], read: ReadOptions, own: Path | None) -> Found:
    runs: dict[RunName, OriginRun | None] = {}
    notices: list[str] = []
    first_in: dict[OriginRun, str] = {}
    for path, row, origin in _traced(files, read):
        if origin.run not in runs:
            runs[origin.run] = OriginRun.find(origin.run, beside=Path(path), but=own)
            if runs[origin.run] is None:
                notices.append(notice_of_gone(path, origin.run))
        if (run := runs[origin.run]) is not None:
            first_in.setdefault(run, path)
            run.see(path, row, origin)
    known = [run for run in runs.values() if run is not None]
    if not known:
        return Found({}, notices, [])
    overtaken: dict[OriginRun, list[tuple[Row, Origin]]] = {run: [] for run in known}
    for _, row, origin in _traced(files, read):
        if (run := runs.get(origin.run)) is not None and run.may_overtake(row, origin):
            overtaken[run].append((row, origin))
    newer: dict[int, Skips] = {}
    for run, rows in overtaken.items():
        add_newer(newer, run.newer(rows))
    notices += [notice for run in known for notice in run.notices()]
    return Found(newer, notices, [(path, run) for run, path in first_in.items()])


def add_newer(newer: dict[int, Skips], found: Iterable[tuple[int, Skips]]) -> None:
    """Add what was found of some rows, by their numbers."""
    for number, skips in found:
        newer[number] = merged_skips(newer.get(number, {}), skips)


def _traced(files: Sequence[str], read: ReadOptions) -> Iterator[tuple[str, Row, Origin]]:
    """Each row that can be sent, with each place where it is known to have failed."""
    for batch in Reader(files, without_limit(read)):
        for row in batch.rows:
            if isinstance(row, Row) and (origins := origins_of(row)):
                without_values = row._replace(values=(), context=None)
                for origin in origins:
                    yield files[row.source], without_values, origin
