"""The origin check: rows that failed in an earlier run are looked up there as they come.

They go to no other organisation than that run's, unless it is a rehearsal in a sandbox.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from batchpatch.errors import as_typed
from batchpatch.model import InvalidRow, Row, RowContext
from batchpatch.pipeline.earlier_runs import add_newer
from batchpatch.pipeline.organisation_record import another_organisation, refusal
from batchpatch.pipeline.origin_run import OriginRun, notice_of_gone, origins_of
from batchpatch.pipeline.row_checks import any_is_valid, any_says_more, misplaced
from batchpatch.reading.urls import told_name
from batchpatch.recording.in_thread import in_thread
from batchpatch.recording.repairs import is_rehearsal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from batchpatch.formats.origin import Origin, RunName
    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.model import Skips
    from batchpatch.pipeline.earlier_runs import Found

_NO_CONTEXT = RowContext()
_SEND_APART = "Send the failed rows of each organisation by themselves, with its own credentials."


class OriginCheck:
    """Looks rows up in the runs in which they failed, as they come."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        looked_at: int,
        newer: dict[int, Skips],
        home: Home,
        tell: Callable[[str], None],
        keep: Callable[[Sequence[Row]], None] | None = None,
        own: Path | None = None,
        goes_on: bool = False,
    ) -> None:
        """Look at nothing yet.

        Args:
            names: of the inputs.
            looked_at: so many of them are looked through before the first row comes (`take`).
            newer: takes what is found.
            home: judges whether a run was for where the rows go now.
            tell: is told what a person should know.
            keep: is given the rows, for what they say of where they failed.
            own: directory of the run that sends them.
            goes_on: rows were sent already, to the same organisation, or one row that may not be
                sent refuses no others.
        """
        self._keep = keep
        self._names = names
        self._looked_at = looked_at
        self._newer = newer
        self._home = home
        self._unjudged: list[tuple[str, OriginRun]] = []
        """Of whom it is not known yet that they were for here."""
        self._foreign: dict[RunName, str] = {}
        """The runs that were not, and why."""
        self._fits = goes_on
        """A row has passed, and may be on its way."""
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

        Those that failed in a run for another organisation are invalid.

        Raises:
            RecordError: the results of such a run cannot be read.
            SettingsError: an input that was looked through is of another organisation, or the first
                row is: nothing was sent.
        """
        if self._unjudged:
            await self._judge()
            if self._foreign and not self._fits:
                raise refusal(next(iter(self._foreign.values())))
        traced = _traced(rows)
        later = [row for row in traced if row.source >= self._looked_at]
        if later:
            for notice in await in_thread(partial(self._look, later)):
                self._tell(notice)
            await self._judge()
        if self._foreign:
            rows = [self._at_home(row) for row in rows]
            traced = _traced(rows)
        self._fits = self._fits or any_is_valid(rows)
        if not traced:
            return rows
        if self._keep is not None:
            await in_thread(partial(self._keep, traced))
        return [_without_origin(row) for row in rows]

    async def _judge(self) -> None:
        unjudged, self._unjudged = self._unjudged, []
        for name, run in unjudged:
            problem = await self._home.problem_of(name, run)
            if problem is not None:
                self._foreign[run.name] = problem

    def _at_home(self, row: Row | InvalidRow) -> Row | InvalidRow:
        """The row where it may be sent here: as a run that goes on, it goes nowhere else."""
        if isinstance(row, InvalidRow):
            return row
        foreign = [one.run for one in origins_of(row) if one.run in self._foreign]
        if not foreign:
            self._fits = True
            return row
        problem = self._foreign[foreign[0]]
        if not self._fits:
            raise refusal(problem)
        return misplaced(row, problem, hint=_SEND_APART)

    def _look(self, rows: Sequence[Row]) -> list[str]:
        """What there is to say of them that was not said yet."""
        overtaken: dict[OriginRun, list[tuple[Row, Origin]]] = {}
        notices = []
        for row in rows:
            name = told_name(self._names[row.source], first=True)
            for origin in origins_of(row):
                run = self._find(origin.run, told_name(self._names[row.source]))
                if run is None:
                    notices.append(notice_of_gone(name, origin.run))
                    continue
                if run.has_made_it(origin):
                    notices.append(run.notice_of_some(name))
                if run.may_overtake(row, origin):
                    overtaken.setdefault(run, []).append((row, origin))
        for run, found in overtaken.items():
            add_newer(self._newer, run.newer(found))
        new = [notice for notice in dict.fromkeys(notices) if notice not in self._told]
        self._told.update(new)
        return new

    def _find(self, run: RunName, name: str) -> OriginRun | None:
        if run not in self._runs:
            found = self._runs[run] = OriginRun.find(run, looks_at_all=True, but=self._own)
            if found is not None:
                self._unjudged.append((name, found))
        return self._runs[run]


class Home:
    """Where the rows go: an organisation at the platform, or a sandbox."""

    def __init__(
        self,
        api_url: str,
        *,
        learn: Callable[[], Awaitable[Identity | None]],
        tell: Callable[[str], None],
    ) -> None:
        """Ask nobody yet.

        Args:
            api_url: where to.
            learn: says who the token is; asked where a run has noted its organisation.
            tell: is told what a person should know.
        """
        self._api_url = api_url
        self._learn = learn
        self._tell = tell

    async def problem_of(self, name: str, run: OriginRun) -> str | None:
        """Why the rows of a run are not for here; None where they are, or it is a rehearsal.

        `name`: of the input that brings them.
        """
        manifest = run.manifest
        identity = await self._learn() if manifest.organisation is not None else None
        organisation = identity and identity.organisation
        if is_rehearsal(self._api_url, organisation, of=manifest):
            self._tell(
                f"The rows of {name} failed in {as_typed(run.path)}, at {manifest.api_url}. This "
                f"is a rehearsal at {self._api_url}: there they stay open."
            )
            return None
        what = f"The rows of {name} failed in {as_typed(run.path)}, which was"
        return another_organisation(manifest, identity, what=what)


def _traced(rows: Sequence[Row | InvalidRow]) -> list[Row]:
    """Those that say where they failed."""
    if not any_says_more(rows):
        return []  # mostly
    return [row for row in rows if isinstance(row, Row) and row[7] and row[7].origin]


def _without_origin(row: Row | InvalidRow) -> Row | InvalidRow:
    if isinstance(row, InvalidRow) or row.context is None or not row.context.origin:
        return row
    context = row.context._replace(origin="")
    return row._replace(context=None if context == _NO_CONTEXT else context)
