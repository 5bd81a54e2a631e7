"""Cell texts: what a spreadsheet shows of a value, by its number format. Pure.

A number that has no format of its own is written out: a spreadsheet shows `4.91511E+12` of a phone
number only because its column is narrow. A date in the format that each reader sees in the way of
their own country is written as ISO 8601 has it.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from batchpatch.reading.number_formats import number_text, sections_of, tokens_of
from batchpatch.reading.odd_values import MOST_DIGITS

_OF_THE_READER = {
    "mm-dd-yy": "yyyy-mm-dd",
    "m/d/yy": "yyyy-mm-dd",
    "m/d/yy h:mm": "yyyy-mm-dd h:mm",
}
"""The built-in formats that look otherwise in each country."""

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def has_lost_digits(value: object) -> bool:
    """True of a number with more digits than a spreadsheet keeps."""
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) >= 10**MOST_DIGITS
    )


def shown_text(value: object, number_format: str) -> str:
    """The text of a cell's value as its format shows it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return number_text(Decimal(repr(value)), number_format)
    if isinstance(value, (date, time, timedelta)):
        return _moment(value, _OF_THE_READER.get(number_format, number_format))
    return str(value)


def _moment(value: date | time | timedelta, number_format: str) -> str:
    sections = sections_of(number_format)
    tokens = tokens_of(sections[0]) if sections else ()
    if not any(kind in ("part", "elapsed") for kind, _ in tokens):
        return value.isoformat() if isinstance(value, (date, time)) else str(value)
    halves = any(kind == "half" for kind, _ in tokens)
    shown = []
    for at, (kind, text) in enumerate(tokens):
        if kind == "part":
            minutes = text.lower()[0] == "m" and _is_minutes(tokens, at)
            shown.append(_part(value, "n" * len(text) if minutes else text.lower(), halves=halves))
        elif kind == "elapsed":
            shown.append(_elapsed(value, text))
        elif kind == "half":
            half = "AM" if _clock(value)[0] < 12 else "PM"
            shown.append(half if len(text) > 3 else half[0])
        elif kind == "fraction":
            shown.append(f".{_clock(value)[3]:06}"[: len(text)])
        elif text != "@":
            shown.append(text)
    return "".join(shown)


def _is_minutes(tokens: tuple[tuple[str, str], ...], at: int) -> bool:
    """True of an `m` behind hours or before seconds."""
    of_time = ("part", "elapsed")
    before = next((text for kind, text in reversed(tokens[:at]) if kind in of_time), "")
    after = next((text for kind, text in tokens[at + 1 :] if kind in of_time), "")
    return before[:1].lower() == "h" or after[:1].lower() == "s"


def _clock(value: date | time | timedelta) -> tuple[int, int, int, int]:
    """Hours, minutes, seconds and microseconds."""
    if isinstance(value, timedelta):
        minutes, seconds = divmod(value.seconds, 60)
        return minutes // 60, minutes % 60, seconds, value.microseconds
    if isinstance(value, (datetime, time)):
        return value.hour, value.minute, value.second, value.microsecond
    return 0, 0, 0, 0


def _elapsed(value: date | time | timedelta, text: str) -> str:
    """Hours, minutes or seconds in all."""
    hours, minutes, seconds, _ = _clock(value)
    if isinstance(value, timedelta):
        hours += 24 * value.days
    whole = {"h": hours, "m": 60 * hours + minutes, "s": 3600 * hours + 60 * minutes + seconds}
    return f"{whole[text[0]]:0{len(text)}}"


def _part(value: date | time | timedelta, text: str, *, halves: bool) -> str:
    """One part of a date or time; `n` are minutes."""
    hours, minutes, seconds, _ = _clock(value)
    if text[0] == "h" and halves:
        hours = hours % 12 or 12
    if (clock := {"h": hours, "n": minutes, "s": seconds}.get(text[0])) is not None:
        return f"{clock:0{min(len(text), 2)}}"
    if not isinstance(value, date):  # a time alone stands for the day before the first
        return ""
    return _of_day(value, text[0], len(text))


def _of_day(day: date, mark: str, length: int) -> str:
    if mark == "y":
        return f"{day.year:04}" if length > 2 else f"{day.year % 100:02}"
    number, names = (day.month, _MONTHS) if mark == "m" else (day.day, _DAYS)
    name = names[day.month - 1] if mark == "m" else names[day.weekday()]
    if length < 3:
        return f"{number:0{length}}"
    return name[:3] if length == 3 else name[:1] if length > 4 else name
