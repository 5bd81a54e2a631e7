"""Why rows failed, fetched from `results.jsonl` a chunk of rows at a time."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Self

import orjson

from batchpatch.formats.result_line import row_of
from batchpatch.model import Outcome
from batchpatch.recording.files import record_error
from batchpatch.recording.newer_values import find_skips, find_suspects
from batchpatch.recording.results import lines_with

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from batchpatch.recording.bitmap import Bitmap


_LOST = tuple(outcome for outcome in Outcome if not outcome.made_it)


_ROWS_AT_ONCE = 1 << 15
"""Failed rows whose lines are looked up in one pass: half a megabyte of offsets."""


_SKIPS_AT_ONCE = 10_000


_FORMULA = ("=", "+", "-", "@")


class Reason(NamedTuple):
    """Why a row failed. The texts are safe to open in a spreadsheet."""

    error: str
    hint: str
    skip: list[str]
    """Names that a later row of the same participant has applied."""


class Reasons:
    """The reasons of the failed rows, to be asked for in ascending order of rows.

    Memory is a fixed number of rows, however many failed; each chunk costs a pass over the file.
    """

    def __init__(
        self,
        results_path: Path,
        failed: Bitmap,
        *,
        newer: Mapping[int, Collection[str]] | None = None,
        rows_at_once: int = _ROWS_AT_ONCE,
        skips_at_once: int = _SKIPS_AT_ONCE,
    ) -> None:
        """Opens the results. Raises RecordError where they cannot be read.

        `newer`: names that had been left out of rows when they were sent again. The lines of such
        rows do not name them, but a later row holds them still.
        """
        self.failed = failed
        self._path = results_path
        self._newer = newer or {}
        self._rows_at_once = rows_at_once
        self._skips_at_once = skips_at_once
        self._rows = array("Q")
        self._places = array("Q")
        self._skips: dict[int, list[str]] = {}
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

    def of(self, row: int) -> Reason:
        """The reason of one failed row. Raises RecordError where the results cannot be read."""
        fields = self._line(row)
        if fields is None:
            return Reason("no reason was recorded", "", [])
        code, message = fields.get("code"), fields.get("message")
        error = ": ".join(part for part in (code, message) if part) or str(fields["outcome"])
        return Reason(safe_text(error), safe_text(fields.get("hint") or ""), self._skip(row))

    def _line(self, row: int) -> dict[str, str] | None:
        if not self._rows or not self._rows[0] <= row <= self._rows[-1]:
            self._look_up(row)
        at = bisect_left(self._rows, row)
        if at == len(self._rows) or self._rows[at] != row or not self._places[at]:
            return None
        try:
            self._file.seek(self._places[at] - 1)
            found: dict[str, str] = orjson.loads(self._file.readline())
        except OSError as error:
            raise record_error(self._path, error, doing="read") from error
        return found

    def _look_up(self, first: int) -> None:
        """Where the lines of the next failed rows begin, plus one: 0 is a row without a line."""
        rows = array("Q", islice(self.failed.starting(first), self._rows_at_once))
        offsets = array("Q", bytes(8 * len(rows)))
        for offset, line in lines_with(self._path, _LOST):
            row = row_of(line)
            if row in self.failed:
                at = bisect_left(rows, row)
                if at < len(rows) and rows[at] == row and not offsets[at]:
                    offsets[at] = offset + 1
        self._rows, self._places = rows, offsets

    def _skip(self, row: int) -> list[str]:
        newer = self._newer.get(row)
        found = self._found_skip(row)
        return sorted({*found, *newer}) if newer else found

    def _found_skip(self, row: int) -> list[str]:
        if row not in self._suspects:
            return []
        if row > self._skips_until:
            rows = list(islice(self._suspects.starting(row), self._skips_at_once))
            self._skips = find_skips(self._path, rows)
            self._skips_until = rows[-1]
        return self._skips.get(row, [])


def safe_text(text: str) -> str:
    """One line, and never one that a spreadsheet takes for a formula."""
    line = " ".join(text.split())
    return f"'{line}" if line.startswith(_FORMULA) else line
