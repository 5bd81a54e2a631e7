"""How long the page about a run of a million rows takes, and how large it is: `report --html`."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from broken_run import leave_broken_run
from contestants import Spent, batchpatch, spend
from figure import Figure, at_most, say

if TYPE_CHECKING:
    from pathlib import Path

    from figure import Settings

ROWS = 1_000_000
_SECONDS, _MEGABYTES = 30.0, 2.0


def measure(settings: Settings) -> list[Figure]:
    """Seconds by the clock, imports included, and megabytes of the file."""
    rows = settings.rows or ROWS
    directory = leave_broken_run(settings.folder, rows)
    page = settings.folder / "page.html"
    seconds = sorted(_write(directory, page, settings).wall_s for _ in range(settings.rounds))
    size_mb = page.stat().st_size / 1e6
    return [
        Figure(
            f"`report --html` of {rows:,} rows, a tenth of which has failed",
            f"{median(seconds):.1f} s ({seconds[0]:.1f} to {seconds[-1]:.1f})",
            f"≤ {_SECONDS:.0f} s",
            at_most(median(seconds), _SECONDS),
        ),
        Figure(
            "size of that page",
            f"{size_mb:.1f} MB",
            f"≤ {_MEGABYTES:.0f} MB",
            at_most(size_mb, _MEGABYTES),
        ),
    ]


def _write(directory: Path, page: Path, settings: Settings) -> Spent:
    say(f"  writing the page about {directory.name}")
    page.unlink(missing_ok=True)
    return spend(batchpatch("report", directory, "--html", page), folder=settings.folder)
