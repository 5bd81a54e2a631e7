"""Admission control: few patches wait for a permit at a time, whoever has more in store waits.

A patch that waits for a permit is out of the window: it merges with nothing any more, nothing more
urgent overtakes it, and nobody notices that it is of no use by now. So only as many go and wait as
the next answers can let through at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_WAITING = 8


class Admission:
    """Holds patches back while enough others wait for a permit. Belongs to one event loop."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._waiting = 0
        self._held: deque[asyncio.Future[None]] = deque()
        self._closed = False

    @property
    def crowded(self) -> bool:
        """Enough wait: see `room`."""
        return self._waiting >= self._most and not self._closed

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around the wait of one patch for its permit."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            self._let_in()

    async def room(self) -> None:
        """Return once there is room, and let the next one look as well."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            with suppress(ValueError):
                self._held.remove(turn)
            if turn.done() and not turn.cancelled():
                self._let_in()  # the room was ours, and is the next one's
            raise
        self._let_in()

    def close(self) -> None:
        """Hold nobody back any more."""
        self._closed = True
        self._let_in()

    def _let_in(self) -> None:
        """One at a time: whoever finds no room any more waits again, and wakes nobody."""
        while self._held and not self.crowded:
            turn = self._held.popleft()
            if not turn.done():
                turn.set_result(None)
                return
