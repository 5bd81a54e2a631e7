"""`batchpatch_row`: in which row of which run a row has failed. Pure.

    17 of /home/ann/batchpatch-runs/updates-20260304T050607Z (2026-03-04T05:06:07Z)

Whoever sends the row again can ask that run what has happened since. The time tells another run in
the same place. Of a row that failed several times each run is named, the last one first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


_ORIGIN = re.compile(r"([0-9]{1,18}) of (.+?) \((\d{4}-\d\d-\d\dT[0-9:.]+Z)\)(?:; |\Z)", re.DOTALL)


class RunName(NamedTuple):
    """A run, as it can be found again."""

    directory: str
    """Where it lay."""
    started: str
    """As in its `run.json`."""

    @classmethod
    def of(cls, directory: Path, started: str) -> RunName:
        """Of the run in that directory."""
        return cls(str(directory.absolute()), started)


class Origin(NamedTuple):
    """Where a row has failed."""

    row: int
    run: RunName


def format_origin(row: int, run: RunName, *, before: str = "") -> str:
    """The cell; `before` is what it said when the row was read."""
    cell, known = f"{row} of {run.directory} ({run.started})", parse_origins(before)
    if Origin(row, run) in known:
        return before
    return f"{cell}; {before}" if known else cell


def parse_origins(cell: object) -> list[Origin]:
    """All that a cell names; nothing of what it says otherwise matters."""
    if not isinstance(cell, str):
        return []
    return [Origin(int(found[1]), RunName(found[2], found[3])) for found in _ORIGIN.finditer(cell)]
