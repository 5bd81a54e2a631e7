"""`purge`: remove what holds customers' values from a run's directory, and keep the report."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.errors import RecordError
from batchpatch.recording.manifest import update_manifest
from batchpatch.recording.run_directory import RunDirectory
from batchpatch.recording.run_directory import purge as remove_private

if TYPE_CHECKING:
    from batchpatch.formats.run_json import Manifest


def purge(path: Path) -> list[Path]:
    """Remove the spooled input, the failed rows, the undo file and the conflicts of a run.

    The results stay. `run.json` keeps the names of what was removed, so that neither `undo` nor
    `resume` takes it for what never was.

    Args:
        path: directory of the run.

    Returns:
        What was removed.

    Raises:
        SettingsError: there is no such run.
        RecordError: it is in use, or a file cannot be removed.
    """
    with RunDirectory.open(Path(path)) as directory:
        names = {file.name for file in directory.private_paths() if not file.name.startswith(".")}

        def purged(manifest: Manifest) -> Manifest:
            return replace(manifest, purged=tuple(sorted({*manifest.purged, *names})))

        # First, so that a crash leaves a note too many and not one too few. The values have to go
        # even from a directory whose run.json is damaged, or whose disk is full.
        with suppress(RecordError):
            update_manifest(directory.manifest_path, purged)
        return remove_private(directory)
