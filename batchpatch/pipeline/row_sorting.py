"""Row sorting: the valid rows of an input into one file, the others into another."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from batchpatch.errors import InputError, SettingsError, as_typed
from batchpatch.pipeline.failed_files import raw_records, shape_of
from batchpatch.reading.inputs import Input
from batchpatch.reading.sources import is_regular
from batchpatch.recording.sorted_rows import SortedRows, refuse_existing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from batchpatch.model import InvalidRow, Row
    from batchpatch.options.read import ReadOptions
    from batchpatch.pipeline.feeding import ReadInput
    from batchpatch.recording.sorted_rows import SortedFiles


def refuse_fix(inputs: Sequence[str], read: ReadOptions, out: Path, *, force: bool) -> None:
    """Raise SettingsError where the rows of these inputs cannot be sorted into such a file."""
    if len(inputs) != 1:
        raise SettingsError("--fix takes one input: each has columns of its own.")
    if not is_regular(inputs[0]):
        raise SettingsError("--fix reads its input twice: put it into a file first.")
    if read.limit is not None:
        raise SettingsError("--fix writes all rows: leave out --limit.")
    refuse_existing(out, source=inputs[0], force=force)


def sort_rows(
    path: str,
    read: ReadOptions,
    out: Path,
    *,
    judge: Callable[[list[Row | InvalidRow]], list[Row | InvalidRow]],
    seen: ReadInput,
) -> SortedFiles:
    """Write each record of an input as it stands there; it is read twice at the same time.

    Args:
        path: of the input.
        read: how to understand it.
        out: where valid rows go; see `rest_path` for the others.
        judge: what is done to rows beyond reading them.
        seen: the same input as it was read before, to its end.

    Raises:
        InputError: the input cannot be used as a whole, or has changed while it was read.
        SettingsError: the file's name says that it is something else.
        RecordError: the files cannot be written.
    """
    with closing(Input(path, read)) as rows, closing(Input(path, read)) as again:
        _refuse_suffix(out, is_json=rows.table is None)
        records = raw_records(again, first=1)
        with SortedRows(out, shape_of(again, seen=seen)) as sorted_rows:
            for batch in rows.batches(source=0, first=1):
                for row in judge(batch.rows):
                    if (record := next(records, None)) is None:
                        raise InputError(
                            f"{as_typed(path)} has changed while it was read: check it again."
                        )
                    sorted_rows.add(record, row)
        return sorted_rows.written


def _refuse_suffix(out: Path, *, is_json: bool) -> None:
    fitting = (".jsonl", ".ndjson", ".json") if is_json else (".csv", ".tsv", ".txt")
    if out.suffix.lower() not in ("", *fitting):
        what = "JSON lines" if is_json else "a CSV"
        raise SettingsError(
            f"--fix {as_typed(out)}: {what} is written, so end it with {fitting[0]}."
        )
