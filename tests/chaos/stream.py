"""Rows sent one at a time, and what goes wrong: `python tests/chaos/run.py --only stream`.

Each way (the pipe, a program with the library, one with its stream, `serve`) meets each of its
troubles; see `harness/calls.py`. Prints one table, a line for each way and trouble.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from harness.calls import TROUBLES, draw_stream
from harness.streaming import StreamPlayed, play_stream
from harness.telling import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_COLUMNS = (
    "way",
    "trouble",
    "cases",
    "calls",
    "answered",
    "cancelled",
    "cut off",
    "faults met",
    "state that no answer bears out",
    "overlapping writes",
    "tokens too many",
    "other broken promises",
    "seconds",
)
_MOST_TOLD = 10
Kind = tuple[str, str]
"""A way, and what it meets."""


def kinds(way: str | None = None, trouble: str | None = None) -> list[Kind]:
    """All there are, of one way or one trouble where that is given."""
    return [
        (one, met)
        for one, troubles in TROUBLES.items()
        for met in troubles
        if way in (None, one) and trouble in (None, met)
    ]


def main(met: Sequence[Kind], *, runs: int, rows: int, seed: int, jobs: int) -> int:
    """Play so many cases, the kinds taking turns; print what came of them."""
    cases = [(seed + number, *met[number % len(met)]) for number in range(runs)]
    began_s = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        played = list(pool.map(lambda case: _play(*case, rows=rows), cases))
    for (number, *_), one in zip(cases, played, strict=True):
        if not one.is_clean:
            _tell(number, one, rows=rows)
    print(_table(played, seconds=time.monotonic() - began_s))
    return 0 if all(one.is_clean for one in played) else 1


def _play(seed: int, way: str, trouble: str, *, rows: int) -> StreamPlayed:
    folder = Path(tempfile.mkdtemp(prefix=f"batchpatch-chaos-{way}-{seed}-"))
    case = draw_stream(seed, rows=rows, way=way, trouble=trouble)
    try:
        played = play_stream(case, folder)
    except (TimeoutError, RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        because = [f"could not be played to its end: {error!r}"]
        played = StreamPlayed(way, trouble, rows, 0, 0, 0, 0, 0, 0, [], because, 0.0)
    if played.is_clean:
        shutil.rmtree(folder)
    else:
        said = told(played.broken, folder, details=[case._replace(calls=[]), played])
        print(f"seed {seed}: {said}", file=sys.stderr)
    return played


def _tell(seed: int, played: StreamPlayed, *, rows: int) -> None:
    again = f"python {sys.argv[0]} --only stream --runs 1 --rows {rows} --seed {seed}"
    again += f" --way {played.way} --trouble '{played.trouble}'"
    print(f"seed {seed} broke a promise; to repeat it: {again}")
    for promise in played.broken[:_MOST_TOLD]:
        print(f"  {promise}")


def _table(played: Sequence[StreamPlayed], *, seconds: float) -> str:
    lines = [list(_COLUMNS), ["---"] * 2 + ["---:"] * (len(_COLUMNS) - 2)]
    for way, trouble in kinds():
        some = [one for one in played if (one.way, one.trouble) == (way, trouble)]
        if some:
            lines.append(_line(way, trouble, some, seconds=sum(one.seconds for one in some)))
    lines.append(_line("all", "", played, seconds=seconds))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _line(way: str, trouble: str, played: Iterable[StreamPlayed], *, seconds: float) -> list[str]:
    some = list(played)
    cells = (
        len(some),
        sum(one.calls for one in some),
        sum(one.answered for one in some),
        sum(one.cancelled for one in some),
        sum(one.unanswered for one in some),
        sum(one.faults for one in some),
        sum(len(one.state) for one in some),
        sum(one.overlaps for one in some),
        sum(one.tokens for one in some),
        sum(len(one.problems) for one in some),
        round(seconds),
    )
    return [way, trouble, *(f"{cell:,}" for cell in cells)]
