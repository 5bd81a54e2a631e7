"""The traffic of a client: requests that have left, and what they were answered. Counts only."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchpatch.genesys.purpose import Purpose


class Traffic:
    """Counts of one client, from its first request on."""

    def __init__(self) -> None:
        self.requests = 0
        """Attempts made so far."""
        self.calls: Counter[Purpose] = Counter()
        """Those among them that repeat none, by what they were made for."""
        self.retries = 0
        """Those among them that repeat an earlier one of the same call."""
        self.on_the_wire = 0
        """Those that have left and have no answer yet."""
        self.throttled = 0
        """Those that were answered with 429."""
        self._answers: Counter[tuple[Purpose, int | str]] = Counter()

    @property
    def answers(self) -> dict[tuple[Purpose, str], int]:
        """Attempts by what they were made for and what came of them: a status, or why none came."""
        return {(purpose, str(what)): times for (purpose, what), times in self._answers.items()}

    @property
    def admitted(self) -> int:
        """Attempts made so far that the platform has not refused for its rate limit."""
        return self.requests - self.throttled

    def left(self, purpose: Purpose, *, first: bool) -> None:
        """Count an attempt that leaves now; `first` of its call or not. `on_the_wire` must be
        taken down by whoever sees it answered, or broken off."""
        self.requests += 1
        self.on_the_wire += 1
        if first:
            self.calls[purpose] += 1
        else:
            self.retries += 1

    def answered(self, purpose: Purpose, what: int | str) -> None:
        """Count what an attempt was answered: its status, or why no answer came."""
        self._answers[purpose, what] += 1
