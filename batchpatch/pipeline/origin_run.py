"""The run in which rows of an input failed before: what has become of them and of others there."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.errors import RecordError, as_typed
from batchpatch.formats.origin import RunName, parse_origins
from batchpatch.model import MADE_IT
from batchpatch.recording.checkpoint import rows_with
from batchpatch.recording.manifest import read_manifest
from batchpatch.recording.newer_values import Asked, OvertakenFilter, find_newer
from batchpatch.recording.repairs import repairs_of
from batchpatch.recording.run_directory import RunDirectory, holds_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from batchpatch.formats.origin import Origin
    from batchpatch.formats.run_json import Manifest
    from batchpatch.model import Row, Skips


def origins_of(row: Row) -> list[Origin]:
    """Where a row is known to have failed; nowhere for one that asks for nothing."""
    return parse_origins(row.context.origin) if row.context is not None and row.names else []


class OriginRun:
    """A run in which rows failed that are sent again. Look at the rows first, then ask."""

    def __init__(
        self,
        directory: RunDirectory,
        name: RunName,
        manifest: Manifest,
        *,
        looks_at_all: bool,
        but: Path | None,
    ) -> None:
        """Look at what has made it.

        Args:
            directory: of the run.
            name: of the run.
            manifest: of the run.
            looks_at_all: rows are asked about as they come, before all of them are known.
            but: the run that asks.
        """
        self.name = name
        """Of the run."""
        self.manifest = manifest
        """Of the run."""
        self.path = directory.path
        """Where it lies."""
        self._results_path = directory.results_path
        self._made_it = rows_with(self._results_path, MADE_IT)
        self._again: Counter[str] = Counter()
        self._repairs = repairs_of(name, manifest, beside=directory.path, but=but)
        paths = [self._results_path, *(one.results_path for one in self._repairs)]
        self._filter = OvertakenFilter(paths, everybody=looks_at_all)

    @classmethod
    def find(
        cls,
        name: RunName,
        *,
        beside: Path | None = None,
        looks_at_all: bool = False,
        but: Path | None = None,
    ) -> OriginRun | None:
        """The run where it was, or `beside` the file of its failed rows; None where it is gone."""
        places = [Path(name.directory), *([beside.absolute().parent] if beside else ())]
        for path in places:
            with suppress(RecordError, ValueError):  # another run is none of our business
                if holds_run(path):
                    directory = RunDirectory.open(path, lock=False)
                    manifest = read_manifest(directory.manifest_path)
                    if manifest.started == name.started:
                        return cls(directory, name, manifest, looks_at_all=looks_at_all, but=but)
        return None

    def see(self, name: str, row: Row, origin: Origin) -> None:
        """See a row that failed here, of the input of that name."""
        self._filter.add(_asked(row, origin))
        if self.has_made_it(origin):
            self._again[name] += 1

    def has_made_it(self, origin: Origin) -> bool:
        """True for a row that has made it here since."""
        return origin.row in self._made_it

    def may_overtake(self, row: Row, origin: Origin) -> bool:
        """True for a row that is worth `newer`."""
        return _asked(row, origin) in self._filter

    def newer(self, rows: Iterable[tuple[Row, Origin]]) -> Iterator[tuple[int, Skips]]:
        """The numbers of those that were overtaken, and by what: here, or by a row of this run
        that has been sent again since."""
        numbers: dict[int, list[int]] = defaultdict(list)
        asked = []
        for row, origin in rows:
            asked.append(_asked(row, origin))
            numbers[origin.row].append(row.number)
        found = [find_newer(self._results_path, asked)] + [
            find_newer(repair.results_path, asked, numbers=repair.numbers)
            for repair in self._repairs
        ]
        for failed, skips in chain.from_iterable(newer.items() for newer in found):
            for number in numbers[failed]:
                yield number, skips

    def notices(self) -> Iterator[str]:
        """What is to be said of rows that have made it here since."""
        for name, number in self._again.items():
            yield self._notice(name, "1 row has" if number == 1 else f"{number:,} rows have")

    def notice_of_some(self, name: str) -> str:
        """The same, where it is not known yet how many."""
        return self._notice(name, "some have")

    def _notice(self, name: str, rows: str) -> str:
        return (
            f"{name} is older than what has become of its rows: {rows} made it since, in "
            f"{as_typed(self.path)}. What stands here is sent all the same."
        )


def notice_of_gone(name: str, run: RunName) -> str:
    """What is to be said where nobody can be asked what has happened since."""
    return (
        f"{name}: its rows failed in {as_typed(run.directory)}, and that run is not there any "
        "more. What has been set since is left alone as far as batchpatch_skip says it."
    )


def _asked(row: Row, origin: Origin) -> Asked:
    """The row as it is now, in the place that it had then."""
    participants = (row.participant_id,) if row.participant_id else ()
    return Asked(origin.row, row.conversation_id, participants, row.names)
