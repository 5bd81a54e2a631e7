"""Private files: read by their owner only; a crash leaves the old one or the new one whole."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Self

from batchpatch.errors import RecordError, as_typed, why_unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE_MODE = 0o600
TEMPORARY = ".tmp"
"""How the name ends of what is not whole yet."""
DIRECTORY_MODE = 0o700

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BROKEN = frozenset({errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def record_error(
    path: Path, error: OSError, *, doing: str = "written", of_run: bool = True
) -> RecordError:
    """The sentence for a file that could not be `doing`: which file, why, what to do.

    `of_run`: a run writes it, and can be resumed.
    """
    again = "resume the run" if of_run else "try again"
    if error.errno in _FULL:
        cause = f"disk full; free some space and {again}"
    elif error.errno in _FORBIDDEN:
        cause = f"{error.strerror}; check the permissions or choose another directory"
    elif error.errno in _BROKEN and doing != "read":
        cause = f"{error.strerror}; see to the disk and {again}"
    else:
        cause = why_unreadable(error)
    return RecordError(f"{as_typed(path)} cannot be {doing}: {cause}")


def open_private(path: Path, flags: int) -> int:
    """A descriptor of a file that is created 0600, whatever the umask says.

    Only regular files are touched: a results path may lead to a device.
    """
    flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags, FILE_MODE)
    try:
        make_private(descriptor)
    except OSError:
        close_quietly(descriptor)
        raise
    return descriptor


def close_quietly(descriptor: int) -> None:
    """Close what was synced, or never written to: what the system says then changes nothing.

    It is closed in any case. A file that was not synced has more to lose, see `replacing`.
    """
    with suppress(OSError):
        os.close(descriptor)


def make_private(descriptor: int) -> None:
    """Give a regular file the mode 0600; anything else is left alone. Raises OSError."""
    if sys.platform != "win32":
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode) and stat.S_IMODE(mode) != FILE_MODE:
            os.fchmod(descriptor, FILE_MODE)


def temporary_path(path: Path) -> Path:
    """Where the next version of `path` grows until it is whole."""
    return path.with_name(f".{path.name}{TEMPORARY}")


def sync_directory(path: Path) -> None:
    """Makes created, renamed and removed names in this directory survive a power loss."""
    if sys.platform != "win32":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            close_quietly(descriptor)


@contextmanager
def replacing(path: Path, *, of_run: bool = True, synced: bool = True) -> Iterator[BinaryIO]:
    """A file to write; when the block ends well it takes the place of `path`, else it is gone.

    `of_run`: see `record_error`. `synced`: it survives a power loss. Raises RecordError where the
    system refuses to write.
    """
    temporary = temporary_path(path)
    try:
        descriptor = open_private(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with os.fdopen(descriptor, "wb", buffering=1 << 18) as file:
            yield file
            file.flush()
            if synced:
                os.fsync(file.fileno())
        temporary.replace(path)
        if synced:
            sync_directory(path.parent)
    except OSError as error:
        _forget(temporary)
        raise record_error(path, error, of_run=of_run) from error
    except BaseException:
        _forget(temporary)
        raise


def _forget(temporary: Path) -> None:
    with suppress(OSError):
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes, *, of_run: bool = True, synced: bool = True) -> None:
    """Replaces `path` by `data`: temporary file, sync, rename, sync of the directory.

    `of_run`, `synced`: see `replacing`. Raises RecordError; the former content is then still there.
    """
    with replacing(path, of_run=of_run, synced=synced) as file:
        file.write(data)


class Spool:
    """A copy of a stream, 0600. Holds customers' values, as the README says.

    Raises:
        RecordError: the file cannot be made or written.
    """

    def __init__(self, path: Path, *, ended: Callable[[int, str], None]) -> None:
        """`ended` gets the size and the SHA-256 of a copy that was made to its end."""
        self._path = path
        self._ended = ended
        self._digest, self._size = hashlib.sha256(), 0
        self.whole = False
        """The stream was copied to its end, and `ended` was told."""
        self._closing = threading.Lock()
        try:
            self._descriptor: int | None = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        except OSError as error:
            raise record_error(path, error, of_run=False) from error

    def write(self, data: bytes) -> None:
        """Keep these bytes, before anything is made of them."""
        view = memoryview(data)
        with self._closing:
            try:
                while view and self._descriptor is not None:
                    view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                raise record_error(self._path, error) from error
            self._digest.update(data)
            self._size += len(data)

    def end(self) -> None:
        """All bytes are here. On disk too before anybody is told: a copy that a power loss has cut
        must not count as whole."""
        with self._closing:
            if self._descriptor is None:
                return
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                raise record_error(self._path, error) from error
            self._ended(self._size, self._digest.hexdigest())
            self.whole = True

    def close(self) -> None:
        """Take no more bytes."""
        # The reader's thread may still be at it: a closed number would soon be another file's.
        with self._closing:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                close_quietly(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
