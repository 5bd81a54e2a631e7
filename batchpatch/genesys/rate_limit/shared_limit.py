"""Limits beside the token's: whose limit a 429 tells of, and the pace kept under one of all tokens.

Pure. How attribution works. The refusal itself may say whose limit it is: by the key of the limit,
or by headers that show the token's window full or not. Else the newest headers of the token tell,
where they are fresh. Whether a limit is of all requests or of one resource alone is told by the
requests that were in flight with it: nothing leaves until they are answered, which takes a moment.
Is another of them refused, it is a limit of all; are those that left later admitted, the one
resource is refused. And a request that is refused again, while others passed, is refused alone.

How the pace works. Nobody says how much such a limit admits, or when its window ends; what is known
is what it has admitted. So a refusal starts a cooldown for all, and after it requests leave evenly,
at the pace that was admitted since the last one (its cooldown included: that is what a window
admits, spread over the window) less a little: the multiplicative decrease. From there the pace
grows with time, slowly at first, because the limit is near, and then faster, because it may be
gone; far above where it began it is forgotten.
"""

from __future__ import annotations

import math
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.genesys.rate_limit.window_state import Cooldown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.genesys.rate_limit.quota import Quota
    from batchpatch.genesys.replies import Reply

TOKEN_KEYS = frozenset({"client.credentials.token.rate.per.minute", "token.rate.per.minute"})
"""Keys of the token's own limit. Source: the organisation's limits, namespace platform.api."""

# The newest headers speak for the token as it is for so long.
_FRESH_S = 10.0
# A Retry-After that ends within this of the reset is the window's own.
_ALIKE_S = 2.0
# Others that pass for one that is refused: then a repeated refusal is of one resource.
_PASSED = 4


class Whose(Enum):
    """Which limit has refused a request, as far as its answer tells."""

    TOKEN = auto()
    OTHER = auto()
    UNKNOWN = auto()


def whose_limit(reply: Reply, quota: Quota, now_s: float) -> Whose:
    """Return whose limit a 429 tells of.

    Args:
        reply: the 429.
        quota: of the token that it was sent with, the request still in flight.
        now_s: when it came.
    """
    if reply.limit is not None:
        return Whose.TOKEN if reply.limit in TOKEN_KEYS else Whose.OTHER
    if reply.quota is not None:
        return Whose.OTHER if reply.quota.count < reply.quota.allowed else Whose.TOKEN
    room = quota.headroom(now_s)
    if room is None:
        return Whose.UNKNOWN
    if room.spare < 0:
        return Whose.TOKEN
    named_s = math.inf if reply.retry_after_s is None else reply.retry_after_s
    speaks = room.age_s <= _FRESH_S and abs(named_s - room.resets_in_s) > _ALIKE_S
    return Whose.OTHER if speaks else Whose.UNKNOWN


class Passed(NamedTuple):
    """What had come of all requests when a call was refused last."""

    admitted: int
    refused: int
    alone: bool
    """It was refused alone."""

    def again_alone(self, admitted: int, refused: int) -> bool:
        """True where the call, refused once more, is refused alone.

        Args:
            admitted: requests up to now.
            refused: requests up to now, this one left out.
        """
        passed, others = admitted - self.admitted, refused - self.refused
        return passed >= _PASSED * others and (passed > 0 or self.alone)


class Attribution:
    """Waits for those in flight with a refused request to tell whether it was refused alone."""

    def __init__(self, sent_s: float, in_flight: Sequence[tuple[Quota, int, float]]) -> None:
        """Begin with what is in flight.

        Args:
            sent_s: when the refused request was sent.
            in_flight: the others: quota, number of the permit, when sent.
        """
        self._later = {(id(quota), n) for quota, n, at_s in in_flight if at_s >= sent_s}
        self._left = {(id(quota), n) for quota, n, _ in in_flight}
        self._passed = False

    @property
    def is_open(self) -> bool:
        """Some are still in flight."""
        return bool(self._left)

    @property
    def alone(self) -> bool:
        """What is known by now."""
        return self._passed

    def admitted(self, quota: Quota, number: int) -> None:
        """One was answered with anything but a 429."""
        self._left.discard((id(quota), number))
        self._passed |= (id(quota), number) in self._later

    def lost(self, quota: Quota, number: int) -> None:
        """One got no answer, which tells nothing."""
        self._left.discard((id(quota), number))

    def refused(self) -> None:
        """Another was refused: it is a limit of all."""
        self._left.clear()
        self._passed = False


