"""The runs in a directory, the newest first."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import BatchpatchError, SettingsError, as_typed
from batchpatch.recording.files import record_error
from batchpatch.recording.manifest import read_manifest
from batchpatch.recording.run_paths import MANIFEST, USUAL_FOLDER
from batchpatch.reporting.glance import Glance, glance_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Listing(NamedTuple):
    """What there is in a directory of runs."""

    runs: list[Glance]
    """The newest first."""
    unread: list[str]
    """A sentence for each directory in it that cannot be read, or whose run is damaged."""


def named_folder(folder: Path | None) -> Path:
    """The directory of runs that somebody has named; None is the usual one, which may be missing.

    Raises:
        SettingsError: there is no such directory.
    """
    if folder is not None and not folder.is_dir():
        raise SettingsError(
            f"There is no directory {as_typed(folder)}: name the one in which the runs are."
        )
    return USUAL_FOLDER if folder is None else folder


def list_runs(folder: Path) -> Listing:
    """A glance at each run in a directory.

    Raises:
        RecordError: the directory cannot be read.
    """
    unread: list[str] = []
    found = []
    for path in _directories(folder, unread):
        try:
            found.append(glance_at(path))
        except BatchpatchError as error:
            unread.append(str(error))
    found.sort(key=lambda one: (one.manifest.started, one.path.name), reverse=True)
    return Listing(found, unread)


def runs_in(folder: Path) -> list[Glance]:
    """The runs alone. Raises RecordError where the directory cannot be read."""
    return list_runs(folder).runs


def newest_run(folder: Path = USUAL_FOLDER) -> Path:
    """The run that began last.

    Raises:
        SettingsError: there is none.
        RecordError: the directory cannot be read.
    """
    started: list[tuple[str, str, Path, str]] = []
    for path in _directories(folder, []):
        try:
            began, unread = read_manifest(path / MANIFEST).started, ""
        except BatchpatchError as error:
            began, unread = _began(path / MANIFEST), str(error)
        if began:
            started.append((began, path.name, path, unread))
    if not started:
        raise SettingsError(
            f"--last: there is no run in {as_typed(folder)} that can be read; name its directory "
            "instead."
        )
    *_, path, unread = max(started)
    if unread:  # an older one must not be taken for it, and be undone
        raise SettingsError(f"--last: {unread}; or name the directory of another run.")
    return path


def _began(path: Path) -> str:
    """When a run began whose record is of another release; empty where it does not even say so."""
    with suppress(OSError, ValueError):
        document = json.loads(path.read_bytes())
        if isinstance(document, dict) and isinstance(document.get("started"), str):
            return str(document["started"])
    return ""


def _directories(folder: Path, unread: list[str]) -> Iterator[Path]:
    """The directories of runs in a directory; none where it is not there.

    One that cannot be looked into, such as another user's, hides no other: it is told in `unread`.
    """
    try:
        paths = sorted(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise record_error(folder, error, doing="read") from error
    for path in paths:
        try:
            if (path / MANIFEST).is_file():
                yield path
        except OSError as error:
            unread.append(str(record_error(path, error, doing="read")))
