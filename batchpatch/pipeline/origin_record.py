"""The record of what a run of failed rows mends: which row of which run each of its rows was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from batchpatch.formats.origin import parse_origins
from batchpatch.recording.manifest import update_manifest
from batchpatch.recording.origins import OriginsLog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.formats.origin import RunName
    from batchpatch.model import Row
    from batchpatch.recording.run_directory import RunDirectory

_MOST_RUNS = 100
"""That `run.json` names; what has failed in more is somebody's test."""


class OriginRecord:
    """Keeps where rows have failed before, as they come; a row that is sent after a restart comes
    again."""

    def __init__(self, directory: RunDirectory) -> None:
        self._log = OriginsLog(directory.origins_path)
        self._manifest_path = directory.manifest_path
        self._runs: dict[RunName, None] = {}

    def keep(self, rows: Iterable[Row]) -> None:
        """Keep what these rows say of themselves. Raises RecordError."""
        cells = [(row.number, row.context.origin) for row in rows if row.context is not None]
        named = [(row, cell, parse_origins(cell)) for row, cell in cells]
        self._log.add((row, cell) for row, cell, origins in named if origins)
        known = len(self._runs)
        self._runs |= dict.fromkeys(one.run for _, _, origins in named for one in origins)
        if len(self._runs) > known <= _MOST_RUNS:
            runs = tuple(self._runs)[:_MOST_RUNS]
            update_manifest(
                self._manifest_path,
                lambda manifest: replace(
                    manifest, mends=tuple(dict.fromkeys((*manifest.mends, *runs)))
                ),
            )
