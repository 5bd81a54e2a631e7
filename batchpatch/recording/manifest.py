"""`run.json` and `summary.json` on disk, and whether the inputs are still what they were."""

from __future__ import annotations

import hashlib
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.errors import InputError
from batchpatch.formats.run_json import InputFile, decode_manifest, encode_manifest
from batchpatch.formats.summary_json import decode_summary, encode_summary
from batchpatch.recording.files import record_error, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

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
            raise InputError(f"{path} is a directory; name the files in it")
        if not stat.S_ISREG(path.stat().st_mode):
            return InputFile(path=str(path), size=None, sha256=None, kind="stream")
        with path.open("rb", buffering=0) as file:
            digest, size = hashlib.sha256(), 0
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    return InputFile(path=str(path.absolute()), size=size, sha256=digest.hexdigest(), kind="file")


def changed_inputs(manifest: Manifest, *, spool_path: Path | None = None) -> list[str]:
    """A sentence for each input that is not what the run began with; empty when all are.

    `spool_path` is where the run's directory keeps standard input now.
    """
    found = (_change(known, spool_path, manifest.purged) for known in manifest.inputs)
    return [sentence for sentence in found if sentence is not None]


def _change(known: InputFile, spool_path: Path | None, purged: Collection[str]) -> str | None:
    if known.kind == "stream":
        return f"{known.path} was a pipe that was not kept, so it cannot be read again"
    if known.kind == "spool":
        path = spool_path if spool_path is not None else Path(known.path)
        if not path.is_file():
            gone = "was purged" if path.name in purged else "is gone"
            return f"{path}, the copy of standard input, {gone}"
        if known.size is None:  # the run broke before its input ended
            return None
    else:
        path = Path(known.path)
    if not path.is_file():
        return f"{path} is gone"
    try:
        size = path.stat().st_size
        if size != known.size:
            return f"{path} has changed: it had {known.size} bytes and now has {size}"
        if fingerprint(path).sha256 != known.sha256:
            return f"{path} has changed: same size, other content"
    except (OSError, InputError) as error:
        return f"{path} cannot be read again: {error}"
    return None


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Writes `run.json`, 0600, in one step. Raises RecordError."""
    write_atomically(path, encode_manifest(manifest))


def update_manifest(path: Path, change: Callable[[Manifest], Manifest]) -> None:
    """Changes `run.json`, one change at a time, whichever threads ask. Raises RecordError."""
    with _updating:
        known = read_manifest(path)
        if (changed := change(known)) != known:
            write_manifest(path, changed)


def read_manifest(path: Path) -> Manifest:
    """Reads `run.json`. Raises RecordError where it is missing, or cannot be understood."""
    return decode_manifest(_read(path), name=str(path))


def write_summary(path: Path, summary: Summary) -> None:
    """Writes `summary.json`, 0600, in one step. Raises RecordError."""
    write_atomically(path, encode_summary(summary))


def read_summary(path: Path) -> Summary:
    """Reads `summary.json`. Raises RecordError where it is missing or not a summary."""
    return decode_summary(_read(path), name=str(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise record_error(path, error, doing="read") from error
