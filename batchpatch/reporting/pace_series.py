"""The series of requests over time, from the samples of a run's timeline. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.formats.progress_json import Sample

_MOST_POINTS = 120
_SHORT_S = 180.0
"""A run that is over sooner has used few windows, and is looked at more closely."""


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


def pace_series(samples: Sequence[Sample]) -> list[Point]:
    """How many requests left a minute, in stretches of equal length; time off is left out."""
    stretches = list(_stretches(samples))
    total_s = sum(one.seconds for one in stretches)
    if total_s <= 0:
        return []
    # Whole minutes, so that each stretch has as many of the platform's windows as the next.
    least_s = 60.0 if total_s >= _SHORT_S else 10.0
    length_s = least_s * max(1, ceil(total_s / _MOST_POINTS / least_s))
    points: list[Point] = []
    held: list[_Stretch] = []
    held_s = 0.0
    for one in stretches:
        held.append(one)
        held_s += one.seconds
        if held_s >= length_s * 0.999:
            points.append(_joined(held))
            held, held_s = [], 0.0
    # A rest of a second would look like a burst or a standstill.
    if held and (held_s >= length_s / 2 or not points):
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
