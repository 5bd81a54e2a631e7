"""A disk that fails at one call: `python disk.py FOLDER LOG CALL WORDS...` is batchpatch on it.

Each call that changes something below the folder is counted and written to the log. At number
CALL of them (0: at none) the process is killed, or the call is refused.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_OF_PATH_OR_FILE = (
    *("write", "pwrite", "fsync", "fdatasync", "ftruncate", "fchmod", "chmod", "close"),
    *("mkdir", "rmdir", "unlink", "link", "rename", "replace"),
)
_NEED_ROOM = {"open", "write", "pwrite", "fsync", "fdatasync", "mkdir", "link"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Fault(NamedTuple):
    """What goes wrong, and when."""

    call: int
    """Number of the call, from 1; 0 is none."""
    how: str = "KILL"
    """`KILL`, or the name of an error."""
    lasts: bool = False
    """So does all from there on that needs room."""

    @classmethod
    def parse(cls, text: str) -> Fault:
        """As it is spelled: `12:ENOSPC+` fails from there on."""
        call, _, how = text.partition(":")
        return cls(int(call), how.rstrip("+") or "KILL", how.endswith("+"))

    def __str__(self) -> str:
        return f"{self.call}:{self.how}{'+' if self.lasts else ''}"


class FaultyDisk:
    """Stands between the program and the system, in this process."""

    def __init__(self, folder: str, log: str, fault: Fault) -> None:
        self._below = f"{folder}/"
        self._fault = fault
        self._count = 0
        self._counting = threading.Lock()
        self._write = os.write
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def install(self) -> None:
        """From now on calls go through it."""
        for name in _OF_PATH_OR_FILE:
            self._replace(os, name)
        self._replace(fcntl, "flock")
        self._replace_open()
        os.fdopen = self._fdopen

    def _replace(self, module: Any, name: str) -> None:
        act = getattr(module, name)

        def through(*given: Any, **named: Any) -> Any:
            path = self._path(given[0])
            if name == "close":  # it is closed in any case
                act(*given)
            self._meet(name, path)
            return None if name == "close" else act(*given, **named)

        setattr(module, name, through)

    def _replace_open(self) -> None:
        act: Callable[..., int] = os.open

        def through(path: Any, flags: int, *given: Any, **named: Any) -> int:
            if flags & _WRITING:
                self._meet("open", self._path(path))
            return act(path, flags, *given, **named)

        os.open = through

    def _fdopen(self, descriptor: int, mode: str = "r", buffering: int = -1) -> io.IOBase:
        meet, path = self._meet, self._path(descriptor)

        class Raw(io.FileIO):
            def write(self, data: Any) -> int:
                meet("write", path)
                return super().write(data)

        if "w" not in mode:
            return open(descriptor, mode, buffering)
        return io.BufferedWriter(Raw(descriptor, "wb"), max(buffering, io.DEFAULT_BUFFER_SIZE))

    @staticmethod
    def _path(given: Any) -> str:
        if not isinstance(given, int):
            return os.path.abspath(os.fspath(given))  # noqa: PTH100 - what is patched is below Path
        try:
            return os.readlink(f"/proc/self/fd/{given}")  # noqa: PTH115
        except OSError:
            return ""

    def _meet(self, name: str, path: str) -> None:
        if not path.startswith(self._below):
            return
        with self._counting:
            self._count += 1
            number, fault = self._count, self._fault
            self._write(self._log, f"{name} {path.removeprefix(self._below)}\n".encode())
        lasts = fault.lasts and name in _NEED_ROOM
        if number == fault.call or (lasts and 0 < fault.call < number):
            if fault.how == "KILL":
                os.kill(os.getpid(), signal.SIGKILL)
            code = getattr(errno, fault.how)
            raise OSError(code, os.strerror(code), path)


if __name__ == "__main__":
    folder, log, fault, *sys.argv[1:] = sys.argv[1:]
    FaultyDisk(folder, log, Fault.parse(fault)).install()
    from batchpatch.cli import main

    main()
