"""The spelling of numbers, rates, times, shares, paths: text in, option values out. Pure.

Whatever the text, the answer is a value or a `SettingsError` of one sentence that names the flag.
"""

from __future__ import annotations

import re
import shlex
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING

from batchpatch.errors import SettingsError
from batchpatch.options.run import DailyHours, MaxFailures, Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUOTED_CHARS = 40


def _quoted(text: str) -> str:
    """As it was written, in quotes where it would not stand out; 400 digits are shortened."""
    short = text if len(text) <= _QUOTED_CHARS else f"{text[: _QUOTED_CHARS - 3]}..."
    return short if re.fullmatch(r"[!-~]+", short) else repr(short)


# After the point as many digits as a program may print of a third.
_AMOUNT = r"[0-9]{1,12}(?:\.[0-9]{1,30})?"
_NUMBER = re.compile(rf"{_AMOUNT}|\.[0-9]{{1,30}}")


def parse_text(text: str, *, flag: str) -> str:
    """Anything but nothing.

    Raises:
        SettingsError: it is empty.
    """
    if not text.strip():
        raise SettingsError(f"{flag} is empty: is a variable of the command line not set?")
    return text


def parse_command(text: str, *, flag: str) -> tuple[str, ...]:
    """The words of a command, as a shell would split them.

    Raises:
        SettingsError: it has none, or a quote that nobody closes.
    """
    try:
        return tuple(shlex.split(parse_text(text, flag=flag)))
    except ValueError as error:
        raise SettingsError(f"{flag}: {error}: write it as in a shell.") from None


def parse_path(text: str, *, flag: str) -> Path:
    """A file or directory.

    Raises:
        SettingsError: it has no name.
    """
    return Path(parse_text(text, flag=flag))


def parse_whole(text: str, *, flag: str, least: int = 0, most: int | None = None) -> int:
    """A whole number from `least` to `most`.

    Raises:
        SettingsError: it is none.
    """
    bare = text.strip()
    if re.fullmatch(r"[+-]?[0-9]{1,18}", bare):
        number = int(bare)
        if least <= number and (most is None or number <= most):
            return number
    reach = f"from {least}" if most is None else f"from {least} to {most}"
    raise SettingsError(f"{flag} {_quoted(text)}: write a whole number {reach}.")


def parse_number(text: str, *, flag: str, most: float | None = None) -> float:
    """A number from 0, such as `5` or `0.25`.

    Raises:
        SettingsError: it is none.
    """
    bare = text.strip()
    if _NUMBER.fullmatch(bare):
        number = float(bare)
        if most is None or number <= most:
            return number
    reach = "from 0" if most is None else f"from 0 to {most:g}"
    raise SettingsError(f"{flag} {_quoted(text)}: write a number {reach}.")


def parse_choice(text: str, *, flag: str, choices: Sequence[str]) -> str:
    """One of a few words.

    Raises:
        SettingsError: it is none of them.
    """
    if text in choices:
        return text
    raise SettingsError(f"{flag} {_quoted(text)}: write one of {', '.join(choices)}.")


_SPELLING = re.compile(rf"({_AMOUNT}) ?/ ?([a-z]+)")

_UNIT_S = {
    **dict.fromkeys(("s", "sec", "second"), 1.0),
    **dict.fromkeys(("m", "min", "minute"), 60.0),
    **dict.fromkeys(("h", "hour"), 3600.0),
}

_FASTEST_PER_S = 1e6


def parse_rate(text: str, *, flag: str = "--rate") -> Rate | None:
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
            f"{flag} {_quoted(text)}: write 300/min, 5/s or 18000/h, or none for no limit."
        )
    per_s = float(found.group(1)) / unit_s
    if not 0 < per_s <= _FASTEST_PER_S:
        raise SettingsError(
            f"{flag} {_quoted(text)} cannot be kept: write none for no limit, or a rate above 0."
        )
    return Rate(per_s)


def parse_max_failures(text: str, *, flag: str = "--max-failures") -> MaxFailures:
    """`50` rows or `5%` of the settled ones.

    Raises:
        SettingsError: it is neither.
    """
    number = text.strip()
    if (percent := _percent(number)) is not None:
        return MaxFailures(percent=percent)
    if re.fullmatch(r"[0-9]{1,100}", number):
        return MaxFailures(rows=int(number))
    raise SettingsError(f"{flag} {_quoted(text)}: write a number of rows, or a share such as 5%.")


def _percent(text: str) -> float | None:
    """Of `5%` and `0.5%`, from 0 to 100; None for anything else."""
    if not re.fullmatch(rf"{_AMOUNT} ?%", text):
        return None
    percent = float(text[:-1])
    return percent if percent <= 100 else None


def parse_share(text: str, *, flag: str) -> float:
    """`80%`, or the same as a part: `0.8`. Above 0, and 1 at most.

    Raises:
        SettingsError: it is neither.
    """
    if share := _share(text.strip()):
        return share
    raise _no_share(text, flag)


def parse_verify(text: str, *, flag: str = "--verify") -> float:
    """What is to be read back: as `parse_share`, or nothing (`0%`).

    Raises:
        SettingsError: it is no share.
    """
    share = _share(text.strip())
    if share is None:
        raise _no_share(text, flag)
    return share


def _share(text: str) -> float | None:
    if (percent := _percent(text)) is not None:
        return percent / 100
    if not _NUMBER.fullmatch(text):
        return None
    share = float(text)
    return share if share <= 1 else None


def _no_share(text: str, flag: str) -> SettingsError:
    return SettingsError(f"{flag} {_quoted(text)}: write a share such as 5% or 0.05, up to 100%.")


_DURATION = re.compile(
    rf"(?:([0-9]{{1,9}})d)?(?:([0-9]{{1,9}})h)?(?:([0-9]{{1,9}})m(?:in)?)?(?:({_AMOUNT})s?)?"
)

_UNITS_S = (86400, 3600, 60, 1)
LONGEST_S = 10 * 366 * 86400.0
"""The longest duration that anything takes."""


def parse_duration(
    text: str, *, flag: str, least_s: float = 0.0, most_s: float = LONGEST_S
) -> float:
    """`90s`, `30m`, `2h`, `1h30m`, `1d`; a number alone is seconds.

    Raises:
        SettingsError: it is none of these, or out of its bounds.
    """
    found = _DURATION.fullmatch(text.strip().lower().replace(" ", ""))
    if not text.strip() or found is None:
        raise SettingsError(f"{flag} {_quoted(text)}: write it like 90s, 30m, 1h30m or 2d.")
    parts = zip(found.groups(), _UNITS_S, strict=True)
    seconds = sum(float(part) * unit_s for part, unit_s in parts if part)
    if not least_s <= seconds <= most_s:
        bound = f"{least_s:g}s at least" if seconds < least_s else f"{most_s:.0f}s at most"
        raise SettingsError(f"{flag} {_quoted(text)}: {bound}.")
    return seconds


_HOURS = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9]) ?- ?([01]?[0-9]|2[0-3]):([0-5][0-9])")


def parse_between(text: str, *, flag: str = "--between") -> DailyHours:
    """`22:00-06:00`, local time.

    Raises:
        SettingsError: it is not two times of the day.
    """
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        raise SettingsError(
            f"{flag} {_quoted(text)}: write it like 22:00-06:00 (local time, no zone)."
        )
    hours = [int(part) for part in found.groups()]
    begin, end = time(hours[0], hours[1]), time(hours[2], hours[3])
    if begin == end:
        raise SettingsError(
            f"{flag} {_quoted(text)} is never, or always: name two different times."
        )
    return DailyHours(begin, end)
