"""The rate cap: turns at a steady rate that the user has named, for the whole process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from batchpatch.genesys.rate_limit.pace import STRETCH

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

    from batchpatch.options.run import Rate

# AsyncLimiter(300, 60) lets 300 go at once and 300 more during the first minute. So the bucket is
# 20 ms deep, and its period stretched.
_BURST_S = 0.02


class RateCap:
    """Hands out turns at a steady rate. Belongs to one event loop.

    Every attempt draws one before its permit, so a token is never chosen for a request that may
    not leave yet.
    """

    def __init__(self, rate: Rate) -> None:
        self.rate: Rate | None = rate
        self._limiter: AsyncLimiter | None = _limiter(rate)
        self._waiting: set[asyncio.Timeout] = set()

    @property
    def waiting_for(self) -> str | None:
        """What turns are waited for, in words for the progress line; None when nobody waits."""
        return f"its turn at {self.rate}" if self._waiting else None

    async def turn(self) -> None:
        """Return when one request may leave. A turn need not be given back."""
        while (limiter := self._limiter) is not None:
            try:
                async with asyncio.timeout(None) as waiting:
                    self._waiting.add(waiting)
                    try:
                        await limiter.acquire()
                    finally:
                        self._waiting.discard(waiting)
            except TimeoutError:
                continue  # the rate has changed meanwhile
            return

    def change(self, rate: Rate | None) -> None:
        """Hand them out at another rate from now on; None to everybody at once."""
        self.rate = rate
        self._limiter = None if rate is None else _limiter(rate)
        now_s = asyncio.get_running_loop().time()
        for waiting in self._waiting:
            waiting.reschedule(now_s)


def _limiter(rate: Rate) -> AsyncLimiter:
    from aiolimiter import AsyncLimiter  # noqa: PLC0415 - 8 ms, and most runs have no cap

    burst = max(1, int(rate.per_s * _BURST_S))
    return AsyncLimiter(burst, burst / rate.per_s * STRETCH)
