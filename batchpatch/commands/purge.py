"""`purge`: remove what holds customers' values from a run's directory, or all of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import RecordError, SettingsError, as_typed
from batchpatch.recording.manifest import update_manifest
from batchpatch.recording.run_directory import RunDirectory, holds_run
from batchpatch.recording.run_directory import purge as remove_private
from batchpatch.recording.run_paths import USUAL_FOLDER
from batchpatch.reporting.glance import glance_at
from batchpatch.reporting.runs import list_runs, named_folder

if TYPE_CHECKING:
    from batchpatch.formats.run_json import Manifest


class Purged(NamedTuple):
    """What a purge has done."""

    removed: list[Path]
    """Files, or the directories of whole runs."""
    at_work: list[Path]
    """Runs that were left alone."""
    problems: list[str]
    """Sentences about what could not be removed."""


def purge(path: Path, *, whole: bool = False) -> Purged:
    """Remove the spooled input, the failed rows, the undo file and the conflicts of a run.

    The results stay. `run.json` keeps the names of what was removed, so that neither `undo` nor
    `resume` takes it for what never was.

    Args:
        path: directory of the run.
        whole: remove all that the run has written; what others have put there stays.

    Raises:
        SettingsError: there is no such run.
        RecordError: it is in use, or a file cannot be removed.
    """
    with RunDirectory.open(Path(path)) as directory:
        links = [_link_sentence(file) for file in directory.private_paths() if _leads_on(file)]
        if whole:
            directory.remove()
            return Purged([directory.path], [], links)
        names = {file.name for file in directory.private_paths() if not file.name.startswith(".")}

        def purged(manifest: Manifest) -> Manifest:
            return replace(manifest, purged=tuple(sorted({*manifest.purged, *names})))

        # First, so that a crash leaves a note too many and not one too few. The values have to go
        # even from a directory whose run.json is damaged, or whose disk is full.
        with suppress(RecordError):
            update_manifest(directory.manifest_path, purged)
        return Purged(remove_private(directory), [], links)


def _leads_on(path: Path) -> bool:
    """True for a link: it is removed, and what it leads to may be more than this run's."""
    return path.is_symlink() and path.exists()


def _link_sentence(path: Path) -> str:
    return (
        f"{as_typed(path)} was a link: {as_typed(path.resolve())}, to which it led, still holds "
        "values; remove that as well."
    )


def purge_old(directory: Path | None, *, older_than_s: float, whole: bool = False) -> Purged:
    """Purge the runs of a directory that ended, or were last heard of, longer ago.

    Args:
        directory: of the runs, or the directory of one; None is `batchpatch-runs`.
        older_than_s: seconds.
        whole: as for `purge`.

    Raises:
        SettingsError: there is no such directory.
        RecordError: the directory cannot be read.
    """
    folder = named_folder(directory or USUAL_FOLDER)
    done = Purged([], [], [])
    before = datetime.now(UTC) - timedelta(seconds=older_than_s)
    found, unread = ([glance_at(folder)], []) if holds_run(folder) else list_runs(folder)
    done.problems.extend(unread)
    for one in found:
        heard_at = one.heard_at
        if heard_at is None or heard_at > before:
            continue
        if one.pid is not None:
            done.at_work.append(one.path)
            continue
        try:
            purged = purge(one.path, whole=whole)
            done.removed.extend(purged.removed)
            done.problems.extend(purged.problems)
        except RecordError as error:
            done.problems.append(str(error))
        except SettingsError:  # another process has removed it meanwhile
            continue
    return done
