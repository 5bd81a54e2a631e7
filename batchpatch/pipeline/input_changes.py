"""Inputs that change while a run reads them: found at its end, and their failed rows told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import ExitCode
from batchpatch.model import Stop
from batchpatch.recording.failed_lines import write_failed_lines
from batchpatch.recording.manifest import find_changes, read_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.recording.manifest import InputChange
    from batchpatch.recording.run_directory import RunDirectory


def changes_meanwhile(
    directory: RunDirectory, *, failed: bool, exhausted: bool
) -> list[InputChange]:
    """The inputs that have changed since the run began with them, at its end.

    Where rows have failed they are to be read again, and so are looked at whole. An input that is
    gone matters only then, or where it was not read to its end. A pipe is no file that can change.

    Raises:
        RecordError: `run.json` cannot be read.
    """
    manifest = read_manifest(directory.manifest_path)
    changes = find_changes(manifest, spool_path=directory.spool_path, at_a_glance=not failed)
    return [
        change
        for change in changes
        if manifest.inputs[change.source].kind != "stream"
        and (failed or not exhausted or not change.gone)
    ]


def changed_stop(
    directory: RunDirectory, names: Sequence[str], changes: Sequence[InputChange]
) -> Stop | None:
    """Write the failed rows of changed inputs as they were reported; why that ends the run.

    `names`: what the report calls the inputs.

    Raises:
        RecordError: the file cannot be written.
    """
    path = directory.failed_lines_path
    sources = {names[change.source] for change in changes}
    count = write_failed_lines(path, directory.results_path, sources=sources)
    if not changes:
        return None
    told = "; ".join(change.sentence for change in changes)
    rest = (
        f"the {count:,} failed rows cannot be taken from there, {path} has their lines and ids."
        if count
        else "what was sent may be of the one and of the other."
    )
    return Stop(ExitCode.STOPPED, f"While the run went on, {told}: {rest}")
