"""`undo --dry-run`: what an undo would write, offline, from the values that the run has kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.commands.undo import refuse_unknown
from batchpatch.formats.run_json import settings_from
from batchpatch.recording.manifest import read_manifest
from batchpatch.recording.run_directory import RunDirectory
from batchpatch.recording.undo_rows import preview_undo
from batchpatch.writes.registry import find_kind

if TYPE_CHECKING:
    from batchpatch.recording.undo_rows import UndoPreview


_MOST_SHOWN = 10
"""Participants with their values."""


def undo_preview(path: Path) -> UndoPreview | None:
    """What an undo of a run would write; None where the run has changed nothing.

    Nothing is read from the platform: a value that somebody has changed since is not seen.

    Args:
        path: directory of the run.

    Raises:
        SettingsError: there is no such run, it kept no values, or they were purged.
        RecordError: the directory is in use, or the values are damaged.
    """
    can_lock = os.access(path, os.W_OK)  # else it is an archive, in which no run is at work
    with RunDirectory.open(Path(path), lock=can_lock) as directory:
        manifest = read_manifest(directory.manifest_path)
        if not directory.undo_path.exists():
            refuse_unknown(directory, manifest)
            return None
        settings = settings_from(manifest.options)
        preview = preview_undo(
            directory.undo_path,
            results_path=directory.results_path,
            kind=find_kind(settings.write),
            looked=settings.safeguards.reads_first,
            count_unkept=not settings.safeguards.keep_before,
            most=_MOST_SHOWN,
        )
    return preview if preview.participants or preview.refused or preview.unkept else None
