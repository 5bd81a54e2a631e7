"""Fair sharing of one rate-limit window between clients that do not know each other.

How it works. Clients that share a token know nothing of each other, but all read the same count. So
each sends at a rate proportional to what the window has left. The rates are equal, and so are the
shares, however many clients there are; what is left decays exponentially, so nobody runs into the
end; and who comes a second late finds most of it still there. As a count is old by the time that a
request is counted itself, what all have likely spent meanwhile is taken off first.

Nobody is slowed down while alone. The pace begins where a count has grown twice by requests that
are not ours, or where a request was refused that ours left room for; it ends where a count has not
grown so for a while. Two more customs let others be seen at all: what a window had counted before
our first request makes us ask with few at once; and a client that fills one window after the other
leaves a few requests for a moment to whoever was refused meanwhile. Pure.
"""

from __future__ import annotations

import math
from typing import NamedTuple

# e**-6 of a window of 300 is less than one request: a client that is alone uses all of it.
_TIMES_A_WINDOW = 6.0
_CALM_PART = 1 / 6
"""Of a window: the others are gone if no count has grown by theirs for so long."""
_GROWTHS = 2
"""A count that has grown by theirs once may be the last of them."""
_SUSPECTED_S = 1.0
_ASKING_PART = 1 / 20
"""Of a window: a count that old is no news, so one request goes and asks."""
_SPARED = 2
"""What each of all clients may need when they ask together; so much is left unused, at most."""
_LAST_PART = 1 / 30
"""Of a window: what is left at its end is lost to all, so it is spent."""
# A timer may fire early, and the wait grows while it runs.
_LEAST_WAIT_S = 0.001


class Count(NamedTuple):
    """What an answer says of a window."""

    theirs: int
    """Requests of others in it, at least; 0 or less where there may be none."""
    left: int
    """Requests that it still takes."""
    gone_s: float
    """How much of it is over, at most."""


class Decay:
    """The rate at which all clients together spend what is left, a second and request left."""

    def __init__(self) -> None:
        self._spent = self._left_s = 0.0
        """Requests, and what was left times the seconds that it was left for."""
        self._left, self._at_s = 0, 0.0

    @property
    def per_s(self) -> float:
        """The mean of this window and those before it, which count for less and less."""
        return self._spent / self._left_s if self._left_s > 0 else 0.0

    def begin(self, per_s: float) -> None:
        """Begin anew with a guess, which the first few requests will outweigh."""
        self._spent, self._left_s = 4.0, 4.0 / per_s

    def turn(self, left: int, now_s: float) -> None:
        """Another window has begun."""
        self._spent, self._left_s = self._spent / 2, self._left_s / 2
        self._left, self._at_s = left, now_s

    def counted(self, left: int, now_s: float) -> None:
        """Take in what is left now."""
        self._spent += max(0, self._left - left)
        self._left_s += (self._left + left) / 2 * (now_s - self._at_s)
        self._left, self._at_s = left, now_s


class Reserve:
    """The reserve for newcomers: a few requests of each window, while a client is alone.

    A newcomer that was refused waits for Retry-After, rounded, and a second: until then, a client
    that is faster would have used up every window before it, and never learn that it is there.
    """

    _PART = 0.01
    _KEPT_S = 1.25
    # Whoever was refused in the first may come in the second; both are spent at once.
    _WINDOWS = 2

    def __init__(self) -> None:
        self._filled = self._size = 0
        """Windows in a row that we have filled alone; the few requests of a window."""
        self._until_s = -math.inf

    def turn(self, left: int, now_s: float, *, ended_with: int, alone: bool) -> None:
        """A window has begun that takes so many; the one before was ours alone, or not."""
        filled = alone and ended_with <= self._size
        self._filled = self._filled + 1 if filled else 0
        self._size = max(1, int(left * self._PART))
        self._until_s = now_s + self._KEPT_S

    def wait_s(self, left: int, now_s: float) -> float:
        """Seconds until we may have one of those `left`; 0 for now."""
        is_kept = self._filled >= self._WINDOWS and left <= self._size
        return max(0.0, self._until_s - now_s) if is_kept else 0.0


class SlowStart:
    """Slow start: a few requests at once, until those of others would have shown.

    It is as long as three answers take, and longer where answers are fast: a busy machine has not
    let the others send by then.
    """

    _ROUNDS = 3
    _MOST_ROUNDS = 20
    _LEAST_S = 0.1
    _AT_ONCE = 4

    def __init__(self) -> None:
        self._until_s = -math.inf

    def begin(self, sent_s: float, now_s: float) -> None:
        """Begin with the first answer."""
        round_s = now_s - sent_s
        least_s = min(self._LEAST_S, self._MOST_ROUNDS * round_s)
        self._until_s = now_s + max(self._ROUNDS * round_s, least_s)

    def wait_s(self, out: int, now_s: float) -> float:
        """Seconds until one more may leave beside those that are `out`; 0 for now."""
        return max(0.0, self._until_s - now_s) if out >= self._AT_ONCE else 0.0


