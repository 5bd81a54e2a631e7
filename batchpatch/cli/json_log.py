"""The log for programs: one JSON object a line on stderr, without a value and without a secret.

While it is on, nothing else is written there: what people would read is an event `message`.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from batchpatch.cli.progress import PlainLines
from batchpatch.cli.text import printable, progress_line
from batchpatch.formats.moments import rfc3339

if TYPE_CHECKING:
    from batchpatch.model import Progress, RowResult
    from batchpatch.pipeline.monitor import Monitor


class JsonLog:
    """Writes events, each with its time, its level and the run that it is of."""

    def __init__(self, *, run: str | None = None) -> None:
        """`run` is the name of the work, where it leaves no directory by which it is known."""
        self._run = run
        self.monitor: Monitor | None = None
        """Knows the directory, once there is one."""

    def __call__(self, event: str, *, level: str = "info", **fields: Any) -> None:
        """Write one. A closed stderr is no reason to fail."""
        directory = self.monitor.directory if self.monitor is not None else None
        line = {
            "at": rfc3339(datetime.now(UTC)),
            "level": level,
            "run": str(directory) if directory is not None else self._run,
            "event": event,
            **{name: value for name, value in fields.items() if value is not None},
        }
        with suppress(OSError, ValueError):
            sys.stderr.flush()
            sys.stderr.buffer.write(_encoded(line))
            sys.stderr.buffer.flush()

    def row_settled(self, result: RowResult) -> None:
        """Write what came of a row."""
        self(
            "row_settled",
            level="info" if result.outcome.made_it else "warning",
            row=result.row,
            id=result.id,
            conversation=result.conversation_id,
            participant=result.participant_id,
            outcome=result.outcome.value,
            code=result.code,
            status=result.status,
            attempts=result.attempts,
            elapsed_ms=result.elapsed_ms,
        )

    def failed_settled(self, result: RowResult) -> None:
        """The same of those alone that did not make it."""
        if not result.outcome.made_it:
            self.row_settled(result)


def _encoded(line: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a file name that is not UTF-8
        readable = {name: printable(str(value)) for name, value in line.items()}
        return orjson.dumps(readable, option=orjson.OPT_APPEND_NEWLINE)


class JsonHandler(logging.Handler):
    """Writes what the stages log: retries, outages; without where an exception came from."""

    def __init__(self, log: JsonLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record. Its text holds no value and no secret, as that of any log here."""
        with suppress(Exception):
            self._log(
                getattr(record, "event", "log"),
                level=record.levelname.lower(),
                message=printable(record.getMessage()),
                **getattr(record, "fields", {}),
            )


class JsonProgress(PlainLines):
    """How far it is, now and then, and what it waits for whenever that is something else."""

    def __init__(self, log: JsonLog, *, every_s: float) -> None:
        super().__init__(every_s=every_s)
        self._log = log

    def show(self, progress: Progress, *, waits: bool) -> None:
        """Write it as an event."""
        self._log(
            "waiting" if waits else "progress",
            message=printable(progress_line(progress)),
            waiting_for=progress.waiting_for,
            rows_read=progress.rows_read,
            settled=progress.settled,
            requests=progress.requests,
            throttled=progress.throttled,
        )
