"""The note of a run at work to other processes: how far it is, in files of its directory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batchpatch.formats.moments import rfc3339
from batchpatch.formats.progress_json import moment_of
from batchpatch.recording.progress_file import ProgressFile

if TYPE_CHECKING:
    from batchpatch.genesys.rate_limit.pace import Allowance
    from batchpatch.model import Progress
    from batchpatch.recording.run_directory import RunDirectory


class ProgressNote:
    """The progress of a run, written for other processes as it is called with it."""

    def __init__(self, directory: RunDirectory) -> None:
        self._file = ProgressFile(directory)

    def __call__(self, progress: Progress, allowance: Allowance | None) -> None:
        """Say how far the run is, and what the platform admits."""
        per_min = None if allowance is None else allowance.per_min
        now = rfc3339(datetime.now(UTC))
        self._file.write(moment_of(progress, at=now, allowed_per_min=per_min))

    def end(self) -> None:
        """The run is over."""
        self._file.end()