class FairShare:
    """The fair share of a window: `wait_s` says when one may start, `started` that it did.

    An answer of a window that is known goes to `counted`, the first one of a window to `opened`.
    """

    # Four clients, and twenty.
    _FIRST_TIMES = 4.0
    _MOST_TIMES = 20.0

    def __init__(self) -> None:
        """Begin alone, as far as is known."""
        self._window_s = 60.0
        self._mean_per_s = (0.0, 0.0)
        """What they spend, on average, in the last window and in this one."""
        self._grown = (0, 0)
        """How often a count has grown by theirs, in the last window and in this one."""
        self._before = 0
        """Theirs of the first count of all: they may be gone."""
        self._theirs = 0
        """In this window, beside those."""
        self._left = 0
        self._is_shared = False
        self._seen_s = self._suspected_until_s = self._started_s = -math.inf
        """When a count had grown by theirs; until when we are careful; when ours left last."""
        self._decay, self._reserve, self._slow_start = Decay(), Reserve(), SlowStart()

    @property
    def _pace(self) -> float:
        """Requests a second, of each client and request left."""
        return _TIMES_A_WINDOW / self._window_s

    @property
    def _times(self) -> float:
        """How many clients spend at our pace together, about."""
        return min(self._MOST_TIMES, self._decay.per_s / self._pace)

    def opened(
        self, count: Count, sent_s: float, now_s: float, *, window_s: float, is_first: bool
    ) -> None:
        """Take in the first answer of a window.

        Args:
            count: what it says.
            sent_s: when its request was sent.
            now_s: when it came.
            window_s: the window's length.
            is_first: nothing is known of the window before it.
        """
        alone = not is_first and not self._theirs
        self._reserve.turn(count.left, now_s, ended_with=self._left, alone=alone)
        if self._before and not is_first:
            self._suspected_until_s = now_s + _SUSPECTED_S
        self._before = max(0, count.theirs) if is_first else 0
        if self._before:
            self._slow_start.begin(sent_s, now_s)
        self._window_s, self._theirs, self._seen_s = window_s, 0, now_s
        self._mean_per_s = (self._mean_per_s[1], 0.0)
        self._grown = (self._grown[1], 0)
        self._decay.turn(count.left, now_s)
        if self._grown[0]:
            self._share()
        self._take_in(count, now_s)

    def counted(self, count: Count, now_s: float, *, is_first: bool) -> None:
        """Take in one more answer; in the first window nobody knows when it began."""
        per_s = 0.0 if is_first else max(0, count.theirs) / max(1.0, count.gone_s)
        self._mean_per_s = (self._mean_per_s[0], per_s)
        self._decay.counted(count.left, now_s)
        self._take_in(count, now_s)

    def suspect(self) -> None:
        """Take in that one was refused for which there was room, had nobody else been there."""
        self._grown = (self._grown[0], _GROWTHS)
        self._share()

    def started(self, now_s: float) -> None:
        """Count one of ours that leaves now."""
        self._started_s = now_s

    def wait_s(self, now_s: float, *, left: int, unseen_s: float, rest_s: float, out: int) -> float:
        """Seconds until one more may leave, 0 for now; infinite where none may in this window.

        Args:
            now_s: on a monotonic clock.
            left: requests that the window takes by the newest count, ours that are out taken off.
            unseen_s: for how long others may have sent since, without our knowing.
            rest_s: until the window is over, at most.
            out: ours that are on their way, or were lost on it.
        """
        likely = left - int(max(self._mean_per_s) * unseen_s)
        if not self._is_shared and now_s >= self._suspected_until_s:
            # With nothing on its way, one request goes and asks.
            alone_s = max(self._slow_start.wait_s(out, now_s), self._reserve.wait_s(left, now_s))
            return alone_s if likely > 0 or not out else math.inf
        asks = not out and left > _SPARED * self._times
        if rest_s <= self._window_s * _LAST_PART:
            return 0.0 if likely > 0 or asks else math.inf
        decayed = left * math.exp(-self._times * self._pace * unseen_s)
        if (likely_left := min(likely, decayed)) >= 1:
            wait_s = self._started_s + 1 / (self._pace * likely_left) - now_s
        else:
            wait_s = self._window_s * _ASKING_PART - unseen_s if asks else math.inf
        return max(wait_s, _LEAST_WAIT_S) if wait_s > 0 else 0.0

    def _take_in(self, count: Count, now_s: float) -> None:
        self._left, theirs = count.left, count.theirs - self._before
        if theirs > self._theirs:
            self._theirs, self._seen_s = theirs, now_s
            self._grown = (self._grown[0], self._grown[1] + 1)
            if self._before or sum(self._grown) >= _GROWTHS:
                self._share()
        elif now_s - self._seen_s >= self._window_s * _CALM_PART:
            self._is_shared = False

    def _share(self) -> None:
        if not self._is_shared:
            self._is_shared = True
            self._decay.begin(self._FIRST_TIMES * self._pace)
