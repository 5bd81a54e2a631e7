"""The inputs of a run that goes on: where they lie now, and what was added to them since.

Row numbers are all that the report and the input have in common. So an input is known by its hash,
wherever it lies; and of one that has only grown the first part is, and the rest is more rows.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.errors import InputError
from batchpatch.recording.manifest import find_changes, fingerprint, starts_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.formats.run_json import InputFile, Manifest
    from batchpatch.recording.manifest import InputChange

_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")


_BREAKS = (b"\n", b"\r")


_AS_A_RUN = "send what was added as a run of its own"


def find_again(
    manifest: Manifest, *, given: Sequence[Path], appended: bool, spool_path: Path
) -> tuple[InputFile, ...]:
    """The inputs as a run can go on with them.

    Args:
        manifest: of the run.
        given: where some of them lie now; which one each is, its content says.
        appended: rows may have been added at the end of the last one.
        spool_path: where the copy of standard input lies now.

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
        _refuse_other_numbers(change, files)
        files[change.source] = _grown(known)
    return tuple(files)


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
        f"{path} has the content of none of this run's inputs; a run goes on with the input it "
        "began with."
    )


def _refusal(change: InputChange, known: InputFile) -> str:
    if change.appended:
        more = "rows that were only added at its end are sent with --appended"
    elif change.gone and known.sha256 is not None:
        more = "where it lies now, --input PATH tells"
    else:
        more = "a run goes on with the input it began with"
    return f"{change.sentence}; {more}."


def _refuse_other_numbers(change: InputChange, files: Sequence[InputFile]) -> None:
    if change.source + 1 < len(files):
        raise InputError(
            f"{change.sentence}; the rows of the inputs behind it would get other numbers: "
            f"{_AS_A_RUN}."
        )


def _grown(known: InputFile) -> InputFile:
    """The input with what was added; its rows so far are the same."""
    path, size = Path(known.path), known.size or 0
    try:
        with path.open("rb") as file:
            packed = file.read(6).startswith(_PACKED)
            file.seek(max(0, size - 2))
            before, after = file.read(min(2, size)), file.read(2)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if packed:
        raise InputError(f"{path} is packed, so where its rows ended cannot be told: {_AS_A_RUN}.")
    # In UTF-16 a line break has a zero beside it.
    if not (before.rstrip(b"\0").endswith(_BREAKS) or after.lstrip(b"\0").startswith(_BREAKS)):
        raise InputError(
            f"{path}: what was added continues the last row, which was read as it was; {_AS_A_RUN}."
        )
    return replace(fingerprint(path), name=known.name)
