"""Valid rows in one file and the others, with their reasons, in another beside it.

Both are in the input's own form. They appear together, whole, or not at all.
"""

from __future__ import annotations

import csv
import io
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, Self

from batchpatch.errors import SettingsError, as_typed
from batchpatch.model import InvalidRow
from batchpatch.recording.failed_rows import JsonlShape, row_writer
from batchpatch.recording.failure_reasons import FailedRow, safe_text
from batchpatch.recording.files import record_error
from batchpatch.recording.new_file import new_file, refuse_taken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TextIO

    from batchpatch.model import Row
    from batchpatch.recording.failed_objects import RawRecord
    from batchpatch.recording.failed_rows import CsvShape


class SortedFiles(NamedTuple):
    """What was written."""

    out: str
    valid: int
    """Rows in it."""
    rest: str | None
    """The file of invalid rows; None where there are none."""
    invalid: int


def rest_path(out: Path) -> Path:
    """Where the invalid rows go: `rows.csv` -> `rows.invalid.csv`."""
    return out.with_name(f"{out.stem}.invalid{out.suffix}")


def refuse_existing(out: Path, *, source: str, force: bool) -> None:
    """Raise SettingsError where a file would be lost, or none can be made."""
    if str(out) == "-":
        raise SettingsError(
            "--fix writes two files, which - cannot name: name one, such as OUT.csv."
        )
    refuse_taken(out, flag="--fix", force=True)  # whether one can be made; then its rest has a name
    for path in (out, rest_path(out)):
        if path.exists() and path.samefile(source):
            raise SettingsError(f"{as_typed(path)} is the input itself: write to another file.")
        refuse_taken(path, flag="--fix", force=force)


class SortedRows:
    """Writes rows to one of the two files each; use as a context.

    Raises:
        RecordError: one of them cannot be written; then neither is.
    """

    def __init__(self, out: Path, shape: CsvShape | JsonlShape) -> None:
        self._out = out
        self._shape = shape
        self._stack = ExitStack()
        self._counts = [0, 0]
        self._refuse: Callable[[RawRecord, FailedRow], None] | None = None

    def __enter__(self) -> Self:
        self._stack.__enter__()
        file = self._stack.enter_context(new_file(self._out))
        text = io.TextIOWrapper(file, self._shape.encoding, errors="backslashreplace", newline="")
        self._stack.callback(text.detach)  # flushes, and leaves the closing to `replacing`
        self._keep, self._text = _plain_writer(text, self._shape), text
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]
        if error[0] is None and self._refuse is None:  # of an earlier check
            rest_path(self._out).unlink(missing_ok=True)

    def add(self, record: RawRecord, row: Row | InvalidRow) -> None:
        """Write one record, which has become this row."""
        if not isinstance(row, InvalidRow):
            self._counts[0] += 1
            self._keep(record)
            return
        if self._refuse is None:
            file = self._stack.enter_context(new_file(rest_path(self._out)))
            self._refuse = row_writer(file, self._shape, self._stack, traced=False)
            self._stack.push(self._finish_valid)
        self._counts[1] += 1
        error = safe_text(f"{row.code}: {row.message}")
        self._refuse(record, FailedRow(error, safe_text(row.hint), {}))

    def _finish_valid(self, failed: type[BaseException] | None, *_: object) -> None:
        """The other file gets its name first: by then, the disk must have had room for this one."""
        if failed is None:
            try:
                self._text.flush()
                os.fsync(self._text.fileno())
            except OSError as error:
                raise record_error(self._out, error, of_run=False) from error

    @property
    def written(self) -> SortedFiles:
        """What was written so far."""
        rest = rest_path(self._out) if self._refuse is not None else None
        valid, invalid = self._counts
        return SortedFiles(str(self._out), valid, None if rest is None else str(rest), invalid)


def _plain_writer(text: TextIO, shape: CsvShape | JsonlShape) -> Callable[[RawRecord], None]:
    """Writes records as the input has them."""
    if isinstance(shape, JsonlShape):
        return lambda record: _ignore(text.write(f"{(record.raw or b'').decode().strip()}\n"))
    writer = csv.writer(text, delimiter=shape.delimiter, lineterminator="\r\n")
    if shape.names_delimiter:
        text.write(f"sep={shape.delimiter}\r\n")
    writer.writerow(shape.header)
    width = len(shape.header)
    # Surplus cells of a valid row are empty ones.
    return lambda record: _ignore(writer.writerow((record.cells or [])[:width]))


def _ignore(_: object) -> None:
    """Of a write: how much it wrote."""
