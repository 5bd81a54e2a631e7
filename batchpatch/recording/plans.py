"""The lines of a plan: the input of a run, and of an undo.

Each line stands alone, so that `grep` and `split` leave it valid. The file holds customers'
values, as the README says.
"""

from __future__ import annotations

import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from batchpatch.errors import RecordError, SettingsError
from batchpatch.recording.appending import Appender
from batchpatch.recording.files import record_error
from batchpatch.recording.undo import dump_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

BUFFER_BYTES = 256 * 1024


class PlanLine(NamedTuple):
    """What one participant is to be changed to, and from."""

    conversation_id: str
    participant_id: str
    attributes: Mapping[str, str]
    """What is to be written."""
    before: Mapping[str, str | None]
    """What must be there for that: the value of each attribute, None where it has none."""
    organisation: str | None
    """Id of the organisation that it was made for; None where nobody knows."""
    region: str = ""
    """Domain of the region that it was made for."""
    flags: Sequence[str] = ()
    """What is worth a look, such as `ended`."""
    blanked: Sequence[str] = ()
    """Of an undo: attributes that were absent, and can only be blanked."""
    or_before: Mapping[str, str] = {}
    """Of an undo: another value of our own that may be there instead of `before`."""


def encode_plan_line(line: PlanLine) -> bytes:
    """The line as JSON, with a newline. What is empty is left out where a row can do without."""
    fields: dict[str, Any] = {
        "conversationId": line.conversation_id,
        "participantId": line.participant_id,
        "attributes": dict(line.attributes),
        "before": dict(line.before),
        "organisation": line.organisation,
    }
    if line.region:
        fields["region"] = line.region
    if line.flags:
        fields["flags"] = list(line.flags)
    if line.blanked:
        fields["blanked"] = list(line.blanked)
    if line.or_before:
        fields["orBefore"] = dict(line.or_before)
    return dump_line(fields)


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
