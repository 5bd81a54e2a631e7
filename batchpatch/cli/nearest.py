"""Did you mean: the flag that somebody has most likely meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_CLOSE = 0.7
"""A typo is closer than this; what is farther away is another word."""


def nearest_flag(name: str, flags: Iterable[str]) -> str | None:
    """One of these flags; None where none is close. Dashes are in all, so they say nothing."""
    by_word = {flag.strip("-"): flag for flag in flags}
    close = get_close_matches(name.strip("-"), by_word, 1, _CLOSE)
    return by_word[close[0]] if close else None
