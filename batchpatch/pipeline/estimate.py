"""Estimates of a run: how many requests it takes, are to come, and how long that lasts. Pure."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.genesys.rate_limit.pace import BURST_PER_S

if TYPE_CHECKING:
    from batchpatch.genesys.rate_limit.pace import Allowance
    from batchpatch.options.run import Rate, Settings

FEW_ROWS = 50
"""Before so many are settled, a row is taken to cost one request, and what reading it back does."""
_SPAN_S = 60.0
"""As long as a window of the platform's, so that its bursts and pauses are seen as one pace."""
_BURST_S = 15.0
"""A window's requests have left by then."""
_STEP_S = 1.0
_ALL_OF_IT = 0.85
"""Whoever sends this share of what is allowed is held back by it, and by nothing else."""


class Cost(NamedTuple):
    """What a run that has not begun takes."""

    requests: int
    looks: int
    """Look-ups and reads among them."""
    is_bound: bool
    """It takes no more, but for repeats; else it is about so many."""


def foresee(rows: int, sought: int, settings: Settings, *, reads_route: bool) -> Cost:
    """What so many rows take where none of them shares a request with another one.

    Args:
        rows: to be settled.
        sought: those among them whose participant is to be found. Analytics is asked about many at
            once, and any may have to be read besides.
        settings: of the run.
        reads_route: each conversation is read to find where to send.
    """
    find, looks = settings.find, settings.safeguards
    batched = 0 if find.fresh else rows if find.learn_ended else sought
    read = rows if find.learn_ended and find.ended == "skip" else sought
    a_row = looks.reads_first + reads_route + looks.verify.share
    others = math.ceil(batched / find.lookup_batch) + read + math.ceil(rows * a_row)
    may_be_more = looks.verify.share > 0 or (sought > 0 and find.ambiguous == "all")
    return Cost(rows + others, others, is_bound=not may_be_more)


class Seen(NamedTuple):
    """How far a run is."""

    expected: int
    """Rows in all."""
    read: int
    """Number of the last row that was read."""
    fed: int
    """Rows that this process has passed on to be sent, or has left out."""
    settled: int
    """Rows with a line, those of earlier processes among them."""
    settled_here: int
    finding: int
    """Requests that have found participants."""
    requests: int
    """All requests for rows that are settled which were not refused for the rate limit, and all
    that have found participants or have read ahead."""
    reading: int | None = None
    """Requests that have read, before it was sent, what a row would change; None where rows are
    sent without."""
    verifies: float = 0.0
    """The share of rows that are read back once they are sent."""
    in_hand: int = 0
    """Rows whose participants are being looked for."""
    reads_left: int = 0
    """Requests that are to come until these are found."""
    accepted: int = 0
    """Patches that have left and wait to be read back: their rows are not settled."""


def requests_left(seen: Seen, *, anew: bool = False) -> int:
    """About how many requests are to come.

    They are of three kinds, each with a price of its own a row: to find participants, to read what
    a row would change, and to settle it. Rows are found, read and sent ahead of those that are
    settled; what was done ahead is to come again in another process only (`anew`).
    """
    unsettled = max(0, seen.expected - seen.settled)
    finding = _finding_left(seen, unsettled, anew=anew)
    settling = _settling_left(seen, unsettled, anew=anew)
    return round(finding + settling + _reads_left(seen, unsettled, anew=anew))


def _finding_left(seen: Seen, unsettled: int, *, anew: bool) -> float:
    """Rows in hand count with what they are going to cost."""
    sought = seen.fed + seen.in_hand
    a_row = (seen.finding + seen.reads_left) / sought if sought else 0.0
    if anew:
        return unsettled * a_row
    return max(0, seen.expected - seen.read) * a_row + seen.reads_left


def _settling_left(seen: Seen, unsettled: int, *, anew: bool) -> float:
    a_row = 1.0 + seen.verifies
    if seen.settled_here >= FEW_ROWS:
        others = max(0, seen.requests - seen.finding - (seen.reading or 0))
        a_row = others / seen.settled_here
    return max(0.0, unsettled * a_row - (0 if anew else seen.accepted))


def _reads_left(seen: Seen, unsettled: int, *, anew: bool) -> float:
    if seen.reading is None:
        return 0.0
    known = seen.settled_here >= FEW_ROWS
    a_row = min(1.0, seen.reading / seen.settled_here) if known else 1.0
    ahead = 0.0 if anew else max(0.0, seen.reading - a_row * seen.settled_here)
    return max(0.0, unsettled * a_row - ahead)


class RequestRate:
    """Requests a second of late."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self._cap: Rate | None = None

    def look(self, now_s: float, requests: int, *, cap: Rate | None = None) -> None:
        """See how many have left by now; times do not fall. What left at another cap is past."""
        if cap != self._cap:
            self._cap = cap
            self._seen.clear()
        if not self._seen or now_s - self._seen[-1][0] >= _STEP_S:
            self._seen.append((now_s, requests))
        while len(self._seen) > 2 and now_s - self._seen[1][0] >= _SPAN_S + _BURST_S:
            self._seen.popleft()

    def per_s(self, now_s: float, requests: int) -> float:
        """Over the last minute, or since the first look; 0 where nothing was seen.

        Where a window has just begun, its burst is not whole and the one before is a minute ago:
        the minute up to then counts.
        """
        since_s, before = self._at(now_s - _SPAN_S)
        of_late = (requests - before) / (now_s - since_s) if now_s > since_s else 0.0
        _, whole = self._at(now_s - _BURST_S)
        _, earlier = self._at(now_s - _BURST_S - _SPAN_S)
        return max(of_late, (whole - earlier) / _SPAN_S)

    def _at(self, then_s: float) -> tuple[float, int]:
        """The last look until then, or the first one."""
        past = (look for look in reversed(self._seen) if look[0] <= then_s)
        return next(past, self._seen[0] if self._seen else (then_s, 0))


def left_s(requests: int, allowance: Allowance | None, *, per_s: float) -> float | None:
    """Seconds that so many requests take; None where nobody can know.

    Args:
        requests: to come.
        allowance: what the platform admits, where it has said so.
        per_s: requests a second of late.
    """
    if allowance is not None and (not per_s or per_s >= _ALL_OF_IT * _admitted_per_s(allowance)):
        return allowance.duration_s(requests, burst_per_s=max(BURST_PER_S, per_s))
    return requests / per_s if per_s else None


def _admitted_per_s(allowance: Allowance) -> float:
    rates = [allowance.cap.per_s] if allowance.cap is not None else []
    if allowance.rate is not None:
        rates.append(allowance.rate.per_s * allowance.tokens)
    return min(rates, default=0.0)
