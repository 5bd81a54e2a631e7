"""`run.json` and `summary.json`: what a run was asked to do, and how it ended."""

from __future__ import annotations

import hashlib
import json
import stat
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from batchpatch.errors import InputError, RecordError
from batchpatch.model import Summary
from batchpatch.recording.files import record_error, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


InputKind = Literal["file", "spool", "stream"]


_CHUNK_BYTES = 1 << 20


_updating = threading.Lock()


_SECRET_WORDS = ("secret", "password", "access_token")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One input as it was when the run began."""

    path: str
    """Absolute, or as given where `kind` is not `file`."""
    size: int | None
    """Bytes; None where the input could not be measured."""
    sha256: str | None
    """Of the bytes as they lie on disk, compressed ones too; None where `size` is."""
    kind: InputKind
    """`file`: can be read again and compared. `spool`: standard input, kept in the run's
    directory. `stream`: a pipe that nobody kept."""
    name: str = ""
    """As the user gave it, and as the lines of the report call it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What resuming needs to do the same again. Holds no secret."""

    version: str
    """Of batchpatch."""
    inputs: tuple[InputFile, ...]
    mapping: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    client_id: str | None = None
    organisation: str | None = None
    region: str | None = None
    api_url: str | None = None
    login_url: str | None = None
    started: str
    """UTC, RFC 3339."""

    @property
    def truncated(self) -> bool:
        """The copy of standard input was not made to its end: it may end in the middle of a row,
        and what came after it is lost."""
        return any(file.kind == "spool" and file.size is None for file in self.inputs)


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
    found = (_change(known, spool_path) for known in manifest.inputs)
    return [sentence for sentence in found if sentence is not None]


def _change(known: InputFile, spool_path: Path | None) -> str | None:
    if known.kind == "stream":
        return f"{known.path} was a pipe that was not kept, so it cannot be read again"
    if known.kind == "spool":
        path = spool_path if spool_path is not None else Path(known.path)
        if not path.is_file():
            return f"{path}, the copy of standard input, is gone"
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
    _refuse_secrets(manifest.options)
    write_atomically(path, _dump(asdict(manifest)))


def update_manifest(path: Path, change: Callable[[Manifest], Manifest]) -> None:
    """Changes `run.json`, one change at a time, whichever threads ask. Raises RecordError."""
    with _updating:
        known = read_manifest(path)
        if (changed := change(known)) != known:
            write_manifest(path, changed)


def _refuse_secrets(options: Mapping[str, Any]) -> None:
    """A guard against a later mistake in the code that fills the options; no user sees it."""
    for name in options:
        if any(word in name.lower() for word in _SECRET_WORDS):
            raise ValueError(f"the option {name} does not belong into run.json")


def read_manifest(path: Path) -> Manifest:
    """Reads `run.json`. Raises RecordError where it is missing or not a manifest."""
    fields = _load(path)
    try:
        inputs = tuple(InputFile(**item) for item in fields.pop("inputs"))
        known = {name: fields[name] for name in Manifest.__slots__ if name in fields}
        return Manifest(**known, inputs=inputs)
    except (KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{path} is not the run.json of a batchpatch run: {error}") from error


def write_summary(path: Path, summary: Summary) -> None:
    """Writes `summary.json`, 0600, in one step. Raises RecordError."""
    write_atomically(path, _dump(summary._asdict()))


def read_summary(path: Path) -> Summary:
    """Reads `summary.json`. Raises RecordError where it is missing or not a summary."""
    fields = _load(path)
    try:
        return Summary(**{name: fields[name] for name in Summary._fields})
    except (KeyError, TypeError) as error:
        raise RecordError(f"{path} is not the summary of a batchpatch run: {error}") from error


def _dump(document: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a file name that is not UTF-8: only the escaped form can hold it
        return json.dumps(document, indent=2).encode() + b"\n"


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise record_error(path, error, doing="read") from error
    except ValueError as error:
        raise RecordError(f"{path} is damaged: it is not JSON") from error
