"""What a run at work tells other processes: whole files, private, and never an end of the run."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from batchpatch.formats.progress_json import Moment
from batchpatch.recording.progress_file import ProgressFile, read_progress, read_timeline
from batchpatch.recording.run_directory import RunDirectory

if TYPE_CHECKING:
    from pathlib import Path


def moment(elapsed_s: float, requests: int) -> Moment:
    """A look at a run."""
    return Moment("2026-01-01T00:00:00.000Z", 9, {"updated": 4}, requests, 0, elapsed_s, 2.0, 40)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    """Of a run."""
    return RunDirectory(tmp_path, lock=None, made=None)


def test_the_last_moment_is_what_others_read(directory: RunDirectory) -> None:
    """A look at a run shows it as it is by now, whole, and to its owner alone."""
    file = ProgressFile(directory)
    file.write(moment(0, 0))
    file.write(moment(1, 7))
    assert read_progress(directory.progress_path) == moment(1, 7)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in directory.path.iterdir()}
    assert modes == {0o600}


def test_the_timeline_has_its_first_and_its_last_moment(directory: RunDirectory) -> None:
    """A run of a day must not leave a line a second, and a short one has to leave its end."""
    file = ProgressFile(directory)
    for second in range(12):
        file.write(moment(second, second * 5))
    file.end()
    samples = read_timeline(directory.timeline_path)
    assert [one.requests for one in samples] == [0, 25, 50, 55]


def test_what_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    """A full disk, or a directory that is gone, is the report's to tell; not these files'."""
    file = ProgressFile(RunDirectory(tmp_path / "gone", lock=None, made=None))
    file.write(moment(0, 0))
    file.end()
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize("data", [b"", b"[]", b'{"at": 1}', b"\xff", b'{"at":"x"}'])
def test_foreign_content_is_no_progress(data: bytes, tmp_path: Path) -> None:
    """Another release, or a torn disk, must not break the look at a run."""
    path = tmp_path / "progress.json"
    path.write_bytes(data)
    assert read_progress(path) is None
    assert read_timeline(path) == []


def test_a_full_disk_leaves_the_last_look_and_nothing_beside_it(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The half of a look would lie there for good, and on a disk that is full already."""
    file = ProgressFile(directory)
    file.write(moment(0, 0))

    def full(_: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    make = os.fdopen

    def full_file(descriptor: int, *args: object, **more: object) -> object:
        opened = make(descriptor, *args, **more)  # type: ignore[call-overload]
        os.dup2(os.open("/dev/full", os.O_WRONLY), descriptor)
        return opened

    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr(os, "fdopen", full_file)
    file.write(moment(1, 7))
    assert read_progress(directory.progress_path) == moment(0, 0)
    assert {path.name for path in directory.path.iterdir()} == {"progress.json", "timeline.jsonl"}
