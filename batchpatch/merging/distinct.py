"""How many different things were seen, in bounded memory. Pure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

EXACT_UP_TO = 100_000
_HASHES = 1 << sys.hash_info.width
_LOWEST = -(_HASHES // 2)


class DistinctCount:
    """Counts exactly up to a bound, and from there by a sample: the hashes below a limit.

    Whenever the sample outgrows the bound, the limit is halved. So it holds half the bound at
    least, and the estimate's standard error is at most sqrt(2 / bound): 0.45 % for 100,000.
    """

    def __init__(self, exact_up_to: int = EXACT_UP_TO) -> None:
        self._most = exact_up_to
        self._sample: set[int] = set()
        self._share = _HASHES
        """How many of the possible hashes are below the limit."""

    def update(self, hashes: Iterable[int]) -> None:
        """See more things, each by its `hash()`; repeated ones count once."""
        sample = self._sample
        if self._share < _HASHES:
            limit = _LOWEST + self._share
            hashes = [h for h in hashes if h < limit]
        sample.update(hashes)
        while len(sample) > self._most:
            self._share //= 2
            limit = _LOWEST + self._share
            sample.difference_update([h for h in sample if h >= limit])

    @property
    def exact(self) -> bool:
        """False where `count` is an estimate."""
        return self._share == _HASHES

    @property
    def count(self) -> int:
        """Different things seen so far."""
        return round(len(self._sample) * (_HASHES / self._share))
