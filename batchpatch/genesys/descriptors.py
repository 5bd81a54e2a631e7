"""File descriptors: how many connections the process may have open, and waiting for one."""

from __future__ import annotations

import asyncio
import errno
import logging
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.genesys.replies import NoReply, Reply

if sys.platform != "win32":
    import resource

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


_log = logging.getLogger(__name__)


# The report, the input and what the standard library opens for a moment.
_OWN_FILES = 16


# Where nobody can tell what is open already.
_USUALLY_OPEN = 16


# Between two attempts of ours to get a descriptor.
_PAUSE_S = 0.2


NO_DESCRIPTOR: Reply | NoReply = NoReply(
    "connection", "this process has no file descriptor left (ulimit -n)", sent=False
)
"""What comes of an attempt that got none."""


def affordable_connections(wanted: int) -> int:
    """Return how many of so many connections the limit of open files leaves room for.

    Fewer are said so in a warning: without descriptors a connection fails on this side, and rows
    would be `unknown` for nothing that the platform did.
    """
    if sys.platform == "win32":
        return wanted  # it has no such limit
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return wanted
    found = max(1, min(wanted, most - _open_now() - _OWN_FILES))
    if found < wanted:
        _log.warning(
            "This process may have %d files open (ulimit -n), so %d connections are used"
            " instead of %d.",
            most,
            found,
            wanted,
        )
    return found


def is_out_of_descriptors(error: Exception) -> bool:
    """True where a file could not be opened because this process, or machine, has too many."""
    return isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)


class DescriptorWait:
    """Attempts that wait until another has given its descriptor back. Nothing of them was sent."""

    def __init__(self) -> None:
        self._said = False

    async def attempt(
        self, send: Callable[[], Awaitable[Reply | NoReply]], *, for_s: float
    ) -> Reply | NoReply:
        """Make the attempt as soon as there is a descriptor; `NO_DESCRIPTOR` after that time."""
        if not self._said:
            self._said = True
            _log.warning(
                "No file descriptor is left for a connection (ulimit -n): waiting for one."
            )
        loop = asyncio.get_running_loop()
        until_s, answer = loop.time() + for_s, NO_DESCRIPTOR
        while answer is NO_DESCRIPTOR and loop.time() < until_s:
            await asyncio.sleep(_PAUSE_S)
            answer = await send()
        return answer


def _open_now() -> int:
    for folder in (Path("/proc/self/fd"), Path("/dev/fd")):
        with suppress(OSError):
            return sum(1 for _ in folder.iterdir())
    return _USUALLY_OPEN
