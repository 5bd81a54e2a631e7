"""How a run is told to stop, from a signal, a threshold or a failure."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchpatch.recording.summary import Stop


class Stopper:
    """Asked once, a run settles what is in flight; asked again, it leaves at once.

    Belongs to one event loop. The first reason given stands.
    """

    def __init__(self, *, grace_s: float = 10.0) -> None:
        self.grace_s = grace_s
        """Seconds that what is in flight may take."""
        self.stop: Stop | None = None
        self._asked = asyncio.Event()
        self._urged = asyncio.Event()

    def request(self, stop: Stop) -> None:
        """Stop reading and handing out; the second call stops everything."""
        if self.stop is None:
            self.stop = stop
            self._asked.set()
        else:
            self._urged.set()

    async def asked(self) -> None:
        """Returns when a stop has been requested."""
        await self._asked.wait()

    async def grace_is_over(self) -> None:
        """Returns after the grace, or as soon as a stop was requested again."""
        try:
            async with asyncio.timeout(self.grace_s):
                await self._urged.wait()
        except TimeoutError:
            pass
