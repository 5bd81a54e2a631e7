"""`report --csv`: the rows of a run with what became of them, for a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from batchpatch.errors import SettingsError, as_typed
from batchpatch.recording.new_file import new_file, refuse_taken
from batchpatch.reporting.glance import glance_at
from batchpatch.reporting.inputs_again import find_inputs
from batchpatch.reporting.row_table import write_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.recording.run_directory import RunDirectory


def write_rows(
    path: Path,
    out: Path | BinaryIO,
    *,
    failed_only: bool = False,
    inputs: Sequence[Path] = (),
    force: bool = False,
) -> int:
    """Write the rows of a run with what became of each; says how many.

    The file is 0600, and holds customers' values as the input does. A run may still be at work:
    then rows without a line are `unattempted`.

    Args:
        path: directory of the run.
        out: where to.
        failed_only: only rows that did not make it.
        inputs: where inputs lie now that have been moved; known by their content.
        force: a file that is there may be replaced.

    Raises:
        SettingsError: there is no such run, or `out` is a file of it, or is there already.
        InputError: an input is gone or has changed, so nobody knows the rows any more.
        RecordError: a file of the run cannot be read, or `out` cannot be written.
    """
    glance = glance_at(path)
    paths = find_inputs(glance, inputs)
    if not isinstance(out, Path):
        return write_table(out, glance, paths, failed_only=failed_only)
    refuse_own(out, glance.directory, paths, flag="--csv", force=force)
    with new_file(out) as file:
        return write_table(file, glance, paths, failed_only=failed_only)


def refuse_own(
    out: Path, directory: RunDirectory, inputs: Sequence[str] = (), *, flag: str, force: bool
) -> None:
    """Raise SettingsError where a report would take the place of a run's file, or its input; or,
    without `force`, of anything."""
    taken = any(one.exists() and out.exists() and one.samefile(out) for one in map(Path, inputs))
    if taken or directory.is_own(out):
        raise SettingsError(
            f"{flag} {as_typed(out)} is a file of the run itself: name another one."
        )
    refuse_taken(out, flag=flag, force=force)
