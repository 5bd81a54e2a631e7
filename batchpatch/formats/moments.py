"""Moments as the records spell them: RFC 3339, in UTC. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def rfc3339(moment: datetime) -> str:
    """A moment in UTC, with milliseconds and a Z.

    Whole seconds would leave it to chance which of two runs of a script began last.
    """
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_the_second(text: str) -> str:
    """A moment of the records as people read it."""
    return f"{text[:_SECOND]}Z"


_SECOND = len("2026-01-01T00:00:00")
