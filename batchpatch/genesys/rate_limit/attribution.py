"""Whose limit a 429 tells of: the token's, one of all tokens, or that of one resource alone. Pure.

How it works. The refusal itself may say so: by the key of the limit, or by headers that show the
token's window full or not. Else the newest headers of the token tell, where they are fresh. Whether
a limit is of all requests or of one resource alone is told by the requests that were in flight with
it: nothing leaves until they are answered, which takes a moment. Is another of them refused, it is
a limit of all; are those that left later admitted, the one resource is refused. And a request that
is refused again, while others passed, is refused alone.
"""

from __future__ import annotations

import math
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

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
