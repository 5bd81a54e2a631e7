"""Rate-limit windows of the platform, counted per token. Pure; the time is an argument.

How the platform counts is a guess, so it can be chosen, and it is the business of this module
alone. Seconds throughout, and times must not go back.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, get_args

if TYPE_CHECKING:
    from collections.abc import Callable

WindowModel = Literal["grid", "first-call", "sliding"]
"""grid: windows follow each other from the token's first request on, used or not. first-call: each
begins with the first request after the one before. sliding: what was admitted during the last
window's length counts."""
Rounding = Literal["floor", "ceil", "nearest"]

WINDOW_MODELS: tuple[WindowModel, ...] = get_args(WindowModel)
_ROUND: dict[Rounding, Callable[[float], int]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "nearest": lambda left_s: math.floor(left_s + 0.5),
}
ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)


class Admission(NamedTuple):
    """The limiter's answer to one request."""

    admitted: bool
    used: int
    """Requests admitted in this window, this one included."""
    allowed: int
    """Requests that a window admits."""
    left_s: float
    """Until the next window; of a sliding one, until the oldest request in it is out."""


class AllowedChange(NamedTuple):
    """From when on a window admits another number of requests."""

    after_s: float
    """Since the sandbox started."""
    allowed: int


def parse_allowed_change(text: str) -> AllowedChange:
    """Read `T:N`: after T seconds, N requests a window. Raises ValueError, one sentence."""
    after, _, allowed = text.partition(":")
    try:
        change = AllowedChange(float(after), int(allowed))
    except ValueError:
        change = AllowedChange(math.nan, 0)
    if not (0 <= change.after_s < math.inf and change.allowed >= 1):
        raise ValueError(f"{text!r} is no T:N, seconds from the start and requests per window.")
    return change


class Allowance:
    """Requests that a window admits, at any time."""

    def __init__(
        self, allowed: int, changes: tuple[AllowedChange, ...] = (), *, start_s: float = 0.0
    ) -> None:
        self._allowed = allowed
        self._changes = sorted(changes, key=lambda change: change.after_s)
        self._start_s = start_s

    def at(self, now_s: float) -> int:
        """The number in force."""
        allowed = self._allowed
        for change in self._changes:
            if now_s >= self._start_s + change.after_s:
                allowed = change.allowed
        return allowed


class Windows(Protocol):
    """A window algorithm of the rate limit: one way to count requests."""

    def admit(self, now_s: float) -> Admission:
        """Count one request at `now_s`."""
        ...


class FixedWindows:
    """Windows of one length, the first beginning with the first request."""

    def __init__(self, allowance: Allowance, *, window_s: float, restarts: bool = False) -> None:
        """Begin with no request seen.

        `restarts` begins each window with the first request after the one before; otherwise they
        follow each other, used or not.
        """
        self._allowance = allowance
        self._window_s = window_s
        self._restarts = restarts
        self._first_s: float | None = None
        self._window = 0
        self._count = 0

    def admit(self, now_s: float) -> Admission:
        """Count one request at `now_s`."""
        if self._first_s is None:
            self._first_s = now_s
        window = math.floor((now_s - self._first_s) / self._window_s)
        if self._restarts and window:
            self._first_s, window, self._count = now_s, 0, 0
        if window != self._window:
            self._window, self._count = window, 0
        left_s = self._first_s + (window + 1) * self._window_s - now_s
        allowed = self._allowance.at(now_s)
        admitted = self._count < allowed
        self._count += admitted
        return Admission(admitted, self._count, allowed, left_s)


class SlidingWindow:
    """What was admitted during the last so many seconds counts."""

    def __init__(self, allowance: Allowance, *, window_s: float) -> None:
        self._allowance = allowance
        self._window_s = window_s
        self._ends_s: deque[float] = deque()

    def admit(self, now_s: float) -> Admission:
        """Count one request at `now_s`."""
        while self._ends_s and self._ends_s[0] <= now_s:
            self._ends_s.popleft()
        allowed = self._allowance.at(now_s)
        admitted = len(self._ends_s) < allowed
        if admitted:
            self._ends_s.append(now_s + self._window_s)
        return Admission(admitted, len(self._ends_s), allowed, self._ends_s[0] - now_s)


class SharedWindows:
    """Windows that somebody else uses too, evenly, from our first request on."""

    def __init__(self, windows: Windows, *, foreign_per_s: float) -> None:
        self._windows = windows
        self._per_s = foreign_per_s
        self._first_s: float | None = None
        self._asked = 0
        self.admitted = 0
        """Of the others' requests."""
        self.refused = 0
        """Of the others' requests."""

    def admit(self, now_s: float) -> Admission:
        """Count one request of ours, after what the others have sent until then."""
        if self._first_s is None:
            self._first_s = now_s
        due = math.floor((now_s - self._first_s) * self._per_s)
        for turn in range(self._asked + 1, due + 1):
            at_s = min(now_s, self._first_s + turn / self._per_s)
            if self._windows.admit(at_s).admitted:
                self.admitted += 1
            else:
                self.refused += 1
        self._asked = due
        return self._windows.admit(now_s)


class Tally:
    """Peaks of fixed windows that follow each other from the first request on, limited or not.

    Times must not go back.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self.forget()

    def forget(self) -> None:
        """Begin anew with the next request."""
        self._first_s: float | None = None
        self._window = 0
        self._asked = self._refused = 0
        self.peak_asked = 0
        """Most requests in one window, those refused included."""
        self.peak_refused = 0
        """Most requests refused in one window."""

    def ask(self, now_s: float) -> None:
        """Count a request."""
        if self._first_s is None:
            self._first_s = now_s
        window = math.floor((now_s - self._first_s) / self._window_s)
        if window != self._window:
            self._window, self._asked, self._refused = window, 0, 0
        self._asked += 1
        self.peak_asked = max(self.peak_asked, self._asked)

    def refuse(self) -> None:
        """Count the last request as refused."""
        self._refused += 1
        self.peak_refused = max(self.peak_refused, self._refused)


def make_windows(
    model: WindowModel, allowance: Allowance, *, window_s: float, foreign_per_s: float
) -> SharedWindows:
    """Make the windows of one token."""
    windows: Windows
    if model == "sliding":
        windows = SlidingWindow(allowance, window_s=window_s)
    else:
        windows = FixedWindows(allowance, window_s=window_s, restarts=model == "first-call")
    return SharedWindows(windows, foreign_per_s=foreign_per_s)


def whole_seconds(left_s: float, rounding: Rounding = "nearest") -> int:
    """Round as the headers do: documents show whole seconds and not how they are rounded."""
    return _ROUND[rounding](left_s)
