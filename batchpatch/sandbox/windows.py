"""The platform's rate limit: fixed windows, counted per token. Pure; the time is an argument."""

from __future__ import annotations

import math
from typing import NamedTuple


class Admission(NamedTuple):
    """The limiter's answer to one request."""

    admitted: bool
    used: int
    """Requests admitted in this window, this one included."""
    allowed: int
    """Requests that a window admits."""
    left_s: float
    """Seconds until the next window."""


class FixedWindows:
    """Windows of one length that follow each other, the first beginning with the first request.

    That they begin there is a guess about the platform, so it is the business of this class alone.
    """

    def __init__(self, *, allowed: int, window_s: float) -> None:
        self._allowed = allowed
        self._window_s = window_s
        self._first_s: float | None = None
        self._window = 0
        self._count = 0

    def admit(self, now_s: float) -> Admission:
        """Count one request at `now_s`, which must not go back."""
        if self._first_s is None:
            self._first_s = now_s
        window = math.floor((now_s - self._first_s) / self._window_s)
        if window != self._window:
            self._window, self._count = window, 0
        left_s = self._first_s + (window + 1) * self._window_s - now_s
        if self._count >= self._allowed:
            return Admission(False, self._count, self._allowed, left_s)
        self._count += 1
        return Admission(True, self._count, self._allowed, left_s)


def whole_seconds(left_s: float) -> int:
    """Round to the nearest second: documents show whole seconds and not how they are rounded."""
    return math.floor(left_s + 0.5)
