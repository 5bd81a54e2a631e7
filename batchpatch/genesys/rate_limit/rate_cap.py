"""The rate cap that the user has named: one turn per attempt, for the whole process. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.genesys.rate_limit.even_pace import EvenPace

if TYPE_CHECKING:
    from batchpatch.options.send import Rate


# A whole minute's requests at once would be refused by a server that counts by the second.
_BURST_S = 0.02


class RateCap(EvenPace):
    """A meter of the process: hands out turns at a steady rate."""

    def __init__(self, rate: Rate) -> None:
        super().__init__(rate.per_s, burst_s=_BURST_S)
        self.rate = rate

    @property
    def reason(self) -> str:
        """What is waited for, in words for the progress line."""
        return f"its turn at {self.rate}"
