"""`conflicts.jsonl`: what was expected and what was found, for whoever has to decide.

The file holds customers' values, as the README says; `results.jsonl` names the attributes only.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from batchpatch.formats.conflict_line import ConflictEntry, encode_conflict, parse_conflict
from batchpatch.recording.append_log import Appender, mend
from batchpatch.recording.files import record_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


MOST_SHOWN = 20


class ConflictLog:
    """The one writer of `conflicts.jsonl`."""

    def __init__(self, path: Path) -> None:
        """The file is made, and the torn end of an earlier process cut off, with the first line."""
        self._path = path
        self._file: Appender | None = None
        self.first: list[ConflictEntry] = []
        """The first of this process, for the screen."""

    def add(self, entry: ConflictEntry) -> None:
        """Write a conflict down. Raises RecordError."""
        if self._file is None:
            mend(self._path)
            self._file = Appender(self._path)
        self._file.append(encode_conflict(entry))
        if len(self.first) < MOST_SHOWN:
            self.first.append(entry)

    def close(self) -> None:
        """Close the file, where there is one."""
        if self._file is not None:
            self._file.close()


def read_conflicts(path: Path) -> Iterator[ConflictEntry]:
    """The conflicts that were met, in order; none where there is no such file.

    One that was met again after a crash is there twice. Lines that are damaged are left out.

    Raises:
        RecordError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            for line in file:
                with suppress(ValueError):
                    yield parse_conflict(line)
    except FileNotFoundError:
        return
    except OSError as error:
        raise record_error(path, error, doing="read") from error
