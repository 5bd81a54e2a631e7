"""Whether memory grows with the input: the peak of `check` and of `run` at a tenth and in full.

Compared is the command line with itself, at 100,000 and at 1,000,000 rows: the difference of the
two peaks of resident memory (`ru_maxrss`), divided by the rows between. Every tenth row fails,
because what fails is remembered longest: for `check` it is invalid and printed as JSON, for `run`
the server answers it with 404, so the failed rows are derived at the end too. Fair, because
nothing but the number of rows differs, and the window is full at the smaller size already.

The exact count of participants is not: it is bounded by 100,000 of them, which the smaller size
just misses, so what filling it takes shows in the figure of `check`, as it does for a user.

The run of a million rows takes minutes each time. With fewer rows than stated the smaller size is
before those bounds, and the figure says nothing.
"""

from __future__ import annotations

from functools import partial
from shutil import rmtree
from statistics import median
from typing import TYPE_CHECKING

from contestants import Spent, batchpatch, interleaved, own_peak_bytes, spend
from figure import Figure, at_most, say
from inputs import write_csv
from server import serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from figure import Settings

ROWS = 1_000_000
EVERY = 10
LIMIT_BYTES = 2.0
_SOME_FAILED = 1
_MB = 1 << 20


def measure_check(settings: Settings) -> list[Figure]:
    """`check`, offline."""
    return [_grown("check", _check, settings)]


def measure_run(settings: Settings) -> list[Figure]:
    """`run`, to the end of its report."""
    return [_grown("run", _run, settings)]


def _grown(name: str, contestant: Callable[[int, Path], Spent], settings: Settings) -> Figure:
    large = settings.rows or ROWS
    small = large // 10
    few, many = interleaved(
        settings.rounds, *(partial(contestant, rows, settings.folder) for rows in (small, large))
    )
    peaks = [median(spent.peak_bytes for spent in spents) for spents in (few, many)]
    per_row = (peaks[1] - peaks[0]) / (large - small)
    return Figure(
        f"memory of `{name}`, {small:,} to {large:,} rows, 10 % of them failing",
        f"{per_row:.2f} bytes a row: {peaks[0] / _MB:.1f} to {peaks[1] / _MB:.1f} MB",
        f"≤ {LIMIT_BYTES:.0f} bytes a row",
        at_most(per_row, LIMIT_BYTES),
    )


def _check(rows: int, folder: Path) -> Spent:
    say(f"  batchpatch check, {rows:,} rows")
    path = folder / f"rows-{rows}.csv"
    if not path.exists():
        write_csv(path, rows, invalid_every=EVERY)
    return _sound(spend(batchpatch("check", path, "--json"), folder=folder, exit_code=_SOME_FAILED))


def _run(rows: int, folder: Path) -> Spent:
    say(f"  batchpatch run, {rows:,} rows")
    path, out = folder / f"rows-{rows}.csv", folder / "out"
    if not path.exists():
        write_csv(path, rows, refused_every=EVERY)
    with serving(folder) as server:
        where = ("--api-url", server.url, "--rate", "none", "--quiet", "--out", out)
        spent = spend(batchpatch("run", path, *where), folder=folder, exit_code=_SOME_FAILED)
        arrived = server.arrived().patches
    expected = {202: rows - rows // EVERY, 404: rows // EVERY}
    failed = _lines(out / "failed.csv") - 1
    if arrived != expected or failed != expected[404]:
        raise RuntimeError(f"{arrived} arrived and {failed} rows are in failed.csv: {expected}")
    rmtree(out)
    return _sound(spent)


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _sound(spent: Spent) -> Spent:
    # Linux carries the peak of the process that forked over into the program it starts.
    if spent.peak_bytes <= own_peak_bytes():
        raise RuntimeError("this process has grown larger than what it measures")
    return spent
