"""The state of a rate-limit window: its reset, the sliding log, the cooldown. Pure."""

from __future__ import annotations

import math
from collections import deque
from enum import Enum
from typing import NamedTuple

from batchpatch.genesys.retry import backoff_s


class Rounding(NamedTuple):
    """How the server rounds the time left to whole seconds: the least and most it leaves out."""

    least_s: float
    most_s: float


UNKNOWN_ROUNDING = Rounding(-1.0, 1.0)
"""The vendor documents whole seconds, and not how they are rounded."""


class WindowReset(NamedTuple):
    """The instant at which a window ends: it lies from `least_s` to `most_s`, both included."""

    least_s: float
    most_s: float

    @property
    def width_s(self) -> float:
        """How much is not known."""
        return self.most_s - self.least_s

    def narrowed(self, other: WindowReset) -> WindowReset:
        """The reset that both are about; they must overlap."""
        return WindowReset(max(self.least_s, other.least_s), min(self.most_s, other.most_s))


def read_reset(sent_s: float, received_s: float, reset_s: int, rounding: Rounding) -> WindowReset:
    """Return what one answer says about the end of the window that it was counted in.

    The server stamped it at some instant between sending and receiving, `reset_s` before the end
    give or take the rounding.
    """
    least_s, most_s = rounding
    return WindowReset(sent_s + reset_s + least_s, received_s + reset_s + most_s)


class Place(Enum):
    """Where one window lies that an answer tells of, seen from another."""

    EARLIER = -1
    SAME = 0
    LATER = 1
    EITHER = None
    """The same, or one next to it."""


def find_place(found: WindowReset, known: WindowReset, sent_s: float, window_s: float) -> Place:
    """Return whether an answer's reset is the known one.

    Args:
        found: what the answer says.
        known: what is known already.
        sent_s: when its request was sent; after the known reset, it can only be a later one.
        window_s: the least that a window lasts, and so the least between two resets.
    """
    if found.least_s > known.most_s or sent_s >= known.most_s:
        return Place.LATER
    if found.most_s < known.least_s:
        return Place.EARLIER
    return Place.SAME if found.width_s + known.width_s < window_s else Place.EITHER


class Headroom(NamedTuple):
    """What a window has left."""

    spare: int
    """Requests beside those in flight; below 0 where these are too many already."""
    age_s: float
    """Of what is known."""
    resets_in_s: float


# Retry-After is rounded; the vendor's sample waits a second longer, and so do we.
MARGIN_S = 1.0
BASE_S = 1.0
CAP_S = 60.0


class Cooldown:
    """A pause after refusals: nothing is sent before `until_s`."""

    def __init__(self) -> None:
        self.until_s = -math.inf
        self._refusals = 0

    def admitted(self) -> None:
        """A request was admitted: what comes next is the first refusal again."""
        self._refusals = 0

    def refused(
        self,
        now_s: float,
        retry_after_s: float | None,
        reset_s: float | None,
        *,
        margin_s: float | None = None,
        most_s: float = math.inf,
        jitter: float = 0.0,
    ) -> None:
        """Pause for as long as a 429 asks for; where nothing says how long, for longer each time.

        Args:
            now_s: when it came.
            retry_after_s: what it names; None where it names nothing.
            reset_s: when the window is over in any case; None where that is not known.
            margin_s: how much later than named; None is a second.
            most_s: of a pause that nobody has named, at most.
            jitter: random in [0, 1); takes up to a quarter off a pause that nobody has named.
        """
        # Those in flight together are refused together, and count as one.
        self._refusals += now_s >= self.until_s
        if retry_after_s is not None:
            until_s = now_s + retry_after_s + (MARGIN_S if margin_s is None else margin_s)
        elif reset_s is not None and now_s < reset_s:
            until_s = reset_s
        else:
            longest_s = backoff_s(self._refusals - 1, base_s=BASE_S, cap_s=CAP_S)
            until_s = now_s + min(most_s, longest_s * (1 - jitter / 4))
        self.until_s = max(self.until_s, until_s)


# Two clocks drift by some 50 ppm, and a timer may fire early.
GUARD_S = 0.02


class SlidingLog:
    """Sliding log: when requests that were counted by the server were sent and answered.

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


class SlidingSuspicion:
    """Whether the windows slide after all: suspected until a count speaks against it.

    So the first time that a window seems over, only what a sliding one would admit too is sent.
    """

    def __init__(self) -> None:
        self._log = SlidingLog()
        self._may_slide = True
        """No count has shown yet that the windows are fixed."""
        self._asks = True
        """One request may go and find out."""

    @property
    def most_counted(self) -> int:
        """Answers that a count may include if the windows slide; 0 where none is suspected."""
        return len(self._log) if self._may_slide else 0

    def counted(self, sent_s: float, answered_s: float, window_s: float) -> None:
        """Remember an answer."""
        self._log.add(sent_s, answered_s)
        self._log.drop(answered_s, window_s)

    def opened(self, count: int, sent_s: float, answered_s: float, span: WindowReset) -> int:
        """Judge the first count of a window, given the window's length.

        Returns:
            If it slides, how many may have been counted after it.
        """
        self._log.drop(answered_s, span.most_s)
        if self._may_slide:
            self._may_slide = count > self._log.surely_before(sent_s, answered_s, span.least_s)
            self._asks |= not self._may_slide
        return self._log.maybe_after(sent_s) if self._may_slide else 0

    def suspect(self) -> None:
        """A window just begun was full: perhaps it had not begun."""
        self._may_slide, self._asks = True, False

    def wait_s(self, now_s: float, window_s: float, *, most: int, out: int) -> float:
        """Seconds until a sliding window takes one more; 0 where none is suspected.

        Args:
            now_s: on a monotonic clock.
            window_s: its length.
            most: that it takes.
            out: in flight, or ended without a count.
        """
        if not self._may_slide:
            return 0.0
        self._log.drop(now_s, window_s)
        if len(self._log) + out < most or (self._asks and not out):
            return 0.0
        return self._log.first_gone_s(window_s) - now_s

    def clear(self) -> None:
        """Forget what was sent."""
        self._log.clear()
