"""A lock on a directory that the system takes back when its process dies, however it dies."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from batchpatch.errors import RecordError
from batchpatch.recording.files import FILE_MODE, make_private, record_error
from batchpatch.recording.private_folder import own_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    _HELD = (PermissionError, FileNotFoundError)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    _HELD = (BlockingIOError, FileNotFoundError)


_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def acquire(path: Path) -> int:
    """Locks this file, made where it is missing; the descriptor holds the lock until it is closed.

    The lock is the system's, not the file's content: a file left behind by a dead process locks
    nothing. Raises RecordError where another live process holds it, or it is no file of its own.
    """
    descriptor = _opened(path)
    try:
        _try_lock(descriptor)
        if not os.path.samestat(os.fstat(descriptor), path.lstat()):
            raise _in_use(path, descriptor)  # its last owner removed it under our hands
        if sys.platform != "win32":  # there, the locked byte could not be read by others
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except _HELD as error:
        refusal = _in_use(path, descriptor)
        os.close(descriptor)
        raise refusal from error
    except OSError as error:
        os.close(descriptor)
        raise record_error(path, error, doing="locked") from error
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


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
        raise record_error(path, error) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise _not_ours(path, "a device, a pipe, or a file of another name too")
        make_private(descriptor)
    except OSError as error:
        os.close(descriptor)
        raise record_error(path, error) from error
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _not_ours(path: Path, what: str) -> RecordError:
    return RecordError(
        f"{path} is {what} and cannot be a lock: remove it, or choose another directory"
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
            os.close(descriptor)
            path.unlink(missing_ok=True)
        else:
            path.unlink(missing_ok=True)
            os.close(descriptor)


def _in_use(path: Path, descriptor: int) -> RecordError:
    owner = b""
    with suppress(OSError):
        owner = os.read(descriptor, 20).strip()
    process = f"process {owner.decode()}" if owner.isdigit() else "another process"
    return RecordError(
        f"{path.parent} is in use by {process}; wait for that run to end, or choose another --out"
    )
