"""Preflight: every input is looked at before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import SettingsError
from batchpatch.formats.run_json import InputFile
from batchpatch.reading.decoding import ensure_whole
from batchpatch.reading.inputs import Input
from batchpatch.reading.sources import is_regular
from batchpatch.recording.manifest import fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.options.read import ReadOptions
    from batchpatch.options.run import RecordOptions
    from batchpatch.reading.mapping import ColumnUse


class Prepared(NamedTuple):
    """An input that was looked at before anything is sent."""

    file: InputFile
    uses: tuple[ColumnUse, ...]
    notices: list[str]


def preflight(names: Sequence[str], read: ReadOptions, record: RecordOptions) -> list[Prepared]:
    """Look at every input that can be read twice, so that what is unusable is refused early.

    Raises:
        InputError: one cannot be used as a whole.
        SettingsError: they cannot be used together.
    """
    if not names:
        raise SettingsError("Name at least one input: a file, or - for standard input.")
    if "" in names:
        raise SettingsError("An input without a name: is a variable of the command line empty?")
    if len(set(names)) < len(names):
        raise SettingsError("An input is named twice: its rows would be sent twice.")
    if sum(not is_regular(name) for name in names) > 1:
        raise SettingsError("Only one input can be a pipe: put the others into files.")
    return [_prepared(name, read, record) for name in names]


def _prepared(name: str, read: ReadOptions, record: RecordOptions) -> Prepared:
    if not is_regular(name):
        kind = "spool" if record.spool else "stream"
        return Prepared(InputFile(path=name, size=None, sha256=None, kind=kind, name=name), (), [])  # type: ignore[arg-type]
    opened = Input(name, read)
    try:
        for batch in opened.batches(source=0, first=1):
            if any(not hasattr(row, "code") for row in batch.rows):
                break
        lines_stand_alone = opened.format == "jsonl" and opened.encoding.startswith("utf-8")
        ensure_whole(name, None if lines_stand_alone else opened.encoding)
        file = replace(fingerprint(Path(name)), name=name)
        return Prepared(file, opened.uses, list(opened.notices.values()))
    finally:
        opened.close()
