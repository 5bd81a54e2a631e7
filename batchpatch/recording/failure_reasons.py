"""Failure reasons: what is told of failed rows, fetched from `results.jsonl`, a chunk at a time.

And `failed-rows.jsonl`: the lines of failed rows whose input cannot be read again.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Self

import orjson

from batchpatch.formats.result_line import decode
from batchpatch.formats.result_patterns import row_of
from batchpatch.formats.skips import merged_skips
from batchpatch.model import FAILED
from batchpatch.recording.files import record_error, replacing
from batchpatch.recording.newer_values import find_skips, find_suspects
from batchpatch.recording.results import lines_with

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from batchpatch.formats.origin import RunName
    from batchpatch.model import RowResult, Skips
    from batchpatch.recording.bitmap import Bitmap

_ROWS_AT_ONCE = 1 << 15
"""Failed rows whose lines are looked up in one pass: half a megabyte of offsets."""
_SKIPS_AT_ONCE = 10_000
_FORMULA = ("=", "+", "-", "@")


class FailedRow(NamedTuple):
    """What is told of a failed row beside its cells. Safe to open in a spreadsheet."""

    error: str
    hint: str
    skips: Skips
    """What later rows have applied to its participants."""
    run: RunName | None = None
    """In which it failed; None where the file is not to say so."""


class FailedRows:
    """What is told of each failed row, to be asked for in ascending order of rows.

    Memory is a fixed number of rows, however many failed; each chunk costs a pass over the file.
    """

    def __init__(
        self,
        results_path: Path,
        failed: Bitmap,
        *,
        newer: Mapping[int, Skips] | None = None,
        run: RunName | None = None,
        rows_at_once: int = _ROWS_AT_ONCE,
        skips_at_once: int = _SKIPS_AT_ONCE,
    ) -> None:
        """Opens the results. Raises RecordError where they cannot be read.

        `newer`: what had been left out of rows when they were sent again. The lines of such rows
        do not name it, but a later row holds it still. `run`: whose rows these are.
        """
        self.failed = failed
        self.run = run
        self._path = results_path
        self._newer = newer or {}
        self._rows_at_once = rows_at_once
        self._skips_at_once = skips_at_once
        self._rows = array("Q")
        self._places = array("Q")
        self._skips: dict[int, Skips] = {}
        self._skips_until = 0
        self._suspects = find_suspects(results_path, failed) if failed else failed
        try:
            self._file = results_path.open("rb")
        except OSError as error:
            raise record_error(results_path, error, doing="read") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def of(self, row: int) -> FailedRow:
        """What is told of one failed row. Raises RecordError where the results cannot be read."""
        result = self._line(row)
        if result is None:
            return FailedRow("no reason was recorded", "", {}, self.run)
        error = ": ".join(part for part in (result.code, result.message) if part)
        return FailedRow(
            safe_text(error or str(result.outcome)),
            safe_text(result.hint or ""),
            merged_skips(self._found_skips(row), self._newer.get(row, {})),
            self.run,
        )

    def _line(self, row: int) -> RowResult | None:
        if not self._rows or not self._rows[0] <= row <= self._rows[-1]:
            self._look_up(row)
        at = bisect_left(self._rows, row)
        if at == len(self._rows) or self._rows[at] != row or not self._places[at]:
            return None
        try:
            self._file.seek(self._places[at] - 1)
            return decode(self._file.readline())
        except OSError as error:
            raise record_error(self._path, error, doing="read") from error

    def _look_up(self, first: int) -> None:
        """Where the lines of the next failed rows begin, plus one: 0 is a row without a line."""
        rows = array("Q", islice(self.failed.starting(first), self._rows_at_once))
        offsets = array("Q", bytes(8 * len(rows)))
        for offset, line in lines_with(self._path, FAILED):
            row = row_of(line)
            if row in self.failed:
                at = bisect_left(rows, row)
                if at < len(rows) and rows[at] == row and not offsets[at]:
                    offsets[at] = offset + 1
        self._rows, self._places = rows, offsets

    def _found_skips(self, row: int) -> Skips:
        if row not in self._suspects:
            return {}
        if row > self._skips_until:
            rows = list(islice(self._suspects.starting(row), self._skips_at_once))
            self._skips = find_skips(self._path, rows)
            self._skips_until = rows[-1]
        return self._skips.get(row, {})


def safe_text(text: str) -> str:
    """One line, and never one that a spreadsheet takes for a formula."""
    line = " ".join(text.split())
    return f"'{line}" if line.startswith(_FORMULA) else line


def write_failed_lines(path: Path, results_path: Path, *, sources: Collection[str]) -> int:
    """Copy the lines of failed rows of these inputs from the results; answers how many.

    They bear row, line, ids and the reason, and no values. No failed row, no file.

    Raises:
        RecordError: a file cannot be read or written.
    """
    count = 0
    with ExitStack() as stack:
        file = None
        for _, line in lines_with(results_path, FAILED) if sources else ():
            if orjson.loads(line).get("source") in sources:
                file = file or stack.enter_context(replacing(path))
                file.write(line)
                count += 1
    if not count:
        path.unlink(missing_ok=True)
    return count