# Little is taken off, because what was measured is less than what was refused already.
_DECREASE = 0.98
# Growth in a second, as a part of the pace after the decrease; and in a second's square.
_INCREASE = 0.0005
_INCREASE_2 = 0.0001
# Nobody leaves as a burst after it, so to be early by a part of a second costs one refusal.
_MARGIN_S = 0.5
_FORGOTTEN_AT = 8.0
"""So many times the pace after the decrease, without a refusal: the limit is gone."""
_LEAST_PER_S = 1 / 60
# A pace is measured over so long at least, and over twice of it at most.
_SPAN_S = 60.0


class SharedLimit:
    """A meter of all tokens together: no limit until `refused` tells of one."""

    def __init__(self) -> None:
        self.name: str | None = None
        """As the platform names it; None where it does not."""
        self.is_known = False
        """There is such a limit, as far as is known."""
        self.refusals = 0
        """Cooldowns since it is known."""
        self.hits = 0
        """Requests that it has refused since it is known."""
        self._cooldown = Cooldown()
        self._ends_s = -math.inf
        """When the window is over that refused last, as it says."""
        self._admitted = 0
        self._mark = self._mark_before = (-math.inf, 0)
        """Times from which what was admitted is measured, and the count at each."""
        self._base_per_s = math.inf
        self._since_s = math.inf
        """The pace that the growth began with, and when."""
        self._measures = False
        """The pace is to be measured once the cooldown is over."""
        self._due_s = -math.inf

    @property
    def words(self) -> str:
        """What it is called where people read it."""
        return "another limit than the token's" + (f" ({self.name})" if self.name else "")

    def admitted(self, now_s: float) -> None:
        """Count a request that was not refused."""
        if not self.is_known and now_s - self._mark[0] > _SPAN_S:
            stale = now_s - self._mark[0] > 2 * _SPAN_S
            self._mark_before = (now_s, self._admitted) if stale else self._mark
            self._mark = (now_s, self._admitted)
        self._admitted += 1
        if self.is_known and now_s >= self._cooldown.until_s:
            self._cooldown.admitted()

    def refused(
        self,
        now_s: float,
        retry_after_s: float | None,
        *,
        name: str | None = None,
        most_s: float = math.inf,
        jitter: float = 0.0,
    ) -> None:
        """Take in a refusal: all wait as long as it says, and are slower then.

        Args:
            now_s: when it came.
            retry_after_s: what it names; None where it names nothing.
            name: of the limit, where the refusal names it.
            most_s: to wait where nothing is named.
            jitter: random in [0, 1).
        """
        self.refusals += now_s >= self._cooldown.until_s
        self.hits += 1
        self.is_known, self.name = True, name or self.name
        self._cooldown.refused(
            now_s, retry_after_s, None, margin_s=_MARGIN_S, most_s=most_s, jitter=jitter
        )
        named_s = self._cooldown.until_s if retry_after_s is None else now_s + retry_after_s
        self._ends_s = max(self._ends_s, named_s)
        self._measures = True

    def forget(self) -> None:
        """It was no limit of all."""
        self.is_known = self._measures = False
        self.refusals = self.hits = 0
        self._cooldown = Cooldown()
        self._base_per_s = math.inf

    @property
    def paused_until_s(self) -> float:
        """When the newest cooldown is over: what was sent before and is refused belongs to it."""
        return self._cooldown.until_s

    def wait_s(self, now_s: float) -> float:
        """Seconds until one more may start; 0 for now."""
        if not self.is_known:
            return 0.0
        if now_s < self._cooldown.until_s:
            return self._cooldown.until_s - now_s
        if self._measures:
            self._slow_down(now_s)
        return max(0.0, self._due_s - now_s)

    def started(self, now_s: float) -> None:
        """Count one that leaves now."""
        if self.is_known:
            self._due_s = max(self._due_s, now_s) + 1 / self.per_s(now_s)

    def per_s(self, now_s: float) -> float:
        """The pace at a time; infinite where there is none to keep."""
        if not self.is_known or self._measures:
            return math.inf
        grown_s = max(0.0, now_s - self._since_s)
        growth = 1 + _INCREASE * grown_s + _INCREASE_2 * grown_s * grown_s
        if growth >= _FORGOTTEN_AT:
            self.forget()
            return math.inf
        return self._base_per_s * growth

    def _slow_down(self, now_s: float) -> None:
        from_s, count = self._mark_before
        measured = (self._admitted - count) / max(0.1, self._ends_s - from_s)
        before = self._base_per_s
        if measured <= 0:  # nothing got through at all since the last cooldown
            measured = before / 2 if before < math.inf else 1.0
        self._base_per_s = max(_LEAST_PER_S, measured * _DECREASE)
        self._since_s = now_s
        self._mark = self._mark_before = (self._ends_s, self._admitted)
        self._measures = False
