"""What it costs to begin: CPU to `--help`, and of a run of one row against a sandbox at hand."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from shutil import rmtree
from statistics import median
from typing import TYPE_CHECKING

from contestants import Spent, batchpatch, environment, interleaved, spend
from figure import Figure, at_most, say
from inputs import write_csv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from figure import Settings

HELP_S, ONE_ROW_S = 0.12, 0.45


def measure(settings: Settings) -> list[Figure]:
    """CPU seconds, user and system, of whole processes; medians."""
    say("  --help, and a run of one row")
    rows = write_csv(settings.folder / "one.csv", 1)
    with _sandbox() as url:

        def run() -> Spent:
            out = settings.folder / "out"
            spent = spend(
                batchpatch("run", rows, "--api-url", url, "--quiet", "--out", out),
                folder=settings.folder,
            )
            rmtree(out)
            return spent

        shown = partial(spend, batchpatch("--help"), folder=settings.folder)
        helps, runs = interleaved(max(5, settings.rounds), shown, run)
    return [
        _figure("CPU to `--help`", helps, HELP_S),
        _figure("CPU of `run` of one row, the sandbox already running", runs, ONE_ROW_S),
    ]


def _figure(name: str, spent: list[Spent], limit_s: float) -> Figure:
    seconds = sorted(one.cpu_s for one in spent)
    measured = f"{median(seconds):.2f} s ({seconds[0]:.2f} to {seconds[-1]:.2f})"
    return Figure(name, measured, f"≤ {limit_s:.2f} s", at_most(median(seconds), limit_s))


@contextmanager
def _sandbox() -> Iterator[str]:
    """A sandbox in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "batchpatch", "sandbox", "--port", "0", "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait()
