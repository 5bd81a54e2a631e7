"""When the next request may leave.

One permit per attempt. Below it lies `aiolimiter`, above it a hold: a 429 stops everything that
uses the token. What the server's own window still admits is a question for a room of its own
(it would sit where `follow` hands over the headers); the pacer keeps to a steady rate.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from aiolimiter import AsyncLimiter

from batchpatch.genesys.rate import DEFAULT_RATE, Rate

if TYPE_CHECKING:
    from batchpatch.genesys.replies import QuotaHeaders

# The server counts in fixed windows of about a minute and sees our requests a network's jitter
# apart from where we put them. AsyncLimiter(300, 60) lets 300 go at once and 300 more during the
# first minute, which is refused. So the bucket is 20 ms deep, and its period 1 % longer than the
# rate asks for: what latency pushes from one window into the next then still fits.
_BURST_S = 0.02
_STRETCH = 1.01
_WINDOW_S = 60.0


class Pacer:
    """Hands out permits at a rate, and none while held. Belongs to one event loop."""

    def __init__(self, rate: Rate | None = DEFAULT_RATE, *, follow_server: bool = True) -> None:
        """Begin at `rate`, or with no limit at all where it is None.

        `follow_server` takes the rate from `inin-ratelimit-allowed` once answers bear it; it is
        False where the user has named a rate, or none, on purpose.
        """
        self._follow_server = follow_server
        self._held_until_s = 0.0
        self._held = False
        self._queued = 0
        self._set(rate)

    @property
    def rate(self) -> Rate | None:
        """The rate kept at present."""
        return self._rate

    @property
    def free(self) -> bool:
        """No limit and no hold: a permit would come at once."""
        return self._limiter is None and not self._held

    @property
    def waiting_for(self) -> str | None:
        """What permits are waiting for, in words for the progress line; None when for nothing."""
        left_s = self._left_s()
        if left_s > 0:
            return f"the platform's rate limit, {math.ceil(left_s)} s more"
        return f"its turn at {self._rate}" if self._queued else None

    async def permit(self) -> None:
        """Return when one request may leave. A permit need not be given back."""
        while self._held or self._limiter is not None:
            limiter = self._limiter
            if self._held:
                await self._until_released()
            elif limiter is not None:
                await self._take(limiter)
                # While it waited, a refusal may have come or the rate may have changed. A permit
                # kept through a hold would join all the others at its end, so it is dropped.
                if not self._held and limiter is self._limiter:
                    return

    def hold(self, wait_s: float) -> None:
        """Give no permit for so many seconds. Never shortens a hold that is longer."""
        until_s = asyncio.get_running_loop().time() + wait_s
        self._held_until_s = max(self._held_until_s, until_s)
        self._held = True

    def follow(self, quota: QuotaHeaders) -> None:
        """Take the limit from the server, unless the user has named one.

        `inin-ratelimit-allowed` is per window, and a window is about a minute.
        """
        if self._follow_server and quota.allowed > 0 and quota.allowed != self._allowed:
            self._set(Rate(quota.allowed / _WINDOW_S))

    def _set(self, rate: Rate | None) -> None:
        self._rate = rate
        self._allowed = None if rate is None else round(rate.per_s * _WINDOW_S, 6)
        self._limiter = None
        if rate is not None:
            burst = max(1, int(rate.per_s * _BURST_S))
            self._limiter = AsyncLimiter(burst, burst / rate.per_s * _STRETCH)

    async def _take(self, limiter: AsyncLimiter) -> None:
        self._queued += 1
        try:
            await limiter.acquire()
        finally:
            self._queued -= 1

    async def _until_released(self) -> None:
        # One sleep: the caller looks again, because the hold may have grown meanwhile.
        left_s = self._left_s()
        if left_s > 0:
            await asyncio.sleep(left_s)
        else:
            self._held = False

    def _left_s(self) -> float:
        if not self._held:
            return 0.0
        return self._held_until_s - asyncio.get_running_loop().time()
