"""Paces: even spacing (a generic cell rate algorithm), and how long requests take. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.options.bounds import MOST_TOKENS
from batchpatch.options.run import Rate

if TYPE_CHECKING:
    from batchpatch.options.run import PaceOptions

# What latency pushes from one window of the server's into the next still fits at a pace 1 % slower.
STRETCH = 1.01


class EvenPace:
    """A meter: `wait_s` says when one may start, `started` that it did."""

    def __init__(self, per_s: float) -> None:
        """Begin with a turn that is due; `per_s` is requests a second, above 0."""
        self._interval_s = STRETCH / per_s
        self._due_s = -math.inf
        """When the next would leave if all came evenly."""

    def wait_s(self, now_s: float) -> float:
        """Seconds until one more may start; 0 for now."""
        return max(0.0, self._due_s - now_s)

    def started(self, now_s: float) -> None:
        """Count one that leaves now."""
        self._due_s = max(self._due_s, now_s) + self._interval_s


_WINDOW_S = 60.0

# What is left of a window leaves at once, as fast as answers come: 32 in flight at 0.6 s each,
# which is slow on purpose.
BURST_PER_S = 50.0

_USUAL_TOKENS = 10


class Allowance(NamedTuple):
    """So many requests in each window of each token, and perhaps a cap besides."""

    per_window: int | None
    """Of one token; None where only the cap counts."""
    window_s: float = _WINDOW_S
    tokens: int = 1
    left: int | None = None
    """Of the windows under way, all tokens together; None where they have not begun."""
    ends_in_s: float = _WINDOW_S
    """Seconds until these windows end."""
    cap: Rate | None = None
    """For the whole process, as the user has named it."""

    @property
    def rate(self) -> Rate | None:
        """Of one token, on average; None where only the cap counts."""
        return None if self.per_window is None else Rate(self.per_window / self.window_s)

    @property
    def per_min(self) -> float | None:
        """Requests a minute of all tokens together; None where nothing bounds them."""
        bounds = [] if self.rate is None else [self.rate.per_s * self.tokens]
        bounds += [] if self.cap is None else [self.cap.per_s]
        return 60 * min(bounds) if bounds else None

    def duration_s(self, requests: int, *, burst_per_s: float = BURST_PER_S) -> float:
        """Seconds that so many requests take: full windows, and the last burst.

        `burst_per_s` is how fast they leave where nothing holds them back.
        """
        capped_s = requests / self.cap.per_s if self.cap is not None else 0.0
        return max(capped_s, self._windows_s(requests, burst_per_s))

    def with_tokens(self, tokens: int) -> Allowance:
        """The same with so many tokens, from the start."""
        return self._replace(tokens=tokens, left=None, ends_in_s=self.window_s)

    @property
    def more_tokens(self) -> int | None:
        """A number of tokens worth suggesting; None where none is, as below a cap."""
        if self.cap is not None or self.per_window is None or self.tokens >= MOST_TOKENS:
            return None
        return _USUAL_TOKENS if self.tokens < _USUAL_TOKENS else MOST_TOKENS

    def _windows_s(self, requests: int, burst_per_s: float) -> float:
        if self.per_window is None:
            return 0.0
        at_once = self.per_window * self.tokens
        more = requests - (at_once if self.left is None else self.left)
        if more <= 0:
            return self._burst_s(requests, burst_per_s)
        full, last = divmod(more - 1, at_once)
        return self.ends_in_s + full * self.window_s + self._burst_s(last + 1, burst_per_s)

    def _burst_s(self, requests: int, burst_per_s: float) -> float:
        """What fits into a window is taken to fit into its time, too."""
        return min(self.window_s, requests / burst_per_s)


def assumed_allowance(pace: PaceOptions) -> Allowance | None:
    """What holds before the platform has said anything; None where nothing does."""
    if pace.assumed is None:
        return None if pace.rate is None else Allowance(None, cap=pace.rate)
    per_window = max(1, int(pace.assumed.per_s * _WINDOW_S * pace.share + 1e-9))
    return Allowance(per_window, tokens=pace.tokens, cap=pace.rate)
