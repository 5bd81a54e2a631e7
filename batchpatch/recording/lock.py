"""A lock on a directory that the system takes back when its process dies, however it dies."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.errors import RecordError
from batchpatch.recording.files import open_private, record_error

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def acquire(path: Path) -> int:
    """Locks this file, made where it is missing; the descriptor holds the lock until it is closed.

    The lock is the system's, not the file's content: a file left behind by a dead process locks
    nothing. Raises RecordError where another live process holds it.
    """
    try:
        descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise record_error(path, error) from error
    try:
        _try_lock(descriptor)
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
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


@contextmanager
def claimed(what: str) -> Iterator[bool]:
    """Claims something of this user on this host while the block runs; gives whether it was free.

    Advice only: where no claim can be kept, it counts as free.
    """
    owner = os.getuid() if sys.platform != "win32" else "user"
    folder = Path(tempfile.gettempdir()) / f"batchpatch-{owner}"
    descriptor: int | None = None
    alone = True
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = acquire(folder / f"{hashlib.sha256(what.encode()).hexdigest()[:32]}.lock")
    except RecordError as error:
        alone = not isinstance(error.__cause__, _HELD)
    except OSError:
        pass
    try:
        yield alone
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _in_use(path: Path, descriptor: int) -> RecordError:
    owner = b""
    with suppress(OSError):
        owner = os.read(descriptor, 20).strip()
    process = f"process {owner.decode()}" if owner.isdigit() else "another process"
    return RecordError(
        f"{path.parent} is in use by {process}; wait for that run to end, or choose another --out"
    )
