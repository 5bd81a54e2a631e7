"""Rows that failed in an earlier run and are sent again, mended or not: what happened there since.

The file of failed rows says of each row in which row of which run it failed. Where that run can
still be found, its results tell what rows behind that one have applied to the participant that is
meant *by now*: old never beats new, whoever was named before. And they tell which of the rows have
made it there in the meantime, of which a copy of the file knows nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import InputError, RecordError
from batchpatch.formats.origin import parse_origins
from batchpatch.formats.skips import merged_skips
from batchpatch.model import MADE_IT, Row
from batchpatch.options.run import without_limit
from batchpatch.pipeline.failed_files import origin_cells
from batchpatch.reading.inputs import Input, Reader
from batchpatch.reading.sources import is_regular
from batchpatch.recording.checkpoint import rows_with
from batchpatch.recording.manifest import read_manifest
from batchpatch.recording.newer_values import Asked, OvertakenFilter, find_newer
from batchpatch.recording.run_directory import RunDirectory, holds_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchpatch.formats.origin import Origin, RunName
    from batchpatch.model import Skips
    from batchpatch.options.read import ReadOptions
    from batchpatch.recording.failed_objects import RawRecord


class Found(NamedTuple):
    """What the earlier runs tell."""

    newer: dict[int, Skips]
    """Of rows of the inputs: what later rows of an earlier run have applied, to whom."""
    notices: list[str]
    """Sentences about rows that have made it there since."""


_NOTHING = Found({}, [])


_HEAD_BYTES = 1 << 20


def look_into_earlier_runs(paths: Sequence[str], read: ReadOptions) -> Found:
    """Look the rows of these inputs up in the runs in which they failed, where that is known.

    Inputs are read twice more, if one is a file of failed rows; those from the first pipe on are
    not looked at. Memory goes with the rows that were overtaken.

    Raises:
        RecordError: the results of such a run cannot be read.
    """
    files = list(takewhile(is_regular, paths))
    with suppress(InputError):  # whoever sends them says so
        if any(map(names_origins, files)):
            return _look(files, read)
    return _NOTHING


def names_origins(path: str) -> bool:
    """True where the column, or the key, of failed rows may be in what the file begins with."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    # In UTF-16 a zero is beside each letter.
    return b"batchpatch_row" in head.replace(b"\0", b"")


def _look(files: Sequence[str], read: ReadOptions) -> Found:
    runs: dict[RunName, _EarlierRun | None] = {}
    for path, row, origin in _traced(files, read):
        if origin.run not in runs:
            runs[origin.run] = _EarlierRun.find(origin.run, beside=Path(path))
        if (run := runs[origin.run]) is not None:
            run.see(path, row, origin)
    if not any(runs.values()):
        return _NOTHING
    for _, row, origin in _traced(files, read):
        if (run := runs.get(origin.run)) is not None:
            run.ask(row, origin)
    newer: dict[int, Skips] = {}
    known = [run for run in runs.values() if run is not None]
    for run in known:
        for number, skips in run.newer():
            newer[number] = merged_skips(newer.get(number, {}), skips)
    return Found(newer, [notice for run in known for notice in run.notices()])


def _traced(files: Sequence[str], read: ReadOptions) -> Iterator[tuple[str, Row, Origin]]:
    """Each row that can be sent, with each place where it is known to have failed."""
    reader = Reader(files, without_limit(read))
    source = -1
    cells: Iterator[tuple[RawRecord, object]] = iter(())
    opened: Input | None = None
    try:
        for batch in reader:
            for row in batch.rows:
                if row.source != source:
                    if opened is not None:
                        opened.close()
                    source = row.source
                    opened = Input(files[source], read)
                    cells = origin_cells(opened, first=reader.first_rows[source][1])
                if isinstance(row, Row) and row.names:
                    cell = next((cell for one, cell in cells if one.row == row.number), "")
                    for origin in parse_origins(cell):
                        yield files[source], row, origin
    finally:
        if opened is not None:
            opened.close()


class _EarlierRun:
    """A run in which rows of the inputs failed."""

    def __init__(self, directory: RunDirectory) -> None:
        self._path = directory.path
        self._results_path = directory.results_path
        self._made_it = rows_with(self._results_path, MADE_IT)
        self._again: Counter[str] = Counter()
        self._filter = OvertakenFilter(self._results_path)
        self._asked: list[Asked] = []
        self._numbers: dict[int, list[int]] = defaultdict(list)

    @classmethod
    def find(cls, name: RunName, *, beside: Path) -> _EarlierRun | None:
        """The run where it was, or where its file of failed rows is; None where it is gone."""
        for path in (Path(name.directory), beside.absolute().parent):
            with suppress(RecordError, ValueError):  # another run is none of our business
                if holds_run(path):
                    directory = RunDirectory.open(path, lock=False)
                    if read_manifest(directory.manifest_path).started == name.started:
                        return cls(directory)
        return None

    def see(self, path: str, row: Row, origin: Origin) -> None:
        """See a row that failed here, of this file."""
        self._filter.add(_asked(row, origin))
        if origin.row in self._made_it:
            self._again[path] += 1

    def ask(self, row: Row, origin: Origin) -> None:
        """See it again, now that all were seen."""
        asked = _asked(row, origin)
        if asked in self._filter:
            self._asked.append(asked)
            self._numbers[origin.row].append(row.number)

    def newer(self) -> Iterator[tuple[int, Skips]]:
        """The rows of the inputs that were overtaken here, and by what."""
        for failed, skips in find_newer(self._results_path, self._asked).items():
            for number in self._numbers[failed]:
                yield number, skips

    def notices(self) -> Iterator[str]:
        """What is to be said of rows that have made it here since."""
        for path, number in self._again.items():
            rows = "1 row has" if number == 1 else f"{number:,} rows have"
            yield (
                f"{path} is older than what has become of its rows: {rows} made it since, in "
                f"{self._path}. What stands here is sent all the same."
            )


def _asked(row: Row, origin: Origin) -> Asked:
    """The row as it is now, in the place that it had then."""
    participants = (row.participant_id,) if row.participant_id else ()
    return Asked(origin.row, row.conversation_id, participants, row.names)
