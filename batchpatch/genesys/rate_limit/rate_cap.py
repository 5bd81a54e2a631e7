"""The rate cap that the user has named: one turn per attempt, for the whole process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiolimiter import AsyncLimiter

if TYPE_CHECKING:
    from batchpatch.options.send import Rate

# AsyncLimiter(300, 60) lets 300 go at once and 300 more during the first minute. So the bucket is
# 20 ms deep, and its period 1 % longer than the rate asks for: what latency pushes from one
# minute into the next then still fits.
_BURST_S = 0.02
_STRETCH = 1.01


class RateCap:
    """Hands out turns at a steady rate. Belongs to one event loop.

    Every attempt draws one before its permit, so a token is never chosen for a request that may
    not leave yet.
    """

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        burst = max(1, int(rate.per_s * _BURST_S))
        self._limiter = AsyncLimiter(burst, burst / rate.per_s * _STRETCH)
        self._queued = 0

    @property
    def waiting_for(self) -> str | None:
        """What turns are waited for, in words for the progress line; None when nobody waits."""
        return f"its turn at {self.rate}" if self._queued else None

    async def turn(self) -> None:
        """Return when one request may leave. A turn need not be given back."""
        self._queued += 1
        try:
            await self._limiter.acquire()
        finally:
            self._queued -= 1
