"""Times as the API writes them: ISO texts in UTC, to the millisecond. Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def as_text(moment: datetime) -> str:
    """Write a time that knows its zone."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def normalised(text: str) -> str | None:
    """Write an ISO time as the API does; None for a text that is none, or that has no zone."""
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else as_text(moment)
    except (ValueError, OverflowError):
        return None
