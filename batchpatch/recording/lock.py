"""A lock on a directory that the system takes back when its process dies, however it dies.

Locks of what is no run's directory lie in a directory of this user's own: nobody else can put a
file or a link into it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.errors import RecordError, as_typed
from batchpatch.recording.files import (
    DIRECTORY_MODE,
    FILE_MODE,
    close_quietly,
    make_private,
    record_error,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = "batchpatch"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def own_folder(environment: Mapping[str, str]) -> Path | None:
    """The directory, made where it is missing, 0700; None where no place is fit for one.

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


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int, *, shared: bool = False) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    _HELD = (PermissionError, FileNotFoundError)
else:
    import fcntl

    def _try_lock(descriptor: int, *, shared: bool = False) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

    _HELD = (BlockingIOError, FileNotFoundError)


_LOOK_S = 0.05
"""Longer than `holder` ever looks."""


def _lock_soon(descriptor: int) -> None:
    """Lock it, also where somebody is just looking whether it is locked. Raises `_HELD`."""
    try:
        _try_lock(descriptor)
    except _HELD:
        time.sleep(_LOOK_S)
        _try_lock(descriptor)


_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def acquire(path: Path) -> int:
    """Locks this file, made where it is missing; the descriptor holds the lock until it is closed.

    The lock is the system's, not the file's content: a file left behind by a dead process locks
    nothing. Raises RecordError where another live process holds it, or it is no file of its own.
    """
    descriptor = _opened(path)
    try:
        _lock_soon(descriptor)
        if not os.path.samestat(os.fstat(descriptor), path.lstat()):
            raise _in_use(path, descriptor)  # its last owner removed it under our hands
        _sign(path, descriptor)
    except _HELD as error:
        refusal = _in_use(path, descriptor)
        close_quietly(descriptor)
        raise refusal from error
    except OSError as error:
        close_quietly(descriptor)
        raise record_error(path, error, doing="locked", of_run=False) from error
    except BaseException:
        close_quietly(descriptor)
        raise
    return descriptor


def _sign(path: Path, descriptor: int) -> None:
    """Write into a locked file who holds it. Raises OSError; the file is then gone."""
    if sys.platform == "win32":  # the locked byte could not be read by others
        return
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError:
        with suppress(OSError):  # nobody would come back for it: with a full disk nothing begins
            path.unlink()
        raise


def holder(path: Path) -> int | None:
    """The process that holds this lock, 0 where it has not said which; None where none does.

    Whoever only looks takes the lock for the blink of an eye, shared with others who look.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | _NO_LINK | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        _try_lock(descriptor, shared=True)
    except _HELD:
        with suppress(OSError):
            owner = os.pread(descriptor, 20, 0).strip() if sys.platform != "win32" else b""
            return int(owner) if owner.isdigit() else 0
        return 0
    except OSError:  # a file system without locks: then nobody holds one
        return None
    finally:
        close_quietly(descriptor)
    return None


def _opened(path: Path) -> int:
    """A descriptor of a file that is nothing but this lock, 0600.

    It is emptied when it is locked, so no link may lead from there to something else.
    """
    flags = os.O_RDWR | os.O_CREAT | _NO_LINK | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0), FILE_MODE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _not_ours(path, "a symbolic link") from error
        raise record_error(path, error, of_run=False) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise _not_ours(path, "a device, a pipe, or a file of another name too")
        make_private(descriptor)
    except OSError as error:
        close_quietly(descriptor)
        raise record_error(path, error, of_run=False) from error
    except BaseException:
        close_quietly(descriptor)
        raise
    return descriptor


def _not_ours(path: Path, what: str) -> RecordError:
    return RecordError(
        f"{as_typed(path)} is {what} and cannot be a lock: remove it, or choose another directory"
    )


@contextmanager
def claimed(what: str) -> Iterator[bool]:
    """Claims something of this user on this host while the block runs; gives whether it was free.

    Advice only: where no claim can be kept, it counts as free.
    """
    folder = own_folder(os.environ)
    if folder is None:
        yield True
        return
    path = folder / f"{hashlib.sha256(what.encode()).hexdigest()[:32]}.lock"
    descriptor: int | None = None
    alone = True
    try:
        descriptor = acquire(path)
    except RecordError as error:
        alone = not isinstance(error.__cause__, _HELD)
    try:
        yield alone
    finally:
        if descriptor is not None:
            _release(path, descriptor)


def _release(path: Path, descriptor: int) -> None:
    """Remove the file while it is locked: whoever locks it after that sees that it is gone."""
    with suppress(OSError):
        if sys.platform == "win32":  # an open file cannot be removed there
            close_quietly(descriptor)
            path.unlink(missing_ok=True)
        else:
            path.unlink(missing_ok=True)
            close_quietly(descriptor)


def _in_use(path: Path, descriptor: int) -> RecordError:
    owner = b""
    with suppress(OSError):
        owner = os.read(descriptor, 20).strip()
    process = f"process {owner.decode()}" if owner.isdigit() else "another process"
    return RecordError(
        f"{as_typed(path.parent)} is in use by {process}: wait until that has ended, or end it "
        "with Ctrl-C."
    )
