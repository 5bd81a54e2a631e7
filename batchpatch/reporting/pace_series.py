"""The series of requests over time, from the samples of a run's timeline. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise, zip_longest
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.formats.progress_json import Sample

_MOST_POINTS = 120
_SHORT_S = 180.0
"""A run that is over sooner has used few windows, and is looked at more closely."""
_QUIET = 0.2
"""Less than this share of the run's own pace is a pause between two windows."""
_EARLY = 0.8
"""A burst may come so much before a stretch has its length."""


class Point(NamedTuple):
    """What happened in a stretch of time."""

    at: datetime
    """When it began."""
    requests_per_min: float
    refused_per_min: float
    allowed_per_min: float | None
    """None where nobody knew of a limit."""


class _Stretch(NamedTuple):
    begin: datetime
    seconds: float
    requests: int
    refused: int
    allowed_per_min: float | None

    @property
    def per_s(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def pace_series(samples: Sequence[Sample]) -> list[Point]:
    """How many requests left a minute, in stretches of about equal length; time off is left out.

    All of a window's requests leave in its first seconds, so a stretch that began in the middle of
    them would have two windows' or none: where it is quiet, it ends with the next burst.
    """
    stretches = list(_stretches(samples))
    total_s = sum(one.seconds for one in stretches)
    if total_s <= 0:
        return []
    # Whole minutes, so that each stretch has as many of the platform's windows as the next.
    least_s = 60.0 if total_s >= _SHORT_S else 10.0
    length_s = least_s * max(1, ceil(total_s / _MOST_POINTS / least_s))
    quiet_per_s = _QUIET * sum(one.requests for one in stretches) / total_s
    points: list[Point] = []
    held: list[_Stretch] = []
    held_s = 0.0
    for one, after in zip_longest(stretches, stretches[1:]):
        held.append(one)
        held_s += one.seconds
        is_quiet, begins = one.per_s <= quiet_per_s, after and after.per_s > quiet_per_s
        due_s = length_s * 0.999
        if is_quiet:
            due_s = _EARLY * length_s if begins else length_s + least_s
        if held_s >= due_s:
            points.append(_joined(held))
            held, held_s = [], 0.0
    # A rest of a second would look like a burst or a standstill, and a window that is not over too.
    if held and (held_s >= _EARLY * length_s or not points):
        points.append(_joined(held))
    return points


def _stretches(samples: Sequence[Sample]) -> list[_Stretch]:
    """Between two samples of one process."""
    found = []
    for before, after in pairwise(samples):
        seconds = after.elapsed_s - before.elapsed_s
        if seconds <= 0 or after.requests < before.requests:
            continue  # another process has begun
        requests, refused = after.requests - before.requests, after.throttled - before.throttled
        begin = _moment(before.at)
        if begin is not None:
            found.append(_Stretch(begin, seconds, requests, refused, after.allowed_per_min))
    return found


def _joined(parts: Sequence[_Stretch]) -> Point:
    minutes = sum(one.seconds for one in parts) / 60
    allowed = [one.allowed_per_min for one in parts if one.allowed_per_min is not None]
    return Point(
        parts[0].begin,
        sum(one.requests for one in parts) / minutes,
        max(0, sum(one.refused for one in parts)) / minutes,
        allowed[-1] if allowed else None,
    )


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
