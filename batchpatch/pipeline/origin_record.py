"""The record of what a run of failed rows mends: which row of which run each of its rows was."""

from __future__ import annotations

from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from batchpatch.errors import InputError
from batchpatch.formats.origin import RunName, parse_origins
from batchpatch.pipeline.earlier_runs import names_origins
from batchpatch.pipeline.failed_files import origin_cells
from batchpatch.reading.inputs import Input
from batchpatch.reading.sources import is_regular
from batchpatch.recording.manifest import update_manifest
from batchpatch.recording.origins import OriginsFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.options.read import ReadOptions
    from batchpatch.recording.run_directory import RunDirectory

_MOST_RUNS = 100
"""That `run.json` names; a row that has failed so often is somebody's test."""


def record_origins(directory: RunDirectory, paths: Sequence[str], read: ReadOptions) -> None:
    """Write where the rows of these inputs have failed before; nothing where no input says so.

    Of a pipe nothing is known yet, nor where the rows of the inputs behind it begin.

    Raises:
        RecordError: it cannot be written.
    """
    files = list(takewhile(is_regular, paths))
    if not any(map(names_origins, files)):
        return
    runs: dict[RunName, None] = {}
    first = 1
    with ExitStack() as stack:
        file = stack.enter_context(OriginsFile(directory.origins_path))
        stack.enter_context(suppress(InputError))  # whoever sends the rows says so
        for path in files:
            opened = stack.enter_context(closing(Input(path, read)))
            for record, cell in origin_cells(opened, first=first):
                first = record.row + 1
                origins = parse_origins(cell)
                if origins:
                    file.add(record.row, str(cell))
                runs |= dict.fromkeys(one.run for one in origins)
    if runs:
        named = tuple(runs)[:_MOST_RUNS]
        update_manifest(directory.manifest_path, lambda known: replace(known, mends=named))
