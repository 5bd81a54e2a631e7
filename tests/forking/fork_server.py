"""A fork server: the program with its modules loaded, of which each start is a fork.

A start of Python and of the program's imports takes most of the time of a command that a test
runs. A fork has both behind it, and is a process of its own in all other respects: arguments,
environment, folder, standard streams, signals, exit code. It begins where `python -m batchpatch`
does.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from typing import Any

STREAMS = (0, 1, 2)
HURRIED = "HURRIED"
"""In the environment of a fork: what it does in a hurry, in words; a cold start takes its time."""
_HURRIES = {
    "mints": ("batchpatch.genesys.account.tokens", "_BASE_S", 0.02),
    "sync": ("batchpatch.pipeline.pipeline", "SYNC_EVERY_S", 0.1),
}
"""For tests of what is said when no token was minted at last, and for those that wait for the first
lines of a run: constants that are seconds otherwise."""
LENGTH = struct.Struct("!I")
"""Before a request: how long it is. The answers are a process's number, and then its status."""
STATUS = struct.Struct("!i")
_NOT_OF_COMMANDS = ("batchpatch.__main__", "batchpatch.testing")
_OTHERS = ("uvloop", "jinja2", "pygal", "openpyxl", "smart_open", "prometheus_client")


def load() -> None:
    """Import what commands import when they need it."""
    import batchpatch

    for module in pkgutil.walk_packages(batchpatch.__path__, "batchpatch."):
        if not module.name.startswith(_NOT_OF_COMMANDS):
            importlib.import_module(module.name)
    for name in _OTHERS:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


class ForkServer:
    """Takes requests on a socket until its own standard input ends."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ)
        self._selector.register(0, selectors.EVENT_READ)
        self._callers: dict[int, tuple[int, socket.socket]] = {}
        """Of each process's descriptor: its number, and who waits for its end."""

    def serve(self) -> dict[str, Any] | None:
        """Returns in each fork, with what it is to do; and None where the server has to end."""
        while True:
            for key, _ in self._selector.select():
                if key.fd == 0:
                    return None
                if key.fileobj is not self._listening:
                    self._tell_end(key.fd)
                elif (asked := self._start()) is not None:
                    return asked

    def _start(self) -> dict[str, Any] | None:
        caller = self._listening.accept()[0]
        head, streams, _, _ = socket.recv_fds(caller, LENGTH.size, len(STREAMS))
        asked = caller.recv(LENGTH.unpack(head)[0], socket.MSG_WAITALL)
        number = os.fork()
        if number == 0:
            self._leave(caller, streams)
            fork: dict[str, Any] = json.loads(asked)
            return fork
        for stream in streams:
            os.close(stream)
        caller.sendall(STATUS.pack(number))
        ended = os.pidfd_open(number)
        self._callers[ended] = (number, caller)
        self._selector.register(ended, selectors.EVENT_READ)
        return None

    def _tell_end(self, ended: int) -> None:
        number, caller = self._callers.pop(ended)
        self._selector.unregister(ended)
        os.close(ended)
        status = os.waitpid(number, 0)[1]
        with caller:
            try:
                caller.sendall(STATUS.pack(status))
            except OSError:
                return  # nobody waits for it any more

    def _leave(self, caller: socket.socket, streams: list[int]) -> None:
        """Have nothing of the server's, and the streams that were sent for one's own."""
        self._selector.close()
        for one in (self._listening, caller, *(caller for _, caller in self._callers.values())):
            one.close()
        for ended in self._callers:
            os.close(ended)
        for number, stream in zip(STREAMS, streams, strict=True):
            os.dup2(stream, number)
            os.close(stream)


def become(asked: dict[str, Any]) -> None:
    """Be the process that was asked for, as far as the interpreter's start would have made it."""
    if asked["session"]:
        os.setsid()
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    hurry(os.environ.pop(HURRIED, ""))
    time.tzset()
    sys.argv[1:] = asked["words"]
    sys.path[0] = asked["folder"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _reopened(getattr(sys, name), number)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def hurry(words: str) -> None:
    """Shorten these waits."""
    for word in words.split():
        module, name, value_s = _HURRIES[word]
        assert hasattr(sys.modules[module], name)
        setattr(sys.modules[module], name, value_s)


def _reopened(old: io.TextIOWrapper, number: int) -> io.TextIOWrapper:
    """A standard stream as the interpreter makes it at its start."""
    unbuffered = number > 0 and bool(os.environ.get("PYTHONUNBUFFERED"))
    return io.TextIOWrapper(
        open(number, "wb" if number else "rb", buffering=0 if unbuffered else -1, closefd=False),
        encoding=old.encoding,
        errors=old.errors,
        newline="\n",
        line_buffering=number == 2 or os.isatty(number),
        write_through=unbuffered,
    )


def work() -> None:
    """Do what the program does, and end.

    What an interpreter does at its end goes here as it goes there, but for the taking apart of all
    that was ever imported: that takes longer than most commands do.
    """
    from batchpatch.cli import main

    try:
        main()
    except SystemExit as ended:
        threading._shutdown()
        atexit._run_exitfuncs()
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(int(ended.code or 0))
        raise  # its own end has words and a code for a stream that is broken


if __name__ == "__main__":
    import forked

    name = sys.argv[1]
    load()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(f"\0{name}")
        door.listen(64)
        print("ready", flush=True)
        try:
            order = ForkServer(door).serve()
        except KeyboardInterrupt:  # whoever stops the tests stops this too
            order = None
    if order is not None:
        become(order)
        forked.fork_by(name)
        forked.fork_sandboxes()
        work()
