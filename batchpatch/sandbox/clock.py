"""The time, as something that can be given: tests move it by hand and never sleep."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock(Protocol):
    """What the sandbox needs to know about time. Seconds throughout."""

    def now_s(self) -> float:
        """Monotonic time."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Come back after `delay_s`."""
        ...

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call back after `delay_s`, without being waited for."""
        ...


class SystemClock:
    """The real one, on the running event loop."""

    def now_s(self) -> float:
        """Monotonic time."""
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        """Come back after `delay_s`."""
        await asyncio.sleep(delay_s)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call back after `delay_s`, if the loop still runs then."""
        asyncio.get_running_loop().call_later(delay_s, callback)
