"""How people write rates, durations, shares and hours: text in, option values out. Pure."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import time

from batchpatch.errors import SettingsError
from batchpatch.options.run import DailyHours, MaxFailures
from batchpatch.options.send import Rate

_SPELLING = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?/ ?([a-z]+)")


_UNIT_S = {
    **dict.fromkeys(("s", "sec", "second"), 1.0),
    **dict.fromkeys(("m", "min", "minute"), 60.0),
    **dict.fromkeys(("h", "hour"), 3600.0),
}


_FASTEST_PER_S = 1e6


def parse_rate(text: str) -> Rate | None:
    """Read `300/min`, `5/s` or `18000/h`; `none` is no limit, and None.

    Raises `SettingsError` for anything else.
    """
    lower = text.strip().lower()
    if lower == "none":
        return None
    found = _SPELLING.fullmatch(lower)
    unit_s = _UNIT_S.get(found.group(2)) if found else None
    if found is None or unit_s is None:
        raise SettingsError(
            f"{text[:40]!r} is not a rate: write 300/min, 5/s or 18000/h, or none for no limit."
        )
    per_s = float(found.group(1)) / unit_s
    if not 0 < per_s <= _FASTEST_PER_S:
        raise SettingsError(f"A rate of {text[:40]!r} cannot be kept: write none for no limit.")
    return Rate(per_s)


_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s?)?")


_UNITS_S = (86400, 3600, 60, 1)


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


def parse_verify(text: str) -> float:
    """`100%`, or a sample such as `5%`, as a share from 0 to 1.

    Raises:
        SettingsError: it is neither.
    """
    number = text.strip()
    with suppress(ValueError):
        if number.endswith("%") and 0 <= (percent := float(number[:-1])) <= 100:
            return percent / 100
    raise SettingsError(f"--verify {text!r}: write a share such as 5%, or 100% for all.")
