"""A platform's rate limit to be simulated against: arithmetic of its own, nothing shared."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

ROUNDINGS = {
    "floor": math.floor,
    "ceil": math.ceil,
    "nearest": lambda left_s: math.floor(left_s + 0.5),
}


class Verdict(NamedTuple):
    """The answer to one request."""

    admitted: bool
    count: int
    allowed: int
    reset_s: int


class Rules(NamedTuple):
    """How the platform counts."""

    model: str = "first-call"
    """`first-call` begins a window with the first request after the last; `grid`; `sliding`."""
    allowed: int = 300
    window_s: float = 60.0
    phase_s: float = 0.0
    """Of a grid: how much of its window is over when the run begins."""
    rounding: str = "floor"
    foreign_per_s: float = 0.0
    """Requests that others send on every token, evenly."""
    changes: tuple[tuple[float, int], ...] = ()
    """From when on the limit is another: seconds, requests."""


@dataclass
class Token:
    """The windows of one token."""

    rules: Rules
    began_s: float = -math.inf
    count: int = 0
    admitted_s: deque[float] = field(default_factory=deque)
    foreign_refused: int = 0
    foreign_admitted: int = 0
    windows: list[tuple[float, int, int]] = field(default_factory=list)
    """Of each window that is over: when it began, its requests, what it allowed."""
    _foreign: int = 0

    def ask(self, now_s: float) -> Verdict:
        """Judge one request of ours."""
        self._let_others_in(now_s)
        return self._judge(now_s)

    def end(self, now_s: float) -> None:
        """Let the others go on until then, and close the books."""
        self._let_others_in(now_s)
        self.windows.append((self.began_s, self.count, self.allowed(self.began_s)))

    def allowed(self, now_s: float) -> int:
        """The limit at an instant."""
        return [self.rules.allowed, *(n for at_s, n in self.rules.changes if at_s <= now_s)][-1]

    def _let_others_in(self, now_s: float) -> None:
        rate = self.rules.foreign_per_s
        while rate and self._foreign / rate <= now_s:
            admitted = self._judge(self._foreign / rate).admitted
            self._foreign += 1
            self.foreign_admitted += admitted
            self.foreign_refused += not admitted

    def _judge(self, now_s: float) -> Verdict:
        if self.rules.model == "sliding":
            return self._judge_sliding(now_s)
        self._turn(now_s)
        allowed = self.allowed(now_s)
        admitted = self.count < allowed
        self.count += admitted
        return self._verdict(admitted, self.count, allowed, self.began_s, now_s)

    def _turn(self, now_s: float) -> None:
        rules, length_s = self.rules, self.rules.window_s
        if now_s < self.began_s + length_s:
            return
        if self.began_s > -math.inf:
            self.windows.append((self.began_s, self.count, self.allowed(self.began_s)))
        self.count = 0
        self.began_s = now_s
        if rules.model == "grid":
            self.began_s -= (now_s + rules.phase_s) % length_s

    def _judge_sliding(self, now_s: float) -> Verdict:
        seen = self.admitted_s
        while seen and seen[0] <= now_s - self.rules.window_s:
            seen.popleft()
        allowed = self.allowed(now_s)
        admitted = len(seen) < allowed
        if admitted:
            seen.append(now_s)
        return self._verdict(admitted, len(seen), allowed, seen[0], now_s)

    def _verdict(
        self, admitted: bool, count: int, allowed: int, began_s: float, now_s: float
    ) -> Verdict:
        left_s = began_s + self.rules.window_s - now_s
        return Verdict(admitted, count, allowed, ROUNDINGS[self.rules.rounding](left_s))
