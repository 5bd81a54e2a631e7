"""`results.jsonl`: one line for each settled row, appended in the order of settlement."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import orjson

from batchpatch.errors import RecordError
from batchpatch.recording.appending import Appender
from batchpatch.recording.files import record_error

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.model import RowResult

BUFFER_BYTES = 256 * 1024


def encode(result: RowResult) -> bytes:
    """The line of one row: JSON, the contract's field order, absent fields left out.

    Hot: written out because a loop over the fields takes twice as long.
    """
    line: dict[str, Any] = {"row": result[0], "line": result[1], "source": result[2]}
    if result.conversation_id is not None:
        line["conversation_id"] = result.conversation_id
    if result.participant_id is not None:
        line["participant_id"] = result.participant_id
    if result.keys is not None:
        line["keys"] = result.keys
    line["outcome"] = result.outcome._value_  # `value` is a slow descriptor
    _add_answer(line, result)
    if result.correlation_id is not None:
        line["correlation_id"] = result.correlation_id
    line["at"] = result.at
    if result.elapsed_ms is not None:
        line["elapsed_ms"] = result.elapsed_ms
    if result.verified is not None:
        line["verified"] = result.verified
    try:
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return orjson.dumps(_readable(line), option=orjson.OPT_APPEND_NEWLINE)


def _add_answer(line: dict[str, Any], result: RowResult) -> None:
    if result.status is not None:
        line["status"] = result.status
    if result.code is not None:
        line["code"] = result.code
    if result.message is not None:
        line["message"] = result.message
    if result.hint is not None:
        line["hint"] = result.hint
    if result.attempts is not None:
        line["attempts"] = result.attempts
    if result.patch is not None:
        line["patch"] = result.patch
    if result.superseded_by is not None:
        line["superseded_by"] = result.superseded_by


def _readable(value: Any) -> Any:
    """Spells lone surrogates out: file names may hold them, UTF-8 may not."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if isinstance(value, dict):
        return {name: _readable(item) for name, item in value.items()}
    return value


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
        self._file: Appender | None = Appender(path)
        if not _is_whole(path):
            self._abandon()
            raise RecordError(f"{path} ends in the middle of a line; resume the run to mend it")

    def add(self, result: RowResult) -> None:
        """Takes one row's line. It reaches the file with the next full buffer, or `flush`."""
        if self._error is not None:
            raise self._error
        self._buffer += encode(result)
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
