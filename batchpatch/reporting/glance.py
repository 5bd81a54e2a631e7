"""A glance at a run's directory: its state, without reading its results."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import ExitCode, RecordError
from batchpatch.model import count_failed
from batchpatch.recording.lock import holder
from batchpatch.recording.manifest import read_manifest, read_summary
from batchpatch.recording.progress_file import read_progress
from batchpatch.recording.run_directory import RunDirectory

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.formats.progress_json import Moment
    from batchpatch.formats.run_json import Manifest
    from batchpatch.model import Summary


class RunState(StrEnum):
    """What a run is doing, or how it ended."""

    AT_WORK = "at work"
    FINISHED = "finished"
    STOPPED = "stopped"
    """By a limit, a threshold, an outage or credentials: there is more to do."""
    INTERRUPTED = "interrupted"
    """By a signal, or it was killed: there is more to do."""


class Glance(NamedTuple):
    """What a run's directory tells at once."""

    directory: RunDirectory
    manifest: Manifest
    state: RunState
    pid: int | None
    """Of the process at work, 0 where it has not said its number; None where none is."""
    summary: Summary | None
    """How it ended; None of a run at work, and of one whose last process was killed."""
    moment: Moment | None
    """How far the process at work, or the killed one, last said that it was."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.directory.path

    @property
    def heard_at(self) -> datetime | None:
        """When it ended, or was last heard of; None where its files do not say."""
        texts = (self.summary and self.summary.ended, self.moment and self.moment.at)
        for text in (*texts, self.manifest.started):
            with suppress(ValueError):
                if text:
                    return datetime.fromisoformat(text).astimezone(UTC)
        return None

    @property
    def resumable(self) -> bool:
        """No process is at work, and there is something to read, to send, or to derive."""
        summary = self.summary
        if summary is None:
            return self.pid is None
        # What left before its end has counted without a look at its results.
        is_derived = summary.results_sha256 is not None and not self._lacks_failed(summary)
        return not (_is_done(summary) and is_derived)

    def _lacks_failed(self, summary: Summary) -> bool:
        """The file of the rows that failed could not be written."""
        lost = count_failed(summary.outcomes) > 0
        is_early = summary.exit_code == ExitCode.STOPPED
        return is_early and lost and not self.directory.failed_paths()

    @property
    def killed(self) -> bool:
        """Its last process ended without a word."""
        return self.pid is None and self.summary is None


def glance_at(path: Path) -> Glance:
    """What the directory of a run tells at once.

    Raises:
        SettingsError: there is no run.
        RecordError: its record cannot be read.
    """
    directory = RunDirectory.open(path, lock=False)
    manifest = read_manifest(directory.manifest_path)
    # In this order: what ends between two looks has left its summary by then.
    pid = holder(directory.lock_path)
    moment = read_progress(directory.progress_path)
    summary = None
    if pid is None and not directory.progress_path.exists():
        with suppress(RecordError):
            summary = read_summary(directory.summary_path)
    return Glance(directory, manifest, _state(pid, summary), pid, summary, moment)


def _state(pid: int | None, summary: Summary | None) -> RunState:
    if pid is not None:
        return RunState.AT_WORK
    if summary is None or summary.exit_code == ExitCode.INTERRUPTED:
        return RunState.INTERRUPTED
    early = summary.exit_code in (ExitCode.STOPPED, ExitCode.NO_ACCESS)
    return RunState.STOPPED if early or not _is_done(summary) else RunState.FINISHED


def _is_done(summary: Summary) -> bool:
    """Every row has its outcome."""
    return summary.input_exhausted and not summary.unattempted
