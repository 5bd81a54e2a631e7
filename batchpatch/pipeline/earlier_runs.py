"""Rows that failed in an earlier run and are sent again, mended or not: what happened there since.

A failed row says in which row of which run it failed. Where that run can still be found, its
results tell what rows behind that one have applied to the participant that is meant *by now*: old
never beats new, whoever was named before. And they tell which of the rows have made it there in the
meantime, of which a copy of the file knows nothing.

Files are looked through before anything is sent. A pipe can be read once, and where its rows begin
nothing is known of those behind it: from there on rows are looked up as they come.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import InputError, as_typed
from batchpatch.formats.skips import merged_skips
from batchpatch.model import InvalidRow, Row, RowContext
from batchpatch.options.fields import is_origin
from batchpatch.options.run import without_limit
from batchpatch.pipeline.organisation_record import refuse_another_organisation
from batchpatch.pipeline.origin_run import OriginRun, notice_of_gone, origins_of
from batchpatch.pipeline.row_checks import any_says_more
from batchpatch.reading.detection import is_workbook
from batchpatch.reading.inputs import Input
from batchpatch.reading.reader import Reader
from batchpatch.reading.sources import is_regular
from batchpatch.reading.urls import told_name
from batchpatch.recording.in_thread import in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from batchpatch.formats.origin import Origin, RunName
    from batchpatch.genesys.account.organisation import Identity
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
_NO_CONTEXT = RowContext()


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
        _merge(newer, run.newer(rows))
    notices += [notice for run in known for notice in run.notices()]
    return Found(newer, notices, [(path, run) for run, path in first_in.items()])


def _merge(newer: dict[int, Skips], found: Iterable[tuple[int, Skips]]) -> None:
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


class OriginCheck:
    """Looks rows up in the runs in which they failed, as they come."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        looked_at: int,
        newer: dict[int, Skips],
        learn: Callable[[], Awaitable[Identity | None]],
        tell: Callable[[str], None],
        keep: Callable[[Sequence[Row]], None] | None = None,
        own: Path | None = None,
    ) -> None:
        """Look at nothing yet.

        Args:
            names: of the inputs.
            looked_at: so many of them are looked through before the first row comes (`take`).
            newer: takes what is found.
            learn: says who the token is, where a run has noted its organisation.
            tell: is told what a person should know.
            keep: is given the rows, for what they say of where they failed.
            own: directory of the run that sends them.
        """
        self._keep = keep
        self._names = names
        self._looked_at = looked_at
        self._newer = newer
        self._unjudged: list[tuple[str, OriginRun]] = []
        """Of whom it is not known yet that the token is for their organisation."""
        self._learn = learn
        self._tell = tell
        self._own = own
        self._runs: dict[RunName, OriginRun | None] = {}
        self._told: set[str] = set()

    def take(self, found: Found) -> None:
        """What the inputs tell that have been looked through."""
        self._newer |= found.newer
        self._unjudged += found.runs

    async def check(self, rows: list[Row | InvalidRow]) -> list[Row | InvalidRow]:
        """The same rows, which need not say any more where they failed.

        Raises:
            RecordError: the results of such a run cannot be read.
            SettingsError: such a run was for another organisation.
        """
        if self._unjudged:
            await self._refuse_another_organisation()
        if not any_says_more(rows):
            return rows
        traced = [row for row in rows if isinstance(row, Row) and row[7] and row[7].origin]
        if not traced:
            return rows
        if self._keep is not None:
            await in_thread(partial(self._keep, traced))
        later = [row for row in rows if isinstance(row, Row) and row.source >= self._looked_at]
        if later:
            for notice in await in_thread(partial(self._look, later)):
                self._tell(notice)
            await self._refuse_another_organisation()
        return [_without_origin(row) for row in rows]

    async def _refuse_another_organisation(self) -> None:
        """As a run that goes on would: what failed is nobody else's."""
        unjudged, self._unjudged = self._unjudged, []
        for name, run in unjudged:
            if run.manifest.organisation is not None:
                what = f"The rows of {name} failed in {as_typed(run.path)}, which was"
                refuse_another_organisation(run.manifest, await self._learn(), what=what)

    def _look(self, rows: Sequence[Row]) -> list[str]:
        """What there is to say of them that was not said yet."""
        overtaken: dict[OriginRun, list[tuple[Row, Origin]]] = {}
        notices = []
        for row in rows:
            name = told_name(self._names[row.source], first=True)
            for origin in origins_of(row):
                run = self._find(origin.run, name)
                if run is None:
                    notices.append(notice_of_gone(name, origin.run))
                    continue
                if run.has_made_it(origin):
                    notices.append(run.notice_of_some(name))
                if run.may_overtake(row, origin):
                    overtaken.setdefault(run, []).append((row, origin))
        for run, found in overtaken.items():
            _merge(self._newer, run.newer(found))
        new = [notice for notice in dict.fromkeys(notices) if notice not in self._told]
        self._told.update(new)
        return new

    def _find(self, run: RunName, name: str) -> OriginRun | None:
        if run not in self._runs:
            found = self._runs[run] = OriginRun.find(run, looks_at_all=True, but=self._own)
            if found is not None:
                self._unjudged.append((name, found))
        return self._runs[run]


def _without_origin(row: Row | InvalidRow) -> Row | InvalidRow:
    if isinstance(row, InvalidRow) or row.context is None or not row.context.origin:
        return row
    context = row.context._replace(origin="")
    return row._replace(context=None if context == _NO_CONTEXT else context)
