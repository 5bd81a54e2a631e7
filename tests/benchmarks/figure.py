"""What a benchmark is asked, and what it answers: a line of the table."""

from __future__ import annotations

import sys
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Settings(NamedTuple):
    """How much to measure, and where the inputs may lie meanwhile."""

    folder: Path
    rows: int | None = None
    """In place of each benchmark's own size."""
    rounds: int = 3


class Figure(NamedTuple):
    """One line of the table."""

    name: str
    measured: str
    to_reach: str = "reported"
    verdict: str = ""


def at_most(ratio: float, limit: float, moonshot: float | None = None) -> str:
    """The verdict on a figure that is better the smaller it is."""
    if ratio > limit:
        return "missed"
    return "met, the moonshot too" if moonshot is not None and ratio <= moonshot else "met"


def at_least(ratio: float, limit: float, moonshot: float | None = None) -> str:
    """The verdict on a figure that is better the larger it is."""
    if ratio < limit:
        return "missed"
    return "met, the moonshot too" if moonshot is not None and ratio >= moonshot else "met"


def of_rounds(ratios: Iterable[float]) -> tuple[float, str]:
    """The median, and the spread in words: it shows whether the machine was quiet."""
    ordered = sorted(ratios)
    return median(ordered), f"{ordered[0]:.2f} to {ordered[-1]:.2f}"


def say(text: str) -> None:
    """Progress, beside the table."""
    print(text, file=sys.stderr, flush=True)
