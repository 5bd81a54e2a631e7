"""A steady load of single rows, and how long each waits for its result.

Rows come at exact times whatever becomes of those before them, so that a slow answer is not hidden
by its own slowness. Latencies go into an array of 4 bytes a row.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Send = Callable[[str, str, int], Awaitable[bool]]
    """Conversation, participant and number of a row; true where it was written."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
WARM_UP_SHARE = 0.2
"""Of the time, after which memory is measured first: minute 2 of 10."""


class Load(NamedTuple):
    """What came of a load."""

    rows: int
    written: int
    median_ms: float
    p99_ms: float


class Meter:
    """Latencies of rows, in milliseconds."""

    def __init__(self) -> None:
        self._waited_ms = array("f")
        self.written = 0

    async def measure(self, sending: Awaitable[bool]) -> None:
        """Add one row, once it has its result."""
        began_s = time.perf_counter()
        written = await sending
        self.written += written  # not in one: the sum would be read before the wait
        self._waited_ms.append((time.perf_counter() - began_s) * 1000)

    def load(self) -> Load:
        """All of them."""
        ordered = sorted(self._waited_ms)
        count = len(ordered)
        return Load(count, self.written, ordered[count // 2], ordered[count * 99 // 100])


async def steady(send: Send, *, per_s: float, seconds: float) -> Load:
    """Send rows at that rate for so long, each to a participant of its own.

    One row before them is not counted: a service that has just been started is not the subject.
    """
    await send(str(uuid.uuid4()), str(uuid.uuid4()), 0)
    meter, tasks = Meter(), set[asyncio.Task[None]]()
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for number in range(1, round(per_s * seconds) + 1):
        await asyncio.sleep(max(0.0, began_s + number / per_s - loop.time()))
        row = send(str(uuid.uuid4()), str(uuid.uuid4()), number)
        task = asyncio.create_task(meter.measure(row))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    while tasks:
        await asyncio.wait(tasks)
    return meter.load()


def rss_mb(pid: int) -> float:
    """Memory of a process that is resident."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * _PAGE_BYTES / 1e6


async def growth_mb(pid: int, seconds: float) -> float:
    """How much a process grows from the warm-up on to the end."""
    await asyncio.sleep(seconds * WARM_UP_SHARE)
    before = rss_mb(pid)
    await asyncio.sleep(seconds * (1 - WARM_UP_SHARE) - 1)
    return rss_mb(pid) - before
