"""`progress.json` and `timeline.jsonl`: how far a run is, for other processes; best effort."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from batchpatch.errors import RecordError
from batchpatch.formats.progress_json import (
    decode_moment,
    decode_samples,
    encode_moment,
    encode_sample,
)
from batchpatch.recording.files import open_private, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.formats.progress_json import Moment, Sample
    from batchpatch.recording.run_directory import RunDirectory

SAMPLE_EVERY_S = 5.0
_MOST_SAMPLE_BYTES = 64 << 20
"""Of a timeline that is read: more than a year of samples."""


class ProgressFile:
    """The two files of a run at work. What cannot be written is not, and nobody is told."""

    def __init__(self, directory: RunDirectory) -> None:
        self._path = directory.progress_path
        self._timeline_path = directory.timeline_path
        self._next_s = 0.0
        self._untold: Moment | None = None

    def write(self, moment: Moment) -> None:
        """Say how far the run is."""
        self._untold = moment
        if moment.elapsed_s >= self._next_s:
            self._next_s = moment.elapsed_s + SAMPLE_EVERY_S
            self._sample()
        with suppress(RecordError):
            write_atomically(self._path, encode_moment(moment), synced=False)

    def end(self) -> None:
        """The last moment is in the timeline, too."""
        self._sample()

    def _sample(self) -> None:
        moment, self._untold = self._untold, None
        if moment is not None:
            with suppress(OSError):
                _append(self._timeline_path, encode_sample(moment))


def _append(path: Path, data: bytes) -> None:
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def read_progress(path: Path) -> Moment | None:
    """How far the run last said that it is; None where it has not, or it cannot be read."""
    try:
        return decode_moment(path.read_bytes())
    except OSError:
        return None


def read_timeline(path: Path) -> list[Sample]:
    """What its processes had asked for, and when; empty where nothing of it can be read."""
    try:
        with path.open("rb") as file:
            return list(decode_samples(file.read(_MOST_SAMPLE_BYTES)))
    except OSError:
        return []
