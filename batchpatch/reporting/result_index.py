"""An index of `results.jsonl`: the line of any row, without holding lines in memory."""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING, Any, Self

import orjson

from batchpatch.formats.result_line import decode
from batchpatch.formats.result_patterns import is_as_encoded, row_of
from batchpatch.model import MADE_IT
from batchpatch.recording.files import record_error
from batchpatch.recording.results import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ROWS = re.compile(rb'^\{"row":([0-9]{1,10}),', re.MULTILINE)
_ENTRY_BYTES = 8


class ResultIndex:
    """Where each row's line begins: eight bytes a row."""

    def __init__(self, results_path: Path) -> None:
        """Read the results once. Raises RecordError."""
        self._path = results_path
        self._offsets = array("Q")
        for row, offset in _places(results_path) if results_path.exists() else ():
            if row >= len(self._offsets):
                more = row + 1 + row // 8 - len(self._offsets)
                self._offsets.frombytes(bytes(_ENTRY_BYTES * more))
            self._offsets[row] = offset + 1
        try:
            self._lines = results_path.open("rb")
        except OSError as error:
            raise record_error(results_path, error, doing="read") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()

    def of(self, row: int) -> dict[str, Any] | None:
        """The fields of a row's line, whoever has written it; None where it has none.

        Hot: a table of a million rows asks for each.

        Raises:
            RecordError: the file cannot be read.
        """
        offset = self._offsets[row] if row < len(self._offsets) else 0
        if not offset:
            return None
        try:
            self._lines.seek(offset - 1)
            fields = orjson.loads(self._lines.readline())
        except OSError as error:
            raise record_error(self._path, error, doing="read") from error
        except ValueError:  # a damaged line tells nothing
            return None
        return fields if isinstance(fields, dict) else None

    def made_it(self, row: int) -> bool | None:
        """Whether a row made it; None where it has no line. Raises RecordError."""
        fields = self.of(row)
        return None if fields is None else str(fields.get("outcome")) in MADE_IT


def _places(path: Path) -> Iterator[tuple[int, int]]:
    """Each row, and the byte at which its line begins."""
    for block in blocks(path):
        if block.torn:
            continue
        if is_as_encoded(block.data):
            for match in _ROWS.finditer(block.data):
                yield int(match[1]), block.offset + match.start()
        else:
            yield from _one_by_one(block.data, block.offset)


def _one_by_one(data: bytes, offset: int) -> Iterator[tuple[int, int]]:
    for line in data.splitlines(keepends=True):
        row = row_of(line)
        if not row:
            try:
                row = decode(line).row
            except ValueError:
                row = 0
        if row:
            yield row, offset
        offset += len(line)
