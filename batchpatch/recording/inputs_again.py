"""The inputs of a run that goes on: where they lie now, and what was added to them since."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from batchpatch.errors import InputError, as_typed
from batchpatch.recording.manifest import find_changes, fingerprint, starts_with

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from batchpatch.formats.run_json import InputFile, Manifest
    from batchpatch.recording.manifest import InputChange

_OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
_DAMAGED = (EOFError, OSError, ValueError, lzma.LZMAError, zlib.error)
_BREAKS = (b"\n", b"\r")
_SAME_INPUT = "a run goes on with the input it began with"
_AS_A_RUN = "send what was added as a run of its own"
_CHUNK_BYTES = 1 << 20
_BREAK_BYTES = 4
"""As many as a line break has, in UTF-32."""


def find_again(
    manifest: Manifest,
    *,
    given: Sequence[Path],
    appended: bool,
    spool_path: Path,
    have_numbers: Callable[[Collection[str]], bool] = bool,
) -> tuple[InputFile, ...]:
    """The inputs as a run can go on with them.

    Args:
        manifest: of the run.
        given: where some of them lie now; which one each is, its content says.
        appended: rows may have been added at the end of some.
        spool_path: where the copy of standard input lies now.
        have_numbers: whether numbers of rows of these inputs stand in the report already.

    Raises:
        InputError: one is gone or has changed, or is none of the run's.
    """
    files = list(manifest.inputs)
    for path in given:
        source = _recognised(path, files, appended=appended)
        # The copy of standard input is then a file like any other.
        files[source] = replace(files[source], path=str(path.absolute()), kind="file")
    moved = replace(manifest, inputs=tuple(files))
    for change in find_changes(moved, spool_path=spool_path):
        known = files[change.source]
        if not (appended and change.appended and known.kind == "file"):
            raise InputError(_refusal(change, known))
        behind = [file.name or file.path for file in files[change.source + 1 :]]
        if behind and have_numbers(behind):
            raise InputError(
                f"{change.sentence}; the rows of the inputs behind it would get other numbers: "
                f"{_AS_A_RUN}."
            )
        files[change.source] = _grown(known)
    return tuple(files)


def paths_of(files: Sequence[InputFile], *, spool_path: Path) -> list[str]:
    """Where the inputs are read again; a copy lies where its run lies now."""
    return [str(spool_path) if file.kind == "spool" else file.path for file in files]


def _recognised(path: Path, files: Sequence[InputFile], *, appended: bool) -> int:
    """Which of the inputs a file is."""
    found = fingerprint(path)
    for source, known in enumerate(files):
        if known.sha256 is not None and (known.size, known.sha256) == (found.size, found.sha256):
            return source
    for source, known in enumerate(files):
        if appended and starts_with(path, known):
            return source
    raise InputError(
        f"{as_typed(path)} has the content of none of this run's inputs; {_SAME_INPUT}."
    )


def _refusal(change: InputChange, known: InputFile) -> str:
    if change.appended:
        more = "rows that were only added at its end are sent with --appended"
    elif change.gone and known.sha256 is not None:
        more = "where it lies now, --input PATH tells"
    elif not change.gone and known.kind == "file" and _is_packed(Path(known.path)):
        more = (
            f"{_SAME_INPUT}, which of a packed file is its bytes: rows are added to it as one more "
            "part (cat more.gz >> rows.gz), or sent as a run of their own"
        )
    else:
        more = _SAME_INPUT
    return f"{change.sentence}; {more}."


def _is_packed(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _opener(file) is not None
    except OSError:
        return False


def _opener(file: BinaryIO) -> Callable[..., BinaryIO] | None:
    """What unpacks a file, by its first bytes; None where they are its own."""
    head = file.read(6)
    found = (opener for magic, opener in _OPENERS.items() if head.startswith(magic))
    return cast("Callable[..., BinaryIO] | None", next(found, None))


def _grown(known: InputFile) -> InputFile:
    """The input with what was added; its rows so far are the same."""
    path = Path(known.path)
    try:
        with path.open("rb") as file:
            before, after = _at_the_seam(file, known.size or 0)
    except _DAMAGED as error:
        why = getattr(error, "strerror", None) or "what was added to it is not packed like it"
        raise InputError(f"{as_typed(path)} cannot be read: {why}; {_AS_A_RUN}.") from error
    # In UTF-16 a line break has a zero beside it.
    if not (before.rstrip(b"\0").endswith(_BREAKS) or after.lstrip(b"\0").startswith(_BREAKS)):
        raise InputError(
            f"{as_typed(path)}: what was added continues the last row, which was read as it was; "
            f"{_AS_A_RUN}."
        )
    return replace(fingerprint(path), name=known.name)


def _at_the_seam(file: BinaryIO, size: int) -> tuple[bytes, bytes]:
    """The last bytes of what a file was, unpacked, and the first of what was added."""
    opener = _opener(file)
    if opener is None:
        file.seek(max(0, size - _BREAK_BYTES))
        return file.read(min(_BREAK_BYTES, size)), file.read(_BREAK_BYTES)
    file.seek(0)
    before = b""
    with opener(io.BufferedReader(_Beginning(file, size))) as unpacked:
        while chunk := unpacked.read(_CHUNK_BYTES):
            before = (before + chunk)[-_BREAK_BYTES:]
    file.seek(size)
    with opener(file) as unpacked:
        return before, unpacked.read(_BREAK_BYTES)


class _Beginning(io.RawIOBase):
    """So many bytes of a file, from where it stands."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)
