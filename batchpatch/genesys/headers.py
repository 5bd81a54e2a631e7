"""Headers of an answer, each read into a value, or into none. Pure, and total."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# A wait asked for in an answer is believed up to a week, which a sentence may name; how long is
# really waited is for the policy to say.
LONGEST_WAIT_S = 7 * 86_400.0
COUNT_HEADER = "inin-ratelimit-count"
ALLOWED_HEADER = "inin-ratelimit-allowed"
RESET_HEADER = "inin-ratelimit-reset"

_HTTP_SPACE = " \t"
_NUMBER = re.compile(r"[0-9]{1,9}")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class QuotaHeaders:
    """The server's view of the token's window. Source: the vendor's page on rate limits."""

    count: int
    """Requests in this window, the answered one included."""
    allowed: int
    """Requests that the window admits."""
    reset_s: int
    """Whole seconds left in the window: relative, rounded, not an epoch."""


def read_quota(headers: Mapping[str, str]) -> QuotaHeaders | None:
    """Read the three headers; None where one is missing or is no plain number."""
    allowed = headers.get(ALLOWED_HEADER)
    if allowed is None:
        return None
    numbers = [_read_number(headers.get(name)) for name in (COUNT_HEADER, RESET_HEADER)]
    limit = _read_number(allowed)
    count, reset_s = numbers
    if count is None or limit is None or reset_s is None:
        return None
    return QuotaHeaders(count, limit, reset_s)


def _read_number(text: str | None) -> int | None:
    # What HTTP allows around a value is stripped, and no other space, of which there are many.
    text = None if text is None else text.strip(_HTTP_SPACE)
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None


def read_retry_after(text: str | None, now_s: float) -> float | None:
    """Read a Retry-After, of whatever status and host: seconds, or a date of HTTP's.

    Args:
        text: of the header; None where there is none.
        now_s: seconds since the epoch, for a date.

    Returns:
        Seconds from now; None where it is neither.
    """
    if text is None:
        return None
    text = text.strip(_HTTP_SPACE)
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_WAIT_S)
    try:
        until_s = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError, OSError):
        return None
    return min(max(until_s - now_s, 0.0), LONGEST_WAIT_S)
