"""The departure of a patch: whether a request of it has left, for whoever may give it up.

What has not left can be given up and is not written; what has left may be. Only the client knows
which, and only the task of the patch may decide: so the one tells the other by a context variable,
as a request is told what it is made for.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Departure:
    """What has become of one patch so far."""

    def __init__(self) -> None:
        self.attempts = 0
        """Requests of it that have left."""
        self.on_the_wire = False
        """One has left and has no answer yet."""


_departure: ContextVar[Departure | None] = ContextVar("departure", default=None)


@contextmanager
def followed(departure: Departure) -> Iterator[None]:
    """What this task patches within is told to `departure`."""
    token = _departure.set(departure)
    try:
        yield
    finally:
        _departure.reset(token)


departing = _departure.get
"""Who is to be told of a patch that leaves now; None where nobody asks."""
