"""Numbers and progress in words. Pure."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from batchpatch.model import Outcome

if TYPE_CHECKING:
    from batchpatch.genesys.rate_limit.allowance import Allowance
    from batchpatch.model import Progress


_WORTH_SAYING_S = 60


def printable(text: str) -> str:
    """Text that is not ours, safe for a terminal: control characters are shown, not obeyed.

    Whatever reaches a screen goes through here: names from the input, sentences of the server.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()


def shortened(text: str, most: int = 60) -> str:
    """As `printable`, and cut to so many characters."""
    text = printable(text)
    return text if len(text) <= most else text[: most - 3] + "..."


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 17 min`, `3 d 4 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if 0 < seconds < 10 else f"{whole} s"
    for unit, size, smaller, step in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // step
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    raise AssertionError("unreachable")


def count(number: int, thing: str) -> str:
    """`1 row`, `1,200 rows`."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def about(seconds: float) -> str:
    """As `duration`, without seconds that an estimate cannot know: `14 min`, `2 h 17 min`."""
    if seconds < 10:
        return f"{max(1, ceil(seconds))} s"
    return duration(60 * round(seconds / 60) if seconds >= 600 else seconds)


def forecast(requests: int, allowance: Allowance | None) -> str:
    """`41,200 requests at 300/min on 1 token: 2 h 17 min; with --tokens 10: 14 min`."""
    text = count(requests, "request")
    if allowance is None or not requests:
        return text
    duration_s = allowance.duration_s(requests)
    if allowance.rate is None or allowance.cap is not None:
        return f"{text} at {allowance.cap or allowance.rate}: {about(duration_s)}"
    per_min = f"{allowance.rate.per_s * 60:,.0f}/min"
    text += f" at {per_min} on {count(allowance.tokens, 'token')}: {about(duration_s)}"
    if (more := allowance.more_tokens) is None:
        return text
    faster_s = allowance.with_tokens(more).duration_s(requests)
    worth_it = duration_s - faster_s >= _WORTH_SAYING_S
    return f"{text}; with --tokens {more}: {about(faster_s)}" if worth_it else text


def progress_line(progress: Progress) -> str:
    """One line about a run that is under way; fits into 80 columns in the usual case."""
    expected = f"/{progress.rows_expected:,}" if progress.rows_expected is not None else ""
    parts = [f"{progress.settled:,}{expected} rows", _outcomes(progress)]
    if progress.rows_per_s and progress.allowance_left_s is None:
        parts.append(_pace(progress.rows_per_s))  # else it is bursts, whose mean says nothing
    if progress.left_s is not None and progress.settled < (progress.rows_expected or 0):
        parts.append(f"{about(progress.left_s)} left")
    if progress.waiting_for:
        parts.append(f"waiting for {progress.waiting_for}")
    return ", ".join(part for part in parts if part)


def _outcomes(progress: Progress) -> str:
    """Those that did not make it by name; what went well is the rest."""
    return " ".join(
        f"{progress.outcomes[word]:,} {word}"
        for word in Outcome
        if progress.outcomes.get(word) and _is_worth_naming(word)
    )


def _is_worth_naming(word: str) -> bool:
    return word in (Outcome.UPDATED, Outcome.PLANNED) or not Outcome(word).made_it


def _pace(per_s: float) -> str:
    return f"{per_s:,.0f}/s" if per_s >= 20 else f"{per_s * 60:,.0f}/min"
