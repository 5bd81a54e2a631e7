"""Token slots: each holds one token after the other with its quota; and the choice of one. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.genesys.rate_limit.quota import Quota
from batchpatch.genesys.rate_limit.window_state import UNKNOWN_ROUNDING, Rounding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.genesys.account.token_endpoint import Token
    from batchpatch.genesys.account.tokens import TokenSource


class Choice(NamedTuple):
    """Which quota to use."""

    which: int
    wait_s: float
    """0 where it may be used now."""


def choose(quotas: Sequence[Quota], now_s: float, last: int = 0) -> Choice:
    """Choose the quota that may send now, or else the one that may soonest.

    It stays with the `last` while that has something left, because then most choices look at no
    other, and goes on in turn, so that none is left out. `quotas` must not be empty.
    """
    best = Choice(last % len(quotas), math.inf)
    for step in range(len(quotas)):
        index = (last + step) % len(quotas)
        wait_s = quotas[index].wait_s(now_s)
        if wait_s <= 0:
            return Choice(index, 0.0)
        if wait_s < best.wait_s:
            best = Choice(index, wait_s)
    return best


class QuotaOptions(NamedTuple):
    """What every token's quota begins with; see `Quota`."""

    rounding: Rounding = UNKNOWN_ROUNDING
    share: float = 1.0
    assumed_per_s: float | None = None


class TokenSlot:
    """A place for one token after the other, and the quota of the one in use."""

    def __init__(self, source: TokenSource) -> None:
        self.source = source
        self.token: Token | None = None
        self.quota = Quota()
        self.rests_until_s = -math.inf
        """Its token cannot be had before: others go on without it."""
        self._offered = 0

    @property
    def offered(self) -> int:
        """What the windows touched have allowed in all, those of earlier tokens included."""
        return self._offered + self.quota.offered

    def is_ready(self, now_s: float) -> bool:
        """True where its token is at hand."""
        return now_s >= self.rests_until_s and self.source.ready() is not None

    def use(self, token: Token, options: QuotaOptions) -> None:
        """Begin with another token: nothing is known of its window."""
        self._offered = self.offered
        self.token, self.quota = token, Quota(**options._asdict())


class Permit(NamedTuple):
    """Leave to send one request with this token; to be released exactly once."""

    slot: TokenSlot
    token: Token
    quota: Quota
    """The token's; its slot may have another by the time of the answer."""
    number: int
