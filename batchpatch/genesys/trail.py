"""Requests of the last minute, for a limit that might slide along instead of having windows.

Pure. Times are seconds on the client's monotonic clock.
"""

from __future__ import annotations

from collections import deque

# Two clocks drift by some 50 ppm, and a timer may fire early.
GUARD_S = 0.02


class Trail:
    """When requests that were counted by the server were sent and answered.

    It holds no more than one window admits, because what is older is dropped on the way.
    """

    def __init__(self) -> None:
        self._times: deque[tuple[float, float]] = deque()

    def __len__(self) -> int:
        """Requests not dropped yet."""
        return len(self._times)

    def add(self, sent_s: float, answered_s: float) -> None:
        """Remember an answer; they come in the order of `answered_s`."""
        self._times.append((sent_s, answered_s))

    def drop(self, now_s: float, window_s: float) -> None:
        """Drop what a sliding window of that length counts no more, whenever it was counted."""
        while self._times and self.first_gone_s(window_s) <= now_s:
            self._times.popleft()

    def first_gone_s(self, window_s: float) -> float:
        """When the oldest is to be dropped; there must be one."""
        return self._times[0][1] + window_s + GUARD_S

    def surely_before(self, sent_s: float, answered_s: float, window_s: float) -> int:
        """How many a sliding window must count with a request that was sent and answered then."""
        since_s = answered_s - window_s
        return sum(sent > since_s and answered < sent_s for sent, answered in self._times)

    def maybe_after(self, sent_s: float) -> int:
        """How many may have reached the server later than a request that was sent then."""
        return sum(answered_s >= sent_s for _, answered_s in self._times)

    def clear(self) -> None:
        """Forget all."""
        self._times.clear()
