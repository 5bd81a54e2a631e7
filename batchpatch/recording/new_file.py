"""Whether a file may be written where somebody has asked for it: nothing is lost unsaid."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from batchpatch.errors import SettingsError, as_typed
from batchpatch.recording.files import record_error, replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def new_file(out: Path) -> Iterator[BinaryIO]:
    """A file that somebody has named; it is there when the block ends well, or not at all.

    Where a link leads is written, and the link stays. Raises RecordError.
    """
    with replacing(out.resolve() if out.is_symlink() else out, of_run=False) as file:
        yield file


def refuse_taken(out: Path, *, flag: str, force: bool) -> None:
    """Raise SettingsError where a file would be lost that has something in it, or none can be made.

    Args:
        out: the file that is to be written.
        flag: that names it.
        force: what is there may be replaced; a device or a pipe never is.
    """
    is_there = _is_taken(out, flag=flag)
    if is_there and not force:
        raise SettingsError(
            f"{flag}: {as_typed(out)} is there already: name another file, or add --force."
        )
    if not is_there and not out.parent.is_dir():
        raise SettingsError(f"{flag}: {as_typed(out.parent)} is no directory: make it first.")


def _is_taken(out: Path, *, flag: str) -> bool:
    try:
        status = out.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise SettingsError(f"{flag}: {record_error(out, error, of_run=False)}") from error
    if stat.S_ISDIR(status.st_mode):
        raise SettingsError(f"{flag}: {as_typed(out)} is a directory: name a file.")
    if not stat.S_ISREG(status.st_mode):
        raise SettingsError(f"{flag}: {as_typed(out)} is a device or a pipe: name a file.")
    return status.st_size > 0
