"""The paths of a run's files: which hold customers' values, and what a run calls its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.options.run import RecordOptions
from batchpatch.recording.files import TEMPORARY, record_error

if TYPE_CHECKING:
    from collections.abc import Iterable

USUAL_FOLDER = RecordOptions().base
"""Where the directories of runs are, unless somebody has said otherwise."""
MANIFEST, RESULTS, SUMMARY = "run.json", "results.jsonl", "summary.json"
SPOOL, UNDO, UNDO_INPUT, LOCK = "input", "undo.jsonl", "undo-input.jsonl", ".lock"
CONFLICTS, FAILED_LINES = "conflicts.jsonl", "failed-rows.jsonl"
PROGRESS, TIMELINE, PACE = "progress.json", "timeline.jsonl", "pace"
ORIGINS = "origins.jsonl"

OWN = {
    MANIFEST,
    RESULTS,
    SUMMARY,
    LOCK,
    FAILED_LINES,
    PROGRESS,
    TIMELINE,
    PACE,
    ORIGINS,
    "retry.json",
}
"""What a run writes beside what holds values."""
FAILED = re.compile(r"failed(-[1-9][0-9]*)?\.(csv|jsonl)")


class RunPaths:
    """Where the files of a run are."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def manifest_path(self) -> Path:
        """What the run was asked to do."""
        return self.path / MANIFEST

    @property
    def results_path(self) -> Path:
        """One line for each settled row."""
        return self.path / RESULTS

    @property
    def summary_path(self) -> Path:
        """How the run ended."""
        return self.path / SUMMARY

    @property
    def progress_path(self) -> Path:
        """How far it is while it is at work; left by a process that was killed."""
        return self.path / PROGRESS

    @property
    def pace_path(self) -> Path:
        """A rate that another process asks for."""
        return self.path / PACE

    @property
    def timeline_path(self) -> Path:
        """How many requests had left, every few seconds."""
        return self.path / TIMELINE

    @property
    def origins_path(self) -> Path:
        """Of a run of failed rows: where each of them has failed before."""
        return self.path / ORIGINS

    @property
    def lock_path(self) -> Path:
        """What the process at work here holds."""
        return self.path / LOCK

    @property
    def spool_path(self) -> Path:
        """The copy of standard input."""
        return self.path / SPOOL

    @property
    def undo_path(self) -> Path:
        """The values before each PATCH, and those written."""
        return self.path / UNDO

    @property
    def undo_input_path(self) -> Path:
        """What an undo of this run sends."""
        return self.path / UNDO_INPUT

    @property
    def conflicts_path(self) -> Path:
        """What was expected and found where somebody else had changed a value."""
        return self.path / CONFLICTS

    def failed_path(self, kind: str, *, source: int = 0, sources: int = 1) -> Path:
        """Where the failed rows of input number `source` (from 0) go; `kind` is csv or jsonl."""
        return self.path / (f"failed.{kind}" if sources == 1 else f"failed-{source + 1}.{kind}")

    def failed_paths(self) -> list[Path]:
        """The files of failed rows that there are. Raises RecordError."""
        return [path for path in self.private_paths() if FAILED.fullmatch(path.name)]

    @property
    def failed_lines_path(self) -> Path:
        """The failed rows of an input that changed while it was read: their lines of results."""
        return self.path / FAILED_LINES

    def is_own(self, path: Path) -> bool:
        """True for a file that a run writes here, whether it is there or not."""
        name = path.name
        is_here = path.absolute().parent.resolve() == self.path.resolve()
        return is_here and (name in OWN or _is_private(name))

    def private_paths(self) -> list[Path]:
        """The files here that hold customers' values, unfinished ones too. Raises RecordError."""
        return [self.path / name for name in self._names() if _is_private(name)]

    def unfinished_paths(self) -> list[Path]:
        """What a killed process has left of files that only the holder of the lock writes.

        Raises RecordError.
        """
        grown = [self.path / name for name in self._names() if name.endswith(TEMPORARY)]
        return [path for path in grown if _is_of_holder(path.name[1 : -len(TEMPORARY)])]

    def _names(self) -> list[str]:
        try:
            return sorted(entry.name for entry in self.path.iterdir())
        except OSError as error:
            raise record_error(self.path, error, doing="read") from error


def takes_back(inputs: Iterable[str]) -> bool:
    """True for the inputs of an undo: what a run has left to be restored."""
    return any(Path(path).name == UNDO_INPUT for path in inputs)


def _is_of_holder(name: str) -> bool:
    return name != PACE and (name in OWN or _is_private(name))


def _is_private(name: str) -> bool:
    return (
        name in (SPOOL, UNDO, UNDO_INPUT, CONFLICTS)
        or FAILED.fullmatch(name) is not None
        or (name.startswith(".") and name.endswith(TEMPORARY))
    )
