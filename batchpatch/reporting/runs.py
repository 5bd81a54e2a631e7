"""The runs in a directory, the newest first."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from batchpatch.errors import BatchpatchError, SettingsError
from batchpatch.recording.files import record_error
from batchpatch.recording.manifest import read_manifest
from batchpatch.recording.run_paths import MANIFEST, USUAL_FOLDER
from batchpatch.reporting.glance import Glance, glance_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def runs_in(folder: Path) -> list[Glance]:
    """A glance at each run in a directory, the newest first; what is damaged is left out.

    Raises:
        RecordError: the directory cannot be read.
    """
    found = []
    for path in _directories(folder):
        with suppress(BatchpatchError):
            found.append(glance_at(path))
    return sorted(found, key=lambda one: (one.manifest.started, one.path.name), reverse=True)


def newest_run(folder: Path = USUAL_FOLDER) -> Path:
    """The run that began last.

    Raises:
        SettingsError: there is none.
        RecordError: the directory cannot be read.
    """
    started: list[tuple[str, str, Path]] = []
    for path in _directories(folder):
        with suppress(BatchpatchError):
            started.append((read_manifest(path / MANIFEST).started, path.name, path))
    if not started:
        raise SettingsError(f"--last: there is no run in {folder}; name its directory instead.")
    return max(started)[2]


def _directories(folder: Path) -> Iterator[Path]:
    """The directories of runs in a directory; none where it is not there."""
    try:
        paths = sorted(folder.iterdir()) if folder.exists() else []
        yield from (path for path in paths if (path / MANIFEST).is_file())
    except OSError as error:
        raise record_error(folder, error, doing="read") from error
