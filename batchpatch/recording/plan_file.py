"""The file of a plan, written whole lines at a time."""

from __future__ import annotations

import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from batchpatch.errors import RecordError, SettingsError
from batchpatch.formats.plan_line import PlanLine, encode_plan_line
from batchpatch.recording.append_log import Appender
from batchpatch.recording.files import record_error

if TYPE_CHECKING:
    from pathlib import Path


BUFFER_BYTES = 256 * 1024


class PlanFile:
    """A plan being written, 0600. Nothing that was there before is overwritten or removed."""

    def __init__(self, path: Path) -> None:
        """Make the file.

        Raises:
            SettingsError: there is something in it, or it cannot be made.
        """
        self._path = path
        self._buffer = bytearray()
        self._failed = False
        _refuse_content(path)
        try:
            self._file = Appender(path)
        except RecordError as error:
            raise SettingsError(f"--out: {error}") from error
        if self._file.size:  # filled between the look and the opening
            self._file.close()
            raise _exists(path)

    def add(self, line: PlanLine) -> None:
        """Take a line. It reaches the file with the next full buffer, or `flush`.

        Raises:
            RecordError: it cannot be written; what is in the file are whole lines.
        """
        self._buffer += encode_plan_line(line)
        if len(self._buffer) >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand what is buffered to the system. Raises RecordError."""
        lines, self._buffer = self._buffer, bytearray()
        self._failed = True
        self._file.append(lines)
        self._failed = False

    def close(self) -> None:
        """Flush, sync and close. After a failed write it only closes: that was told."""
        try:
            if not self._failed:
                self.flush()
                self._file.sync()
        finally:
            self._failed = True
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        self.close()
        if error is not None and not self._file.size:
            with suppress(OSError):  # nothing is in it, and the next attempt may want the name
                self._path.unlink()


def _refuse_content(path: Path) -> None:
    """Look before the file is opened, which would make it private: it may be somebody's."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise SettingsError(f"--out: {record_error(path, error)}") from error
    if stat.S_ISDIR(status.st_mode):
        raise SettingsError(f"{path} is a directory: choose another --out")
    if status.st_size:
        raise _exists(path)


def _exists(path: Path) -> SettingsError:
    return SettingsError(f"{path} exists: choose another --out")
