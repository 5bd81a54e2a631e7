"""The plan file, written whole lines at a time."""

from __future__ import annotations

import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

from batchpatch.errors import RecordError, SettingsError, as_typed, output_sentence
from batchpatch.formats.plan_line import PlanLine, encode_empty_plan, encode_plan_line
from batchpatch.recording.append_log import Appender
from batchpatch.recording.files import record_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUFFER_BYTES = 256 * 1024


class PlanWriter(Protocol):
    """Where the lines of a plan go."""

    @property
    def lines(self) -> int:
        """Lines that were handed to the system."""

    def add(self, line: PlanLine) -> None:
        """Take a line. Raises RecordError."""

    def flush(self) -> None:
        """Hand what was taken to the system. Raises RecordError."""

    def close(self) -> None:
        """Flush, and take no more. Raises RecordError."""

    def say_empty(self, *, organisation: str, region: str) -> None:
        """Say that the plan is of no changes, at its end. Raises RecordError."""


class PlanStream:
    """A plan that goes to standard output as it is made: it can be neither resumed nor renamed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.lines = self._buffered = 0

    def add(self, line: PlanLine) -> None:
        """Take a line. Raises RecordError."""
        with self._told():
            self._stream.write(encode_plan_line(line))
        self._buffered += 1

    def flush(self) -> None:
        """Hand what was taken to whoever reads. Raises RecordError."""
        with self._told():
            self._stream.flush()
        self.lines, self._buffered = self.lines + self._buffered, 0

    def say_empty(self, *, organisation: str, region: str) -> None:
        """Say that the plan is of no changes, at its end. Raises RecordError."""
        with self._told():
            self._stream.write(encode_empty_plan(organisation=organisation, region=region))
            self._stream.flush()

    def close(self) -> None:
        """Flush, as far as anybody still reads."""
        with suppress(OSError):
            self._stream.flush()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RecordError(output_sentence(error)) from error


class PlanFile:
    """A plan being written, 0600. Nothing that was there before is overwritten or removed."""

    def __init__(self, path: Path, *, lines: int | None = None) -> None:
        """Make the file; or go on behind the `lines` that an earlier process has written.

        Raises:
            SettingsError: there is something in it, or it cannot be made.
        """
        self._path = path
        self._buffer = bytearray()
        self._failed = False
        self.lines = lines or 0
        """Lines that were handed to the system."""
        self._buffered = 0
        if lines is None:
            refuse_content(path)
        try:
            self._file = Appender(path, of_run=lines is not None)
        except RecordError as error:
            raise SettingsError(f"--out: {error}") from error
        if self._file.size and lines is None:  # filled between the look and the opening
            self._file.close()
            raise _exists(path)

    def add(self, line: PlanLine) -> None:
        """Take a line. It reaches the file with the next full buffer, or `flush`.

        Raises:
            RecordError: it cannot be written; what is in the file are whole lines.
        """
        self._buffer += encode_plan_line(line)
        self._buffered += 1
        if len(self._buffer) >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand what is buffered to the system. Raises RecordError."""
        lines, self._buffer = self._buffer, bytearray()
        self._failed = True
        self._file.append(lines)
        self._failed = False
        self.lines, self._buffered = self.lines + self._buffered, 0

    def say_empty(self, *, organisation: str, region: str) -> None:
        """Say that a plan is of no changes, once it is whole and closed. Raises RecordError."""
        file = Appender(self._path)
        try:
            file.append(encode_empty_plan(organisation=organisation, region=region))
            file.sync()
        finally:
            file.close()

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
        if error is not None:
            self._forget()

    def discard(self) -> None:
        """Close it unwritten, and remove it where nothing is in it."""
        self._failed = True
        self._file.close()
        self._forget()

    def _forget(self) -> None:
        if not self._file.size:
            with suppress(OSError):  # the next attempt may want the name
                self._path.unlink()


def refuse_content(path: Path) -> None:
    """Raise SettingsError where there is something in it.

    Look before the file is opened, which would make it private: it may be somebody's."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise SettingsError(f"--out: {record_error(path, error)}") from error
    if stat.S_ISDIR(status.st_mode):
        raise SettingsError(f"{as_typed(path)} is a directory: choose another --out")
    if status.st_size:
        raise _exists(path)


def _exists(path: Path) -> SettingsError:
    return SettingsError(f"{as_typed(path)} exists: choose another --out")
