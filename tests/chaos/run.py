"""Kill and resume, many times over: `python tests/chaos/run.py --runs 200 --rows 5000`.

Five kinds of runs take turns: rows named by id, rows whose participants are looked up, runs that
read back what they wrote while writes are dropped, runs that are taken back, and runs that set
wrap-up codes. `--only stream` plays rows that are sent one at a time instead; see `stream.py`.
Prints one table, and exits with 1 where a promise was broken. Needs batchpatch installed and
nothing else. A case follows from its seed; only the instant at which a kill lands varies.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import stream
from harness.calls import TROUBLES
from harness.cases import KINDS
from harness.drawing import draw_case
from harness.judging import Verdict
from harness.playing import Played, play
from harness.telling import told

if TYPE_CHECKING:
    from collections.abc import Sequence

RUNS, RUN_ROWS, STREAM_ROWS = 200, 5000, 1000
_MOST_TOLD = 10
_COLUMNS = (
    "kind",
    "runs",
    "rows each",
    "kills",
    "other stops",
    "resumes",
    "faults met",
    "reads",
    "participants taken back",
    "differing participants",
    "rows lost",
    "rows with two lines",
    "overlapping writes",
    "other broken promises",
    "seconds",
)


def main(arguments: Sequence[str]) -> int:
    """Play the cases, print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("runs", "stream"), default="runs")
    parser.add_argument("--runs", type=int, help="200; of a stream, one of each way and trouble")
    parser.add_argument("--rows", type=int, help="of each run: 5000; of a stream 1000")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; then one more each")
    parser.add_argument("--kind", choices=KINDS, help="of all runs; else each in turn")
    parser.add_argument("--way", choices=TROUBLES, help="of a stream: only this one")
    parser.add_argument("--trouble", help="of a stream: only this one")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    options = parser.parse_args(arguments)
    if options.only == "runs":
        return _play_all(options)
    met = stream.kinds(options.way, options.trouble)
    if not met:
        parser.error(f"--trouble is one of {sorted({one for _, one in stream.kinds()})}")
    return stream.main(
        met,
        runs=options.runs or len(met),
        rows=options.rows or STREAM_ROWS,
        seed=options.seed,
        jobs=options.jobs,
    )


def _play_all(options: argparse.Namespace) -> int:
    rows = options.rows or RUN_ROWS
    seeds = range(options.seed, options.seed + (options.runs or RUNS))
    began_s = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        played = list(pool.map(lambda seed: _play(seed, rows=rows, kind=options.kind), seeds))
    for seed, one in zip(seeds, played, strict=True):
        if not one.verdict.is_clean:
            _tell(seed, one, rows=rows)
    print(_table(played, rows=rows, seconds=time.monotonic() - began_s))
    return 0 if all(one.verdict.is_clean for one in played) else 1


def _play(seed: int, *, rows: int, kind: str | None) -> Played:
    case = draw_case(seed, rows=rows, kind=kind)
    folder = Path(tempfile.mkdtemp(prefix=f"batchpatch-chaos-{seed}-"))
    try:
        played = play(case, folder)
    except (TimeoutError, RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        verdict = Verdict([], [], [], 0, [f"could not be played to its end: {error!r}"])
        played = Played(verdict, case.kind, 0, 0, 0, 0, 0, 0, 0.0)
    if played.verdict.is_clean:
        shutil.rmtree(folder)
    else:
        said = told(played.verdict.broken, folder, details=[case._replace(rows=[]), played])
        print(f"seed {seed}: {said}", file=sys.stderr)
    return played


def _tell(seed: int, played: Played, *, rows: int) -> None:
    again = f"python {sys.argv[0]} --runs 1 --rows {rows} --seed {seed}"
    again += f" --kind {played.kind}"
    print(f"seed {seed} broke a promise; to repeat it: {again}")
    for promise in played.verdict.broken[:_MOST_TOLD]:
        print(f"  {promise}")


def _table(played: Sequence[Played], *, rows: int, seconds: float) -> str:
    groups = {kind: [one for one in played if one.kind == kind] for kind in KINDS}
    lines = [
        _COLUMNS,
        ["---"] + ["---:"] * (len(_COLUMNS) - 1),
        *(
            _line(kind, some, rows=rows, seconds=sum(one.seconds for one in some))
            for kind, some in groups.items()
            if some
        ),
        _line("all", played, rows=rows, seconds=seconds),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _line(name: str, played: Sequence[Played], *, rows: int, seconds: float) -> list[str]:
    verdicts = [one.verdict for one in played]
    cells = (
        len(played),
        rows,
        sum(one.kills for one in played),
        sum(one.stops for one in played),
        sum(one.resumes for one in played),
        sum(one.faults for one in played),
        sum(one.reads for one in played),
        sum(one.undone for one in played),
        sum(len(verdict.differing) for verdict in verdicts),
        sum(len(verdict.lost) for verdict in verdicts),
        sum(len(verdict.doubled) for verdict in verdicts),
        sum(verdict.overlaps for verdict in verdicts),
        sum(len(verdict.problems) for verdict in verdicts),
        round(seconds),
    )
    return [name, *(f"{cell:,}" for cell in cells)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
