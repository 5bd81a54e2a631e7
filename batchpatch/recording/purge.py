"""Removing what holds customers' values, keeping what says what became of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.recording.files import record_error, sync_directory

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.recording.rundir import RunDirectory


def purge(rundir: RunDirectory) -> list[Path]:
    """Removes the spooled input, the failed rows and the undo file; answers what it removed.

    `results.jsonl`, `run.json` and `summary.json` stay. A run whose spool is gone cannot be
    resumed. Raises RecordError where a file cannot be removed.
    """
    removed: list[Path] = []
    path = rundir.path
    try:
        for path in rundir.private_paths():
            path.unlink()
            removed.append(path)
        path = rundir.path
        sync_directory(path)
    except OSError as error:
        raise record_error(path, error, doing="removed") from error
    return removed
