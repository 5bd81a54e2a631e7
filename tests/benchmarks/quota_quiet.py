"""What is measured with nothing beside it: CPU, and runs of tenths of seconds."""

from __future__ import annotations

import json
from functools import partial
from shutil import rmtree
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from contestants import Spent, batchpatch, interleaved, python, server_core, spend
from figure import Figure, at_most, of_rounds, say
from inputs import write_csv, write_requests
from quota_case import ALLOWED, ask, sandbox

if TYPE_CHECKING:
    from pathlib import Path

_LIMITED = ("--allowed", str(ALLOWED))
_CONCURRENCY = 32
_TOKENS = 50
_ROUNDS = 5
_SMALL_ROUNDS = 7
_ANSWERS = {"at once": (), "after 0.2 s": ("--fault", "kind=latency,ms=200")}


def burst_s(folder: Path) -> float:
    """What the last window's burst takes where nothing limits it."""
    rows = write_csv(folder / "burst.csv", ALLOWED)
    return median(_elapsed_s(rows, (), folder) for _ in range(_ROUNDS))


def small(folder: Path) -> list[Figure]:
    """A small file must not wait for anything."""
    rows = write_csv(folder / "small.csv", 250)
    figures = []
    for name, late in _ANSWERS.items():
        say(f"  250 rows, answered {name}")
        bare, ours = interleaved(
            _SMALL_ROUNDS,
            partial(_elapsed_s, rows, late, folder),
            partial(_elapsed_s, rows, (*_LIMITED, *late), folder),
        )
        ratio = median(ours) / median(bare)
        figures.append(
            Figure(
                f"250 rows, a fresh token, answered {name}: time over that without any limit",
                f"{ratio:.2f}: {median(ours):.3f} s against {median(bare):.3f} s, medians of"
                f" {_SMALL_ROUNDS}",
                "under 3",
                at_most(ratio, 3),
            )
        )
    return figures


def _elapsed_s(rows: Path, options: tuple[str, ...], folder: Path) -> float:
    with sandbox(*options, core=server_core()) as url:
        _, summary = _run(rows, url, folder)
        return float(summary["elapsed_s"])


def _run(rows: Path, url: str, folder: Path, *more: str) -> tuple[Spent, dict[str, Any]]:
    out = folder / "out"
    where = ("--api-url", url, "--json", "--quiet", "--out", out)
    spent = spend(batchpatch("run", rows, *where, *more), folder=folder)
    rmtree(out)
    return spent, json.loads(spent.output)


class _Size(NamedTuple):
    rows: int
    csv: Path
    requests: Path


def cpu(folder: Path) -> Figure:
    """What following 50 limits costs: a window's worth of each token, and a tenth of that.

    Judged are whole processes, from the interpreter's start to its end, on a core of their own;
    what a request adds beyond the tenth leaves out what each process pays once.
    """
    count = ALLOWED * _TOKENS
    few, many = (
        _Size(
            rows,
            write_csv(folder / f"rows-{rows}.csv", rows),
            write_requests(folder / f"requests-{rows}.txt", rows),
        )
        for rows in (count // 10, count)
    )
    contestants = [partial(who, size, folder) for size in (few, many) for who in (_bare, _ours)]
    bare_few, run_few, bare, run = interleaved(_ROUNDS, *contestants)
    ratio, spread = of_rounds(mine / yours for mine, yours in zip(run, bare, strict=True))
    slope, slopes = of_rounds(
        (a - b) / (c - d) for a, b, c, d in zip(run, run_few, bare, bare_few, strict=True)
    )
    each_us = [median(costs) / count * 1e6 for costs in (run, bare)]
    return Figure(
        f"CPU per request at {_TOKENS} tokens, {count:,} requests in their first window of 60 s:"
        " `run` over a bare loop without a limit",
        f"{ratio:.2f} times ({spread}): {each_us[0]:.0f} us against {each_us[1]:.0f} us,"
        f" start-up included; {slope:.2f} times ({slopes}) beyond the first {few.rows:,}",
        "at most 1.5 times",
        at_most(ratio, 1.5),
    )


def _bare(size: _Size, folder: Path) -> float:
    say(f"  bare loop, {size.rows:,} requests")
    with sandbox(core=server_core()) as url:
        command = python("bare_minted.py", url, size.requests, str(_CONCURRENCY))
        spent = spend(command, folder=folder)
        _ensure_arrived(url, size)
    return spent.cpu_s


def _ours(size: _Size, folder: Path) -> float:
    say(f"  batchpatch run, {size.rows:,} rows, {_TOKENS} tokens")
    with sandbox(*_LIMITED, core=server_core()) as url:
        spent, _ = _run(size.csv, url, folder, "--tokens", str(_TOKENS))
        _ensure_arrived(url, size)
    return spent.cpu_s


def _ensure_arrived(url: str, size: _Size) -> None:
    stats = json.loads(ask(url, "stats"))
    if stats["throttled"] or stats["patches_applied"] != size.rows:
        raise RuntimeError(f"not each of {size.rows} once, and none refused: {stats}")
