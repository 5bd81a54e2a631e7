"""Even spacing of requests: a generic cell rate algorithm. Pure: the time is an argument."""

from __future__ import annotations

import math

# What latency pushes from one window of the server's into the next still fits at a pace 1 % slower.
_STRETCH = 1.01


class EvenPace:
    """A meter: `wait_s` says when one may start, `started` that it did."""

    def __init__(self, per_s: float, *, burst_s: float) -> None:
        """Begin with a turn that is due.

        Args:
            per_s: requests a second, above 0.
            burst_s: what of this time's requests may leave at once; at least one may.
        """
        self._interval_s = _STRETCH / per_s
        self._ahead_s = (max(1, int(per_s * burst_s)) - 1) * self._interval_s
        self._due_s = -math.inf
        """When the next would leave if all came evenly."""

    def wait_s(self, now_s: float) -> float:
        """Seconds until one more may start; 0 for now."""
        return max(0.0, self._due_s - self._ahead_s - now_s)

    def started(self, now_s: float) -> None:
        """Count one that leaves now."""
        self._due_s = max(self._due_s, now_s) + self._interval_s
