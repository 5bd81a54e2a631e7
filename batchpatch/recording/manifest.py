"""`run.json` and `summary.json` on disk, and whether the inputs are still what they were."""

from __future__ import annotations

import hashlib
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import InputError, as_typed, why_refused, why_unreadable
from batchpatch.formats.run_json import (
    InputFile,
    decode_manifest,
    decode_summary,
    encode_manifest,
    encode_summary,
)
from batchpatch.recording.files import record_error, write_atomically
from batchpatch.recording.run_directory import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.formats.run_json import Manifest
    from batchpatch.model import Summary

_CHUNK_BYTES = 1 << 20
_updating = threading.Lock()


def fingerprint(path: Path) -> InputFile:
    """Size and hash of a whole regular file, in constant memory; a pipe is only named.

    Raises InputError where the file cannot be read.
    """
    try:
        if path.is_dir():
            raise InputError(f"{as_typed(path)} is a directory; name the files in it")
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return InputFile(path=str(path), size=None, sha256=None, kind="stream")
        size, digest, _ = _hashed(path)
    except OSError as error:
        raise InputError(f"{as_typed(path)} cannot be read: {why_unreadable(error)}") from error
    return InputFile(
        path=str(path.absolute()),
        size=size,
        sha256=digest,
        kind="file",
        modified_ns=max(0, status.st_mtime_ns),
    )


def _hashed(path: Path, prefix_bytes: int = 0) -> tuple[int, str, str]:
    """Bytes, hash of all of them, and of so many at the beginning. Raises OSError."""
    whole, prefix, size = hashlib.sha256(), hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK_BYTES):
            whole.update(chunk)
            prefix.update(chunk[: max(0, prefix_bytes - size)])
            size += len(chunk)
    return size, whole.hexdigest(), prefix.hexdigest()


def starts_with(path: Path, known: InputFile) -> bool:
    """True where a file is that input, or begins as it was. Raises InputError."""
    if known.sha256 is None or not known.size:
        return False
    try:
        return _hashed(path, known.size)[2] == known.sha256
    except OSError as error:
        raise InputError(f"{as_typed(path)} cannot be read: {why_unreadable(error)}") from error


class InputChange(NamedTuple):
    """An input that is not what the run began with."""

    source: int
    """Its index among the inputs."""
    sentence: str
    gone: bool = False
    """It is not there any more."""
    appended: bool = False
    """What the run began with is there, and something behind it."""


def find_changes(
    manifest: Manifest, *, spool_path: Path | None = None, at_a_glance: bool = False
) -> list[InputChange]:
    """The inputs that are not what the run began with.

    Args:
        manifest: of the run.
        spool_path: where the run's directory keeps standard input now.
        at_a_glance: a file of the same size and time is taken to be the same, unread; and so is
            the copy of standard input, which is the run's own.
    """
    found = (
        _change(source, known, manifest, spool_path, at_a_glance=at_a_glance)
        for source, known in enumerate(manifest.inputs)
    )
    return [change for change in found if change is not None]


def _change(
    source: int, known: InputFile, manifest: Manifest, spool_path: Path | None, *, at_a_glance: bool
) -> InputChange | None:
    if known.kind == "stream":
        told = f"{as_typed(known.path)} was a pipe that was not kept, so it cannot be read again"
        return InputChange(source, told)
    path = Path(known.path)
    if known.kind == "spool":
        path = spool_path if spool_path is not None else path
        if not path.is_file():
            gone = "was purged" if path.name in manifest.purged else "is gone"
            return InputChange(
                source, f"{as_typed(path)}, the copy of standard input, {gone}", gone=True
            )
        if known.size is None or at_a_glance:  # the first: the run broke before its input ended
            return None
    if not path.is_file():
        return InputChange(source, f"{as_typed(path)} is gone", gone=True)
    try:
        return _content_change(source, known, path, at_a_glance=at_a_glance)
    except OSError as error:
        told = f"{as_typed(path)} cannot be read again: {why_refused(error)}"
        return InputChange(source, told)


def _content_change(
    source: int, known: InputFile, path: Path, *, at_a_glance: bool
) -> InputChange | None:
    status = path.stat()
    if status.st_size < (known.size or 0):
        return InputChange(source, _other_size(path, known, status.st_size))
    if at_a_glance and (status.st_size, status.st_mtime_ns) == (known.size, known.modified_ns):
        return None
    size, whole, prefix = _hashed(path, known.size or 0)
    if size != known.size:
        told = _other_size(path, known, size)
        return InputChange(source, told, appended=prefix == known.sha256)
    if whole != known.sha256:
        return InputChange(source, f"{as_typed(path)} has changed: same size, other content")
    return None


def _other_size(path: Path, known: InputFile, size: int) -> str:
    return f"{as_typed(path)} has changed: it had {known.size} bytes and now has {size}"


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Writes `run.json`, 0600, in one step: from then on there is a run. Raises RecordError."""
    write_atomically(path, encode_manifest(manifest), of_run=path.exists())


def update_manifest(path: Path, change: Callable[[Manifest], Manifest]) -> None:
    """Changes `run.json`, one change at a time, whichever threads ask. Raises RecordError."""
    with _updating:
        known = read_manifest(path)
        if (changed := change(known)) != known:
            write_manifest(path, changed)


def read_manifest(path: Path) -> Manifest:
    """Reads `run.json`. Raises RecordError where it is missing, or cannot be understood."""
    return decode_manifest(_read(path), name=as_typed(path))


def manifest_in(directory: Path) -> Manifest:
    """Reads what the run in a directory was asked to do, which may be at work.

    Raises SettingsError where there is no run, RecordError as `read_manifest`.
    """
    with RunDirectory.open(directory, lock=False) as run:
        return read_manifest(run.manifest_path)


def write_summary(path: Path, summary: Summary) -> None:
    """Writes `summary.json`, 0600, in one step. Raises RecordError."""
    write_atomically(path, encode_summary(summary))


def read_summary(path: Path) -> Summary:
    """Reads `summary.json`. Raises RecordError where it is missing or not a summary."""
    return decode_summary(_read(path), name=as_typed(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise record_error(path, error, doing="read") from error
