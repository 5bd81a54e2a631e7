"""Processes of the program that a fork server starts, with the interface of `subprocess`.

What a start of the interpreter alone takes up (other variables of Python's, limits, descriptors
that are handed down) is started by `subprocess` itself, and so is everything where there is no
fork server: not on Linux, or with COLD_STARTS=1 in the environment.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
import types
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fork_server import LENGTH, STATUS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM = [sys.executable, "-m", "batchpatch"]
_SCRIPT = Path(__file__).with_name("fork_server.py")
_OF_THE_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC", "OPENSSL", "SSL_")
"""Variables that count before the program's first line, or when libraries are loaded."""
_GIVEN = {"stdin", "stdout", "stderr", "start_new_session", "cwd", "env"}
_GIVEN |= {"bufsize", "encoding", "errors", "text", "universal_newlines"}
"""What of `subprocess.Popen` a fork can be given."""


class _Server:
    """A fork server, for as long as this process lives."""

    def __init__(self) -> None:
        self.name = f"forks-{uuid.uuid4()}"
        pipe = subprocess.PIPE
        command = [sys.executable, str(_SCRIPT), self.name]
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe)
        atexit.register(self._process.communicate)  # the end of its input is its own
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n", "the fork server did not start"


_starting = threading.Lock()
_name: list[str] = []
"""Of the server, once there is one."""


def fork_by(name: str) -> None:
    """From now on that server makes the forks: this process is one of its own."""
    _name[:] = [name]


def _ask(order: Mapping[str, Any], streams: Sequence[int]) -> tuple[socket.socket, int]:
    """A fork: where its end will be told, and its number."""
    with _starting:
        name = _name[0] if _name else _Server().name
        fork_by(name)
    data = json.dumps(order).encode()
    caller = socket.socket(socket.AF_UNIX)
    caller.connect(f"\0{name}")
    socket.send_fds(caller, [LENGTH.pack(len(data))], streams)
    caller.sendall(data)
    return caller, _received(caller)


def _received(caller: socket.socket) -> int:
    data = caller.recv(STATUS.size, socket.MSG_WAITALL)
    assert data, "the fork server has ended"
    return int(STATUS.unpack(data)[0])


class Forked(subprocess.Popen[Any]):
    """The program in a fork. It overrides what starts a process, and what asks for its end."""

    def __init__(self, command: Sequence[str], *, start_new_session: bool = False, **more: Any):
        self._session = start_new_session
        super().__init__(command, **more)

    def _execute_child(self, *given: Any) -> None:
        command, folder, environment, pipes = given[0], given[5], given[6], given[10:16]
        order = {
            "words": [os.fspath(word) for word in command[len(PROGRAM) :]],
            "environment": dict(os.environ if environment is None else environment),
            "folder": str(folder or Path.cwd()),
            "session": self._session,
        }
        ends = (pipes[0], pipes[3], pipes[5])
        streams = [number if end == -1 else end for number, end in enumerate(ends)]
        self._caller, self.pid = _ask(order, streams)
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if wait_flags == os.WNOHANG and not self._has_ended(within_s=0):
            return 0, 0
        with self._caller:
            return self.pid, _received(self._caller)

    def _internal_poll(self, **_: Any) -> int | None:
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):  # type: ignore[attr-defined]
            try:
                number, status = self._try_wait(os.WNOHANG)
                if number == self.pid:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        end_s = None if timeout is None else time.monotonic() + timeout
        while self._internal_poll() is None:
            left_s = None if end_s is None else end_s - time.monotonic()
            if not self._has_ended(within_s=left_s):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return int(self.returncode)

    def _has_ended(self, *, within_s: float | None) -> bool:
        waited_s = None if within_s is None else max(0.0, within_s)
        return bool(select.select([self._caller], [], [], waited_s)[0])


def _start_of(environment: Mapping[str, str]) -> dict[str, str]:
    given = {k: v for k, v in environment.items() if k.startswith(_OF_THE_START)}
    given.pop("PYTHONUNBUFFERED", None)  # a fork sees to it
    return given


def is_forkable(more: Mapping[str, Any]) -> bool:
    """True where a fork is what a start with these arguments of `Popen` would be."""
    if not hasattr(os, "pidfd_open") or os.environ.get("COLD_STARTS") == "1":
        return False
    environment = more.get("env") or os.environ
    return _GIVEN.issuperset(more) and _start_of(environment) == _start_of(os.environ)


def start(
    words: Sequence[str], *, through: Sequence[str] = (), **more: Any
) -> subprocess.Popen[Any]:
    """`subprocess.Popen` of the program with these words, by another program's hand if need be."""
    made = Forked if not through and is_forkable(more) else subprocess.Popen
    return made([*through, *PROGRAM, *words], **more)


def popen(command: Sequence[str], **more: Any) -> subprocess.Popen[Any]:
    """`subprocess.Popen`, which forks where it is asked for the program."""
    if list(command[: len(PROGRAM)]) == PROGRAM:
        return start(command[len(PROGRAM) :], **more)
    return subprocess.Popen(command, **more)


def fork_sandboxes() -> None:
    """From now on a sandbox that a command or a patcher of this process starts is a fork."""
    from batchpatch.service import sandbox_process

    forking = types.SimpleNamespace(**{**vars(subprocess), "Popen": popen})
    sandbox_process.subprocess = forking  # type: ignore[assignment]


def run(
    words: Sequence[str], *, stdin_text: Any = None, timeout: float = 60, **more: Any
) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run` of the program with these words and captured output."""
    pipe = subprocess.PIPE
    more = {"stdout": pipe, "stderr": pipe, **more}
    if stdin_text is not None:
        more["stdin"] = pipe
    with start(words, **more) as process:
        try:
            out, err = process.communicate(stdin_text, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
