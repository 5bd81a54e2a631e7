"""When a run stops or pauses of its own accord. Pure: the time and the counts are given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import NamedTuple

from batchpatch.errors import SettingsError

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s?)?")
_UNITS_S = (86400, 3600, 60, 1)
JUDGED_ROWS = 100
"""A share of failures is not judged before so many rows: two of three are no trend."""


class MaxFailures(NamedTuple):
    """More failures than this stop the run: a number of rows, or a share of the settled ones."""

    rows: int | None = None
    percent: float | None = None

    def exceeded(self, failed: int, settled: int) -> bool:
        """True where the run is to stop.

        Args:
            failed: rows that did not make it so far.
            settled: rows with an outcome so far.
        """
        if self.rows is not None:
            return failed > self.rows
        if self.percent is not None and settled >= JUDGED_ROWS:
            return failed * 100 > self.percent * settled
        return False

    def __str__(self) -> str:
        """As the flag spells it."""
        return f"{self.percent:g}%" if self.percent is not None else str(self.rows)


class DailyHours(NamedTuple):
    """A stretch of every day, in local time; it may run over midnight."""

    begin: time
    end: time

    def wait_s(self, now: datetime) -> float:
        """Seconds until it is open; 0 while it is."""
        clock = now.time()
        if self.begin <= self.end:
            is_open = self.begin <= clock < self.end
        else:
            is_open = clock >= self.begin or clock < self.end
        if is_open:
            return 0.0
        opening = datetime.combine(now.date(), self.begin, now.tzinfo)
        if opening <= now:
            opening += timedelta(days=1)
        return (opening - now).total_seconds()

    def __str__(self) -> str:
        """As the flag spells it."""
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOptions:
    """What ends or pauses a run before its input does."""

    max_failures: MaxFailures | None = None
    max_duration_s: float | None = None
    between: DailyHours | None = None
    max_outage_s: float = 900.0
    """How long the platform may answer nothing at all before the run gives up."""
    grace_s: float = 10.0
    """How long what is in flight may take once the run was told to stop."""


def parse_max_failures(text: str) -> MaxFailures:
    """`50` rows or `5%` of the settled ones.

    Raises:
        SettingsError: it is neither.
    """
    number = text.strip()
    try:
        if number.endswith("%"):
            percent = float(number[:-1])
            if 0 <= percent <= 100:
                return MaxFailures(percent=percent)
        elif int(number) >= 0:
            return MaxFailures(rows=int(number))
    except ValueError:
        pass
    raise SettingsError(f"--max-failures {text!r}: write a number of rows, or a share such as 5%.")


def parse_duration(text: str, *, flag: str) -> float:
    """`90s`, `30m`, `2h`, `1h30m`, `1d`; a number alone is seconds.

    Raises:
        SettingsError: it is none of these.
    """
    found = _DURATION.fullmatch(text.strip().lower().replace(" ", ""))
    if not text.strip() or found is None:
        raise SettingsError(f"{flag} {text!r}: write it like 90s, 30m, 2h or 1h30m.")
    return float(
        sum(
            int(part) * unit_s
            for part, unit_s in zip(found.groups(), _UNITS_S, strict=True)
            if part
        )
    )


def parse_between(text: str) -> DailyHours:
    """`22:00-06:00`, local time.

    Raises:
        SettingsError: it is not two times of the day.
    """
    try:
        begin, end = (time.fromisoformat(part.strip()) for part in text.split("-"))
    except ValueError:
        raise SettingsError(
            f"--between {text!r}: write it like 22:00-06:00 (local time)."
        ) from None
    if begin == end:
        raise SettingsError(f"--between {text!r} is never, or always: name two different times.")
    return DailyHours(begin, end)
