"""A folder of this user's own, outside of any run: nobody else can put a file or a link into it."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.recording.files import DIRECTORY_MODE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = "batchpatch"


_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def own_folder(environment: Mapping[str, str]) -> Path | None:
    """The folder, made where it is missing, 0700; None where no place is fit for one.

    Looked for in the user's runtime directory (`XDG_RUNTIME_DIR`), then in the state directory
    (`XDG_STATE_HOME`, `~/.local/state`). The temporary directory is everybody's, and so no such
    place: another user could have been there first, with a link to a file of ours.
    """
    for base in _bases(environment):
        try:
            base.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            folder = base / _NAME
            if not _is_safe(base):
                continue
            folder.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
            if _is_private(folder):
                return folder
        except (OSError, ValueError):  # the latter of a NUL in the variable
            continue
    return None


def _bases(environment: Mapping[str, str]) -> Iterator[Path]:
    runtime = Path(environment.get("XDG_RUNTIME_DIR", ""))
    if runtime.is_absolute() and runtime.is_dir():
        yield runtime
    state = Path(environment.get("XDG_STATE_HOME", ""))
    if state.is_absolute():
        yield state
    home = Path(environment.get("HOME" if sys.platform != "win32" else "USERPROFILE", ""))
    if home.is_absolute() and home.is_dir():  # a home that is not there is not ours to make
        yield home / ".local" / "state"


def _is_safe(base: Path) -> bool:
    """True where nobody but this user and root can replace what lies in it."""
    if sys.platform == "win32":
        return True
    status = base.stat()
    return status.st_uid in (os.getuid(), 0) and not status.st_mode & _OTHERS_WRITE


def _is_private(folder: Path) -> bool:
    """True for a directory of this user's that is no link; a mode that is too wide is mended."""
    if sys.platform == "win32":
        return folder.is_dir()
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        return False
    if stat.S_IMODE(status.st_mode) != DIRECTORY_MODE:
        folder.chmod(DIRECTORY_MODE)
    return True
