"""Measures, and prints the tables of BENCHMARKS.md.

    python tests/benchmarks/run.py [--only NAME ...] [--rows N] [--rounds N]

Linux, two cores and nginx. Everything at its stated size takes about half an hour, most of it
the runs of a million rows; `--rows 20000` is a look in a few minutes. Progress goes to standard
error, the table to standard output. Exit code 0 if every figure is met, 1 if one is missed, 2 if
it could not be measured.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import check_speed
import client_cpu
import official_sdk
import peak_memory
import report_page
import resume_start
import start_up
from figure import Settings, say
from server import MISSING, find_nginx

if TYPE_CHECKING:
    from collections.abc import Callable

    from figure import Figure


class Benchmark(NamedTuple):
    """Something that can be measured by its name."""

    measure: Callable[[Settings], list[Figure]]
    needs_nginx: bool


BENCHMARKS = {
    "script-cpu": Benchmark(client_cpu.measure_against_script, needs_nginx=True),
    "client-cpu": Benchmark(client_cpu.measure, needs_nginx=True),
    "start-up": Benchmark(start_up.measure, needs_nginx=False),
    "official-sdk": Benchmark(official_sdk.measure, needs_nginx=True),
    "check-csv": Benchmark(check_speed.measure_csv, needs_nginx=False),
    "check-jsonl": Benchmark(check_speed.measure_jsonl, needs_nginx=False),
    "check-numbers": Benchmark(check_speed.measure_numbers, needs_nginx=False),
    "check-rules": Benchmark(check_speed.measure_rules, needs_nginx=False),
    "memory-check": Benchmark(peak_memory.measure_check, needs_nginx=False),
    "memory-run": Benchmark(peak_memory.measure_run, needs_nginx=True),
    "resume": Benchmark(resume_start.measure, needs_nginx=False),
    "report": Benchmark(report_page.measure, needs_nginx=False),
}
LIBRARIES = ("aiohttp", "uvloop", "orjson", "yarl", "multidict", "PureCloudPlatformClientV2")


def main() -> int:
    """Measure what was asked for; answers the exit code."""
    arguments = _arguments()
    chosen = {name: BENCHMARKS[name] for name in arguments.only or BENCHMARKS}
    if find_nginx() is None and any(benchmark.needs_nginx for benchmark in chosen.values()):
        say(MISSING)
        return 2
    try:
        figures = [figure for name in chosen for figure in _measure(name, arguments)]
    except RuntimeError as error:
        say(f"Not measured: {error}")
        return 2
    print(_table(figures), *_facts(arguments), sep="\n")
    return 1 if any(figure.verdict == "missed" for figure in figures) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures batchpatch; see BENCHMARKS.md.")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, metavar="NAME")
    parser.add_argument("--rows", type=int, metavar="N", help="in place of each one's own size")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="medians of so many")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or (arguments.rows is not None and arguments.rows < 1000):
        parser.error("at least one round, and 1,000 rows")
    return arguments


def _measure(name: str, arguments: argparse.Namespace) -> list[Figure]:
    say(f"{name}:")
    with tempfile.TemporaryDirectory(prefix="batchpatch-benchmark-") as folder:
        return BENCHMARKS[name].measure(
            Settings(Path(folder), rows=arguments.rows, rounds=arguments.rounds)
        )


def _table(figures: list[Figure]) -> str:
    lines = ["| Figure | Measured | To reach | |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(figure)} |" for figure in figures]
    return "\n".join(lines)


def _facts(arguments: argparse.Namespace) -> list[str]:
    """What has to be known to measure it again."""
    cores = len(os.sched_getaffinity(0))
    facts = [f"{cores} cores ({platform.machine()})", f"Python {platform.python_version()}"]
    for library in LIBRARIES:
        try:
            facts.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            continue
    if (nginx := find_nginx()) is not None:
        said = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=False).stderr
        facts.append(said.strip().removeprefix("nginx version: "))
    shared = "" if cores > 1 else " Client and server had to share the one core."
    rounds = (
        f"Medians of {arguments.rounds} (of check, 5 at least), taking turns; in brackets, the "
        "least and the most."
    )
    return ["", f"{', '.join(facts)}. {rounds}{shared}"]


if __name__ == "__main__":
    sys.exit(main())
