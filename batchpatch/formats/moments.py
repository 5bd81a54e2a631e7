"""Moments as the records spell them: RFC 3339, in UTC. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime


def rfc3339(
    moment: datetime, *, timespec: Literal["milliseconds", "seconds"] = "milliseconds"
) -> str:
    """A moment in UTC, with a Z."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
