"""Bounds of numeric settings, for programs; the command line refuses what it parses. Pure."""

from __future__ import annotations

import math
from datetime import time
from typing import Any, NamedTuple

from batchpatch.errors import SettingsError


class Bound(NamedTuple):
    """The interval that a number has to be in."""

    least: float
    most: float = math.inf
    whole: bool = False
    open: bool = False
    """The least itself is too little."""

    def holds(self, value: object) -> bool:
        """True for a number within; never for nan."""
        kinds = int if self.whole else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool):
            return False
        return self.least < value <= self.most or (value == self.least and not self.open)

    def __str__(self) -> str:
        """In words."""
        number = "a whole number" if self.whole else "a number"
        reach = f"{'above' if self.open else 'from'} {self.least:g}"
        return f"{number} {reach}" + (f" to {self.most:g}" if self.most < math.inf else "")


_COUNT = Bound(1, whole=True)
_RETRIES = Bound(0, whole=True)
_SECONDS = Bound(0)
_SOME = Bound(0, open=True)
MOST_TOKENS = 50
"""As many as the vendor's Terraform provider mints from one client (`token_pool_size`)."""


def refuse_pace(pace: Any) -> None:
    """Raise SettingsError for a pace that nothing can keep."""
    tokens = Bound(1, MOST_TOKENS, whole=True)
    refuse_outside("pace", pace, share=Bound(0, 1, open=True), tokens=tokens)
    for name in ("rate", "assumed"):
        if (rate := getattr(pace, name)) is not None:
            refuse_outside(f"pace.{name}", rate, per_s=_SOME)


def refuse_patience(connect: Any, retry: Any) -> None:
    """Raise SettingsError for times and counts with which nothing could be sent."""
    seconds = dict.fromkeys(("connect_s", "read_s", "total_s"), _SOME)
    refuse_outside("connect", connect, concurrency=_COUNT, **seconds)
    pauses = dict.fromkeys(("base_s", "cap_s", "conflict_pause_s", "max_wait_s"), _SECONDS)
    refuse_outside("retry", retry, retries=_RETRIES, renewals=_RETRIES, **pauses)


def refuse_limits(limits: Any) -> None:
    """Raise SettingsError for limits that nothing can be measured by."""
    seconds = dict.fromkeys(("max_duration_s", "max_outage_s", "grace_s"), _SECONDS)
    refuse_outside("limits", limits, **seconds)
    if (failures := limits.max_failures) is not None:
        refuse_outside("limits.max_failures", failures, rows=_RETRIES, percent=_SECONDS)
    if (hours := limits.between) is not None:
        ends = [getattr(hours, name) for name in ("begin", "end") if hasattr(hours, name)]
        if not hasattr(hours, "wait_s") or any(not isinstance(one, time) for one in ends):
            raise SettingsError("limits.between takes a DailyHours of two datetime.time.")


def refuse_outside(where: str, values: object, **bounds: Bound) -> None:
    """Raise SettingsError for the first of these attributes that is outside its bound.

    Args:
        where: what the values are called, such as `pace`.
        values: that have these attributes.
        bounds: by attribute; one that is None is not judged.
    """
    for name, bound in bounds.items():
        try:
            value = getattr(values, name)
        except AttributeError:
            raise SettingsError(f"{where} is of the type {type(values).__name__}.") from None
        if value is not None and not bound.holds(value):
            raise SettingsError(f"{where}.{name} is not {bound}: {value!r}.")
