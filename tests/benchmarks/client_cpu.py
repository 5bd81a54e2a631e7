"""What a run costs the client: `run --rate none` against a script, and against a bare loop.

Compared is user and system time of whole processes, from the start of the interpreter to its end,
with the same rows of as many participants, 32 in flight.

- `careful_script.py` is the peer: the 25 lines that a user would write instead. It reads the same
  CSV and writes a line a row; it validates, orders, merges, proves and resumes nothing.
- `bare_loop.py` is the yardstick: it is handed ready bodies and writes nothing at all.

batchpatch reads, validates and hashes the input, keeps the order, writes a line a row to disk,
reads them back and proves the counts; nothing of it is subtracted. Fair to all: the same server on
another core, started afresh for each, whose log must show that every request arrived once, and
that all sent the same number of bytes; they take turns, and each ratio is of two neighbours.

CPU time, and not requests per second, because that is what the client adds to whatever the
network and the platform take.

A tenth of the size is measured too. What a request adds from there on (the slope) leaves out what
each process pays once, which is most of the imports.
"""

from __future__ import annotations

from functools import partial
from shutil import rmtree
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from contestants import Spent, batchpatch, interleaved, python, spend
from figure import Figure, at_most, of_rounds, say
from inputs import body_bytes, write_csv, write_requests
from server import Arrived, serving

if TYPE_CHECKING:
    from pathlib import Path

    from figure import Settings

ROWS = 50_000
CONCURRENCY = 32
LIMIT, MOONSHOT = 1.25, 1.10
"""Against the bare loop."""
SCRIPT_ROWS = {20_000: (1.25, 1.10), 200_000: (1.20, 1.05)}
"""Rows, and what is to be reached against the script: start-up weighs less the longer it runs."""


class _Size(NamedTuple):
    rows: int
    csv: Path
    requests: Path
    expected: Arrived


def measure(settings: Settings) -> list[Figure]:
    """The whole of it, and what each request adds."""
    rows = settings.rows or ROWS
    small, large = (_prepare(settings.folder, count) for count in (max(1, rows // 10), rows))
    contestants = [
        partial(contestant, size, settings.folder)
        for size in (small, large)
        for contestant in (_bare, _run)
    ]
    bare_few, run_few, bare, run = interleaved(settings.rounds, *contestants)
    whole = [mine.cpu_s / yours.cpu_s for mine, yours in zip(run, bare, strict=True)]
    slopes = [
        (a.cpu_s - b.cpu_s) / (c.cpu_s - d.cpu_s)
        for a, b, c, d in zip(run, run_few, bare, bare_few, strict=True)
    ]
    return [
        _figure(f"client CPU per request, `run` of {rows:,} rows / bare loop", whole, run, bare),
        Figure(
            f"the same, what a request adds beyond {small.rows:,}",
            "{:.2f} x ({})".format(*of_rounds(slopes)),
        ),
        Figure("requests a second, `run` / bare loop", _rates(rows, run, bare)),
    ]


def measure_against_script(settings: Settings) -> list[Figure]:
    """The same work for a user: a file of rows in, a file of results out."""
    figures = []
    for rows, limits in SCRIPT_ROWS.items():
        size = _prepare(settings.folder, settings.rows or rows)
        script, run = interleaved(
            settings.rounds,
            *(partial(contestant, size, settings.folder) for contestant in (_script, _run)),
        )
        ratios = [mine.cpu_s / theirs.cpu_s for mine, theirs in zip(run, script, strict=True)]
        name = f"client CPU of `run`, {size.rows:,} rows / the 25-line script"
        figures.append(_figure(name, ratios, run, script, limits))
        if settings.rows:
            break
    return figures


def _figure(
    name: str,
    ratios: list[float],
    run: list[Spent],
    bare: list[Spent],
    limits: tuple[float, float] = (LIMIT, MOONSHOT),
) -> Figure:
    ratio, spread = of_rounds(ratios)
    cpu_s = [median(spent.cpu_s for spent in spents) for spents in (run, bare)]
    return Figure(
        name,
        f"{ratio:.2f} x ({spread}): {cpu_s[0]:.2f} s against {cpu_s[1]:.2f} s",
        "≤ {:.2f} (moonshot {:.2f})".format(*limits),
        at_most(ratio, *limits),
    )


def _rates(rows: int, run: list[Spent], bare: list[Spent]) -> str:
    mine, yours = (rows / median(spent.wall_s for spent in spents) for spents in (run, bare))
    return f"{mine:,.0f} / {yours:,.0f} = {mine / yours:.2f}, start-up and report included"


def _prepare(folder: Path, rows: int) -> _Size:
    requests = write_requests(folder / f"requests-{rows}.txt", rows)
    return _Size(
        rows,
        write_csv(folder / f"rows-{rows}.csv", rows),
        requests,
        Arrived({202: rows}, body_bytes(requests)),
    )


def _bare(size: _Size, folder: Path) -> Spent:
    say(f"  bare loop, {size.rows:,} requests")
    with serving(folder) as server:
        spent = spend(
            python("bare_loop.py", server.url, size.requests, str(CONCURRENCY)), folder=folder
        )
        _ensure_arrived(server.arrived(), size)
    return spent


def _script(size: _Size, folder: Path) -> Spent:
    say(f"  script, {size.rows:,} rows")
    with serving(folder) as server:
        command = python("careful_script.py", server.url, size.csv, folder / "results.jsonl")
        spent = spend(command, folder=folder)
        _ensure_arrived(server.arrived(), size)
    return spent


def _run(size: _Size, folder: Path) -> Spent:
    say(f"  batchpatch run, {size.rows:,} rows")
    out = folder / "out"
    with serving(folder) as server:
        where = ("--api-url", server.url, "--rate", "none", "--quiet", "--out", out)
        spent = spend(batchpatch("run", size.csv, *where), folder=folder)
        _ensure_arrived(server.arrived(), size)
    rmtree(out)
    return spent


def _ensure_arrived(arrived: Arrived, size: _Size) -> None:
    if arrived != size.expected:
        raise RuntimeError(f"the server has seen {arrived}, not {size.expected}")
