"""The quota of one token: what may be sent on it, given what was sent and what the server said.

How it works. The server counts requests in windows and answers with three headers:
`inin-ratelimit-count`, `-allowed`, `-reset` (source: the vendor's page on rate limits). A quota is
always in one of four states:

- *unheard*: no answer has come yet. One request goes ahead, joined by one a second.
- *silent*: answers bear no headers. The assumed pace is kept, evenly.
- *open*: the reset of the window is ahead. What is left of it leaves at once, unless others use it
  too, see `FairShare`: the newest count, what is in flight and what ended uncounted are taken off.
- *unopened*: the reset has passed, and no answer of the next window has come. A whole window may
  leave, less what is in flight.

The reset is known as an interval only, read anew in each window: what is sent once it has passed is
certain to fall into the next window; what is sent before, or still on its way, may fall into both
and counts against both. That windows do not slide is a guess until seen, see `SlidingSuspicion`. A
429 starts a cooldown, whatever the state. Pure: the time is an argument, in monotonic seconds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from batchpatch.genesys.rate_limit.fair_share import Count, FairShare
from batchpatch.genesys.rate_limit.pace import EvenPace
from batchpatch.genesys.rate_limit.uncounted import Uncounted
from batchpatch.genesys.rate_limit.window_state import (
    GUARD_S,
    UNKNOWN_ROUNDING,
    Cooldown,
    Headroom,
    Place,
    Rounding,
    SlidingSuspicion,
    WindowReset,
    find_place,
    read_reset,
)

if TYPE_CHECKING:
    from batchpatch.genesys.replies import QuotaHeaders

# A request that we gave up on may lie in the server's queue for a moment yet.
_LINGER_S = 1.0
# One request goes ahead and brings the headers, joined by one a second until it is answered: a
# token that others have used up is refused once, and not as many times as there are workers.
_UNHEARD_S = 1.0
# A reset beyond an hour is more likely a mistake than a window.
_LONGEST_S = 3600


class Quota:
    """A meter of one token: `wait_s` says when one may start, `started` that it did.

    Every permit number from `started` is given back once, to `answered`, `refused` or `lost`.
    """

    def __init__(
        self,
        *,
        rounding: Rounding = UNKNOWN_ROUNDING,
        share: float = 1.0,
        assumed_per_s: float | None = None,
    ) -> None:
        """Begin with nothing known.

        Args:
            rounding: how the server rounds `inin-ratelimit-reset`, where that is known.
            share: above 0 and up to 1, the part of every window that may be used at most.
            assumed_per_s: as for `assume`.
        """
        self._share = share
        self.assume(assumed_per_s)
        self.allowed: int | None = None
        """Requests a window, as the server said last; None until it has."""
        self.reset: WindowReset | None = None
        """The end of the newest window that was heard of; None where nothing is known."""
        self.silent = False
        """Answers bear no headers, so the assumed pace is kept instead."""
        self.windows = 0
        """Windows that an answer was counted in."""
        self.offered = 0
        """What these windows allowed in all."""
        self.length_s = 0.0
        """How long a window lasts, from the longest time left that was seen; 0 before any."""
        self._rounding = rounding
        self._span = WindowReset(0.0, rounding.most_s)
        """The same, least and most."""
        self._started = 0
        self.in_flight: dict[int, float] = {}
        """When each request was sent that has no answer yet, by the number of its permit."""
        self._uncounted = Uncounted()
        self._sliding = SlidingSuspicion()
        self._cooldown = Cooldown()
        self._count = self._own = self._unsure = 0
        self._as_of = (-math.inf, -math.inf)
        """When the request of the newest count was sent, and when its answer came."""
        self._fair_share = FairShare()
        self._counted_s = -math.inf
        """The end of the window that was added to `windows` last."""

    def assume(self, per_s: float | None) -> None:
        """Keep another pace while answers bear no headers; requests a second, None for no limit."""
        self._assumed = None if per_s is None else EvenPace(per_s * self._share)

    def started(self, now_s: float) -> int:
        """Count a request that leaves now; returns the number of its permit."""
        self._started += 1
        self.in_flight[self._started] = now_s
        if self.reset is None and self._assumed is not None:
            self._assumed.started(now_s)
        self._fair_share.started(now_s)
        return self._started

    def answered(self, number: int, headers: QuotaHeaders | None, now_s: float) -> None:
        """Take in an answer that came now; `headers` None where it bore none of them."""
        sent_s = self.in_flight.pop(number)
        if headers is None or headers.allowed < 1 or headers.reset_s > _LONGEST_S:
            self._end_uncounted(now_s)
            self.silent = self.reset is None
            return
        self._cooldown.admitted()
        if headers.reset_s > self.length_s:
            self.length_s = float(headers.reset_s)
            least_s, most_s = self._rounding
            self._span = WindowReset(max(0.0, headers.reset_s + least_s), headers.reset_s + most_s)
        self._place(headers, sent_s, now_s)
        self._sliding.counted(sent_s, now_s, self._span.most_s)

    def refused(
        self, number: int, retry_after_s: float | None, now_s: float, *, jitter: float = 0.0
    ) -> None:
        """Take in a 429 that came now: nothing is sent until the time that it names is over."""
        sent_s = self.in_flight.pop(number)
        ends_s = None if self.reset is None else self.reset.most_s + GUARD_S
        if self.reset is not None and sent_s < self.reset.most_s:
            self._fair_share.suspect()
        self.cool_down(sent_s, retry_after_s, now_s, until_s=ends_s, jitter=jitter)

    def cool_down(
        self,
        sent_s: float,
        retry_after_s: float | None,
        now_s: float,
        *,
        until_s: float | None = None,
        most_s: float = math.inf,
        jitter: float = 0.0,
    ) -> None:
        """Send nothing for that time, or else until then, or else for longer each time."""
        self._cooldown.refused(now_s, retry_after_s, until_s, most_s=most_s, jitter=jitter)
        if self.reset is None:
            self._fair_share.suspect()
        elif sent_s >= self.reset.most_s:
            # A window just begun was full: perhaps it had not begun.
            self._sliding.suspect()

    def headroom(self, now_s: float) -> Headroom | None:
        """What the newest headers leave beside all that is in flight; None where they are over."""
        if self.reset is None or now_s >= self.reset.most_s:
            return None
        spare = (self.allowed or 0) - self._count - self._unsure - len(self.in_flight)
        return Headroom(spare, now_s - self._as_of[1], self.reset.most_s - now_s)

    def lost(self, number: int, now_s: float, *, left: bool = True) -> None:
        """Give up on a request; `left` is False where no byte of it was sent."""
        self.in_flight.pop(number)
        if left:
            self._end_uncounted(now_s + _LINGER_S)

    @property
    def most(self) -> int:
        """What we may use of a window; 0 before the server has said anything."""
        return self._most(self.allowed) if self.allowed else 0

    def left(self, now_s: float) -> int:
        """Requests that the present window still takes from us."""
        if self.allowed is None or self.reset is None or now_s >= self.reset.most_s:
            return self.most
        out = len(self.in_flight) + len(self._uncounted)
        return max(0, min(self.allowed - self._count, self.most - self._own) - out)

    def wait_s(self, now_s: float) -> float:
        """Seconds until one more request may leave, 0 for now; any answer may make it sooner."""
        if now_s < self._cooldown.until_s:
            return self._cooldown.until_s - now_s
        if (reset := self.reset) is None:
            return self._wait_unheard_s(now_s)
        if now_s < reset.most_s + GUARD_S:
            return min(self._wait_open_s(reset, now_s), reset.most_s + GUARD_S - now_s)
        return self._wait_unopened_s(reset, now_s)

    def _wait_unheard_s(self, now_s: float) -> float:
        if self.silent:
            return 0.0 if self._assumed is None else self._assumed.wait_s(now_s)
        if not self.in_flight:
            return 0.0
        oldest_s = next(iter(self.in_flight.values()))
        return max(0.0, oldest_s + len(self.in_flight) * _UNHEARD_S - now_s)

    def _wait_open_s(self, reset: WindowReset, now_s: float) -> float:
        """As `wait_s`, in the window that was heard of; infinite where it takes no more."""
        allowed = self.allowed or 0
        out = len(self.in_flight) + len(self._uncounted)
        left = allowed - self._count - self._unsure - out
        if left <= 0 or self._own + out >= self._most(allowed):
            return math.inf
        # Others may have spent since it was counted, and until one more is.
        sent_s, received_s = self._as_of
        unseen_s, rest_s = now_s - sent_s + received_s - sent_s, reset.most_s - now_s
        return self._fair_share.wait_s(now_s, left=left, unseen_s=unseen_s, rest_s=rest_s, out=out)

    def _wait_unopened_s(self, reset: WindowReset, now_s: float) -> float:
        """As `wait_s`, in a window that certainly has begun and was not heard of yet."""
        self._uncounted.drop(reset.least_s)
        forget_s = self._uncounted.latest_s(reset.most_s) + self._span.most_s
        if now_s >= forget_s:
            self._forget()
            return self._wait_unheard_s(now_s)
        most = self._most(self.allowed or 0)
        out = len(self.in_flight) + len(self._uncounted)
        if out >= most:
            return forget_s - now_s
        left, gone_s = most - out, now_s - reset.least_s
        rest_s = self._span.least_s - gone_s
        wait_s = self._fair_share.wait_s(now_s, left=left, unseen_s=gone_s, rest_s=rest_s, out=out)
        wait_s = max(wait_s, self._sliding.wait_s(now_s, self._span.most_s, most=most, out=out))
        return min(forget_s - now_s, wait_s)

    def _most(self, allowed: int) -> int:
        """What we may use of a window."""
        return max(1, int(allowed * self._share + 1e-9))

    def _place(self, headers: QuotaHeaders, sent_s: float, now_s: float) -> None:
        """Find out which window an answer was counted in, and take its count in."""
        known, found = self.reset, read_reset(sent_s, now_s, headers.reset_s, self._rounding)
        place = known and find_place(found, known, sent_s, self._span.least_s)
        # What was sent after the newest count had come is newer, whatever the times suggest: the
        # clock of a machine that slept may have stood still.
        newer = sent_s > self._as_of[1]
        anew = place is Place.EARLIER or headers.count <= self._count
        if known is None or place is Place.LATER or (newer and anew):
            self._open(headers, found, sent_s, now_s)
        elif place is Place.SAME:
            self.reset = known.narrowed(found)
            self._continue(headers, sent_s, now_s, newer=newer)
        elif newer:
            self._open(headers, found, sent_s, now_s, own=self._own + 1)
        elif place is Place.EITHER:
            self._end_uncounted(now_s)
        # An earlier window's answer takes nothing of this one.

    def _open(
        self, headers: QuotaHeaders, reset: WindowReset, sent_s: float, now_s: float, own: int = 1
    ) -> None:
        """Begin with a window, or anew with what its answer says."""
        # Where a window ends before its reset, a clock stood still, and nothing is known.
        is_first = self.reset is None or now_s < self.reset.least_s
        self._unsure = self._sliding.opened(headers.count, sent_s, now_s, self._span)
        if reset.most_s - self._counted_s > self._span.least_s / 2:
            self.windows += 1
            self.offered += headers.allowed
            self._counted_s = reset.most_s
        self.reset, self.silent, self.allowed = reset, False, headers.allowed
        self._count, self._own, self._as_of = headers.count, own, (sent_s, now_s)
        self._own += self._uncounted.drop(sent_s)
        self._fair_share.opened(
            self._counted(headers), sent_s, now_s, window_s=self._span.most_s, is_first=is_first
        )

    def _continue(self, headers: QuotaHeaders, sent_s: float, now_s: float, *, newer: bool) -> None:
        """Take in one more answer of the window that is known."""
        self._own += 1
        self._own += self._uncounted.drop(sent_s)
        if not newer and headers.count <= self._count:
            return
        self.offered += headers.allowed - (self.allowed or 0)
        self.allowed, self._count = headers.allowed, headers.count
        self._as_of = (sent_s, now_s)
        self._unsure *= not newer
        self._fair_share.counted(self._counted(headers), now_s, is_first=self.windows == 1)

    def _counted(self, headers: QuotaHeaders) -> Count:
        # A window that slides may have counted what we sent in the one before.
        own = max(self._own, self._sliding.most_counted)
        theirs = headers.count - own - len(self.in_flight) - len(self._uncounted)
        left, gone_s = headers.allowed - headers.count, self._span.most_s - headers.reset_s
        return Count(theirs, left, gone_s)

    def _end_uncounted(self, ended_s: float) -> None:
        if self.reset is not None:
            self._uncounted.add(ended_s)

    def _forget(self) -> None:
        self.reset = None
        self._uncounted.clear()
        self._sliding.clear()
        self._fair_share = FairShare()
