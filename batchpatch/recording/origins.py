"""`origins.jsonl`: of each row of a run that has failed before, where that was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from batchpatch.formats.origin import Origin, parse_origins
from batchpatch.recording.append_log import Appender, mend
from batchpatch.recording.files import record_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class OriginsLog:
    """Appends what rows say of themselves; no row, no file.

    Other runs learn there which rows this one has sent again, so it is on disk before their results
    are: lost, an older value would beat a newer one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_mended = False
        """The torn end of an earlier process was cut off."""

    def add(self, cells: Iterable[tuple[int, str]]) -> None:
        """Keep the origins of some rows, by their numbers. Raises RecordError."""
        lines = b"".join(_line(row, cell) for row, cell in cells)
        if not lines:
            return
        if not self._is_mended:
            mend(self._path)
            self._is_mended = True
        file = Appender(self._path)
        try:
            file.append(lines)
            file.sync()
        finally:
            file.close()


def _line(row: int, cell: str) -> bytes:
    line = {"row": row, "origin": cell.encode("utf-8", "backslashreplace").decode()}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def read_origins(path: Path) -> Iterator[tuple[int, list[Origin]]]:
    """Each row that has failed before, and where; what cannot be understood is left out.

    Raises:
        RecordError: the file is there and cannot be read.
    """
    try:
        with path.open("rb") as file:
            for line in file:
                try:
                    fields = orjson.loads(line)
                    row, origins = int(fields["row"]), parse_origins(fields["origin"])
                except (ValueError, KeyError, TypeError):
                    continue
                yield row, origins
    except FileNotFoundError:
        return
    except OSError as error:
        raise record_error(path, error, doing="read") from error
