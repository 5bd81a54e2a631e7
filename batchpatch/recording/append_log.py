"""The append-only log: whole lines in a private file, and where a crash has left it whole."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from batchpatch.errors import RecordError, as_typed
from batchpatch.recording.files import close_quietly, open_private, record_error, sync_directory

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK_BYTES = 1 << 16
_sync_data = getattr(os, "fdatasync", os.fsync)


class Appender:
    """A file, 0600, to which lines are added. For one thread at a time.

    After a failure every call but `close` raises that same RecordError: going on would put good
    lines behind a torn one. Lines that were whole by then stay, the torn one is cut off again.
    """

    def __init__(self, path: Path, *, of_run: bool = True) -> None:
        """Open for appending, create where needed. Raises RecordError.

        `of_run`: of one that has begun, and can be resumed where this fails.
        """
        self._path = path
        self.error: RecordError | None = None
        """Why nothing more can be written."""
        self._descriptor: int | None = None
        try:
            self._descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            self.size = os.fstat(self._descriptor).st_size
            """Bytes of whole lines in the file."""
            if not self.size:
                sync_directory(path.parent)  # the lines will be there, so must be the name
        except OSError as error:
            self.close()
            raise record_error(path, error, of_run=of_run) from error

    def append(self, lines: bytes | bytearray) -> None:
        """Hand whole lines to the system. Raises RecordError."""
        descriptor = self._usable()
        written = 0
        try:
            with memoryview(lines) as view:
                while written < len(lines):
                    count = os.write(descriptor, view[written:])
                    if count == 0:
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    written += count
        except OSError as error:
            self.error = record_error(self._path, error)
            with suppress(OSError):
                os.ftruncate(descriptor, self.size + lines.rfind(b"\n", 0, written) + 1)
            raise self.error from error
        self.size += written

    def sync(self) -> None:
        """Make what was appended survive a power loss. Raises RecordError."""
        descriptor = self._usable()
        try:
            _sync_data(descriptor)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return  # a device or a pipe: there is nothing to sync
            self.error = record_error(self._path, error)
            raise self.error from error

    def _usable(self) -> int:
        if self.error is not None:
            raise self.error
        if self._descriptor is None:
            raise ValueError(f"{as_typed(self._path)} is closed")
        return self._descriptor

    def close(self) -> None:
        """Close, without a sync. A second time does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            close_quietly(descriptor)


def is_torn(line: bytes) -> bool:
    """True for what a crash leaves of a line.

    A kill takes the end of it; a power loss may put zeros in its place, which JSON never holds.
    """
    return not line.endswith(b"\n") or b"\0" in line


def mend(path: Path) -> None:
    """Cut the torn end of an earlier process off, on disk when it returns.

    Reads from the end, so it costs the same for every size. Raises RecordError.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            whole = _whole_bytes(file, size)
    except FileNotFoundError:
        return
    except OSError as error:
        raise record_error(path, error, doing="read") from error
    if whole < size:
        cut_tail(path, whole)


def _whole_bytes(file: BinaryIO, size: int) -> int:
    """Where the last line ends that is not torn."""
    end = size
    while end:
        start = _line_start(file, end)
        file.seek(start)
        if not is_torn(file.read(end - start)):
            return end
        end = start
    return 0


def _line_start(file: BinaryIO, end: int) -> int:
    """Where the line begins that ends before byte `end`."""
    at = end - 1  # its own newline, where it has one
    while at > 0:
        begin = max(0, at - _BLOCK_BYTES)
        file.seek(begin)
        found = file.read(at - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        at = begin
    return 0


def cut_tail(path: Path, valid_bytes: int) -> None:
    """Shortens the file to its whole lines, on disk when it returns. Raises RecordError."""
    try:
        descriptor = open_private(path, os.O_RDWR)
        try:
            if os.fstat(descriptor).st_size < valid_bytes:
                raise RecordError(
                    f"{as_typed(path)} is shorter than when it was read: is it in use?"
                )
            os.ftruncate(descriptor, valid_bytes)
            os.fsync(descriptor)
        finally:
            close_quietly(descriptor)
    except OSError as error:
        raise record_error(path, error) from error
