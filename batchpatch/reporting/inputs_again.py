"""The inputs of a run, read again: they must be what they were."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from batchpatch.formats.run_json import settings_from
from batchpatch.options.run import without_limit
from batchpatch.reading.inputs import Input
from batchpatch.reading.sources import EmptyInputError
from batchpatch.recording.inputs_again import find_again, paths_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from batchpatch.reporting.glance import Glance


def find_inputs(glance: Glance, given: Sequence[Path] = ()) -> list[str]:
    """Where the inputs of a run lie, unchanged but for rows that were added at the end.

    Args:
        glance: of the run.
        given: where some of them lie now.

    Raises:
        InputError: one is gone, or has changed.
    """
    spool_path = glance.directory.spool_path
    files = find_again(glance.manifest, given=given, appended=True, spool_path=spool_path)
    return paths_of(files, spool_path=spool_path)


@contextmanager
def opened_again(glance: Glance, path: str) -> Iterator[Input | None]:
    """One of them, opened as the run has; None where not one whole row of it is there.

    Raises:
        InputError: it cannot be read any more.
        RecordError: the options of the run cannot be read.
    """
    read = without_limit(settings_from(glance.manifest.options).read)
    truncated = glance.manifest.truncated and path == str(glance.directory.spool_path)
    try:
        opened = Input(path, read, truncated=truncated)
    except EmptyInputError:
        if not truncated:
            raise
        yield None
        return
    try:
        yield opened
    finally:
        opened.close()
