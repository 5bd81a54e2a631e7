"""`results.jsonl`: appended in the order of settlement, and read back a block at a time."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from batchpatch.errors import RecordError, as_typed
from batchpatch.formats.result_block import Block
from batchpatch.formats.result_line import decode, encode
from batchpatch.formats.result_patterns import applied_lines, sent
from batchpatch.formats.result_patterns import lines_with as lines_with_in
from batchpatch.model import MAY_HAVE_LEFT, Outcome
from batchpatch.recording.append_log import Appender
from batchpatch.recording.files import record_error

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from batchpatch.model import RowResult

BLOCK_BYTES = 1 << 16
"""Small enough that what a block parses to stays in the cache."""


def blocks(path: Path) -> Iterator[Block]:
    """The file in blocks of whole lines; a tail without newline comes as a block of its own.

    Raises RecordError where the file cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            yield from _blocks(file.read)
    except OSError as error:
        raise record_error(path, error, doing="read") from error


def _blocks(read: Any) -> Iterator[Block]:
    offset, line = 0, 1
    rest: list[bytes] = []  # a tail of zeros, left by a power cut, is as long as it likes
    while piece := read(BLOCK_BYTES):
        end = piece.rfind(b"\n") + 1
        if not end:
            rest.append(piece)
            continue
        data = b"".join((*rest, piece[:end]))
        rest = [piece[end:]]
        lines = data.count(b"\n")
        yield Block(offset, line, lines, data)
        offset += len(data)
        line += lines
    if tail := b"".join(rest):
        yield Block(offset, line, 0, tail)


def lines_with(path: Path, outcomes: Collection[Outcome]) -> Iterator[tuple[int, bytes]]:
    """The whole lines whose outcome is one of `outcomes`: offset in the file, and the line, laid
    out as `encode` does.
    """
    for block in blocks(path):
        if not block.torn:
            for line in lines_with_in(block.data, outcomes):
                yield block.offset + line.start, line.data


def lines_applied(path: Path) -> Iterator[bytes]:
    """The same of the rows that were applied, to some of their participants at least."""
    for block in blocks(path):
        if not block.torn:
            for line in applied_lines(block.data):
                yield line.data


def has_sent(path: Path) -> bool:
    """True where a line tells of a PATCH that left, or may have.

    Raises RecordError where the file cannot be read.
    """
    if not path.exists():
        return False
    return any(sent(line) for _, line in lines_with(path, MAY_HAVE_LEFT))


def has_rows_of(path: Path, sources: Collection[str]) -> bool:
    """True where a line is of one of these inputs.

    Raises RecordError where the file cannot be read.
    """
    if not path.exists():
        return False
    return any(decode(line).source in sources for _, line in lines_with(path, tuple(Outcome)))


BUFFER_BYTES = 256 * 1024


class ResultsLog:
    """The one writer of `results.jsonl`.

    `add` and `flush` belong to one thread; `sync` may run in another at the same time. After a
    write has failed every call raises that same RecordError: going on would put good lines behind
    a torn one. Lines that were whole by then stay, the torn one is cut off again.
    """

    def __init__(self, path: Path) -> None:
        """Opens for appending, creates where needed. RecordError where the last line is torn."""
        self._buffer = bytearray()
        self._closing = threading.Lock()
        self._file: Appender | None = Appender(path, of_run=path.exists())
        if not _is_whole(path):
            self._abandon()
            raise RecordError(
                f"{as_typed(path)} ends in the middle of a line; resume the run to mend it"
            )

    def add(self, result: RowResult) -> None:
        """Takes one row's result. It reaches the file with the next full buffer, or `flush`."""
        self.append(encode(result))

    def append(self, line: bytes) -> None:
        """Takes one row's line, as `encode` makes it."""
        if (file := self._file) is not None and file.error is not None:
            raise file.error
        self._buffer += line
        if len(self._buffer) >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hands what is buffered to the system, in one write where the system takes it."""
        if self._error is not None:
            raise self._error
        if self._file is None:
            raise ValueError("the results log is closed")
        if self._buffer:
            data, self._buffer = self._buffer, bytearray()
            self._file.append(data)

    def sync(self) -> None:
        """Makes what was flushed survive a power loss. Any thread; nothing to do when closed."""
        with self._closing:
            if self._file is not None:
                self._file.sync()

    def close(self) -> None:
        """Flushes, syncs and closes. After a failed write it only closes: that was told."""
        if self._file is None:
            return
        try:
            if self._error is None:
                self.flush()
                self.sync()
        finally:
            self._abandon()

    @property
    def _error(self) -> RecordError | None:
        return self._file.error if self._file is not None else None

    def _abandon(self) -> None:
        with self._closing:
            file, self._file = self._file, None
            if file is not None:
                file.close()


def _is_whole(path: Path) -> bool:
    """True unless the file ends within a line."""
    try:
        with path.open("rb") as file:
            if not file.seek(0, os.SEEK_END):
                return True
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"
    except OSError as error:
        raise record_error(path, error, doing="read") from error
