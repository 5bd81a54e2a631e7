"""Where a window of the server's rate limit ends, as far as its answers tell.

Pure. Times are seconds on the client's monotonic clock.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Rounding(Enum):
    """How the server makes whole seconds of the time left: least and most that it leaves out.

    The vendor documents whole seconds and not how they are rounded, hence `UNKNOWN`.
    """

    FLOOR = (0.0, 1.0)
    CEIL = (-1.0, 0.0)
    NEAREST = (-0.5, 0.5)
    UNKNOWN = (-1.0, 1.0)


class Edge(NamedTuple):
    """The instant at which a window ends: it lies from `least_s` to `most_s`, both included."""

    least_s: float
    most_s: float

    @property
    def width_s(self) -> float:
        """How much is not known."""
        return self.most_s - self.least_s

    def narrowed(self, other: Edge) -> Edge:
        """The edge that both are about; they must overlap."""
        return Edge(max(self.least_s, other.least_s), min(self.most_s, other.most_s))


def read_edge(sent_s: float, received_s: float, reset_s: int, rounding: Rounding) -> Edge:
    """Return what one answer says about the end of the window that it was counted in.

    The server stamped it at some instant between sending and receiving, `reset_s` before the end
    give or take the rounding.
    """
    least_s, most_s = rounding._value_  # for each answer; `value` is a slow descriptor
    return Edge(sent_s + reset_s + least_s, received_s + reset_s + most_s)


class Place(Enum):
    """Where one window lies that an answer tells of, seen from another."""

    EARLIER = -1
    SAME = 0
    LATER = 1
    EITHER = None
    """The same, or one next to it."""


def find_place(found: Edge, known: Edge, sent_s: float, window_s: float) -> Place:
    """Return whether an answer's edge is the known one.

    Args:
        found: what the answer says.
        known: what is known already.
        sent_s: when its request was sent; after the known edge, it can only be a later one.
        window_s: the least that a window lasts, and so the least between two edges.
    """
    if found.least_s > known.most_s or sent_s >= known.most_s:
        return Place.LATER
    if found.most_s < known.least_s:
        return Place.EARLIER
    return Place.SAME if found.width_s + known.width_s < window_s else Place.EITHER
