"""How fast: a rate as a value, and its spelling.

Pure.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from batchpatch.errors import SettingsError

_SPELLING = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?/ ?([a-z]+)")
_UNIT_S = {
    **dict.fromkeys(("s", "sec", "second"), 1.0),
    **dict.fromkeys(("m", "min", "minute"), 60.0),
    **dict.fromkeys(("h", "hour"), 3600.0),
}
_FASTEST_PER_S = 1e6


class Rate(NamedTuple):
    """So many requests per second, on average."""

    per_s: float

    def __str__(self) -> str:
        """Return the shortest usual spelling, which `parse_rate` reads back."""
        for unit, seconds, most in (("min", 60.0, 1000.0), ("s", 1.0, 1e9), ("h", 3600.0, 1e9)):
            count = round(self.per_s * seconds, 6)
            if count.is_integer() and 1 <= count < most:
                return f"{count:.0f}/{unit}"
        return f"{self.per_s * 60:.6f}".rstrip("0").rstrip(".") + "/min"


DEFAULT_RATE = Rate(300 / 60)
"""`client.credentials.token.rate.per.minute` as the platform sets it for every organisation."""


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


MOST_TOKENS = 50
"""As many as the vendor's Terraform provider mints from one client (`token_pool_size`)."""


class PaceOptions(NamedTuple):
    """How fast a run may go. Where answers bear the server's limit, that is kept besides."""

    rate: Rate | None = None
    """Cap for the whole process; None is none."""
    assumed: Rate | None = DEFAULT_RATE
    """Per token, as long as no answer bears the server's limit; None is no limit."""
    share: float = 1.0
    """Above 0 and up to 1: the part of every window that is used, the rest is left to others."""
    tokens: int = 1
    """From 1 to 50: tokens of the OAuth client to use at once, each with its own allowance."""


DEFAULT_PACE = PaceOptions()
