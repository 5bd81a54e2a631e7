"""Which of several tokens to use next. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.genesys.quota import Quota


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
