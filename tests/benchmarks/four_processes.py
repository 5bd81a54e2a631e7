"""Prints how four processes get on that share one token: real runs against a sandbox.

    python tests/benchmarks/four_processes.py [--rate-window-s S ...]

Each case is a sandbox of its own (300 requests a window) and four `batchpatch run` at once; the
cases wait for the most part, so they go on side by side, for about five windows each. Judged is by
the sandbox's own log. The ideal is every window but the last, in whole: what the last one takes,
and the interpreters' starts, is ours. Exit code 0 if every figure is met, 1 if one is missed, 2 if
it could not be measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from contestants import batchpatch, environment
from figure import Figure, at_most, say
from inputs import write_csv
from quota_case import ALLOWED, ask, sandbox

_PROCESSES = 4
_ROWS = 350
_LATE = ("--fault", "kind=latency,ms=200")
_MINTS = ("GENESYSCLOUD_OAUTHCLIENT_ID", "GENESYSCLOUD_OAUTHCLIENT_SECRET")
_LONGEST_WINDOWS = 20


class Case(NamedTuple):
    """What is to be tried."""

    name: str
    window_s: float
    sandbox: tuple[str, ...] = ()
    """More options of the sandbox."""
    apart_s: float = 0.0
    """Between one process's start and the next one's."""
    shared: bool = True
    """One token for all; otherwise each mints its own."""

    @property
    def ideal_s(self) -> float:
        """When the last window begins, or the last process."""
        quotas = 1 if self.shared else _PROCESSES
        full = (_PROCESSES * _ROWS // quotas - 1) // ALLOWED
        return max(full * self.window_s, (_PROCESSES - 1) * self.apart_s)


class Done(NamedTuple):
    """What came of it."""

    summaries: list[dict[str, Any]]
    stats: dict[str, Any]
    took_s: float
    """From the first request's arrival to the last one's, of those that share a window."""


def main() -> int:
    """Measure, print, and say whether all is met."""
    parser = argparse.ArgumentParser(description="Measures four processes on one token.")
    parser.add_argument("--rate-window-s", type=float, nargs="+", default=[20.0, 60.0], metavar="S")
    cases = [case for window_s in parser.parse_args().rate_window_s for case in _cases(window_s)]
    try:
        with tempfile.TemporaryDirectory(prefix="batchpatch-benchmark-") as folder:
            figures = _measure(cases, Path(folder))
    except RuntimeError as error:
        say(f"Not measured: {error}")
        return 2
    print("| Case | Measured | To reach | |", "|---|---|---|---|", sep="\n")
    for figure in figures:
        print(f"| {' | '.join(figure)} |")
    return 1 if any(figure.verdict == "missed" for figure in figures) else 0


def _cases(window_s: float) -> list[Case]:
    named = f"windows of {window_s:g} s"
    return [
        Case(f"one token, {named}, answered at once", window_s),
        Case(f"one token, {named}, answered after 0.2 s", window_s, _LATE),
        Case(
            f"one token, {named}, started a third of a window apart",
            window_s,
            _LATE,
            apart_s=window_s / 3,
        ),
        Case(f"one client, a token each, {named}, answered after 0.2 s", window_s, _LATE, 0, False),
    ]


def _measure(cases: list[Case], folder: Path) -> list[Figure]:
    say(f"  {len(cases)} cases side by side, of {_PROCESSES} processes each")

    def play(turn: int, case: Case) -> list[Figure]:
        time.sleep(turn)  # so that their bursts do not fall on each other
        own = folder / str(turn)
        own.mkdir()
        done = _play(case, own)
        say(f"  {case.name}: {done.took_s:.1f} s, {done.stats}")
        return _figures(case, done)

    with ThreadPoolExecutor(len(cases)) as pool:
        return [one for each in pool.map(play, range(len(cases)), cases) for one in each]


def _play(case: Case, folder: Path) -> Done:
    limit = ("--allowed", str(ALLOWED), "--rate-window-s", str(case.window_s))
    with sandbox(*limit, *case.sandbox) as url:
        credentials = _credentials(url, shared=case.shared)
        rows = write_csv(folder / "rows.csv", _ROWS)
        processes = []
        for number in range(_PROCESSES):
            time.sleep(case.apart_s if number else 0)
            where = ("--api-url", url, "--json", "--quiet", "--out", folder / f"out-{number}")
            processes.append(_start(batchpatch("run", rows, *where), credentials, folder))
        summaries = [_ended(process, case) for process in processes]
        log = [json.loads(line) for line in ask(url, "writes").splitlines()]
        times_s = [write["started_s"] for write in log]
        took_s = max(times_s) - min(times_s)
        if not case.shared:  # each one's windows begin when it does
            took_s = max(summary["elapsed_s"] for summary in summaries)
        return Done(summaries, json.loads(ask(url, "stats")), took_s)


def _credentials(url: str, *, shared: bool) -> dict[str, str]:
    variables = environment()
    if not shared:
        return variables
    pair = ":".join(variables.pop(name) for name in _MINTS)
    request = urllib.request.Request(  # noqa: S310
        f"{url}/oauth/token",
        b"grant_type=client_credentials",
        {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"},
    )
    with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
        return variables | {"GENESYSCLOUD_ACCESS_TOKEN": json.loads(reply.read())["access_token"]}


def _start(command: list[str], variables: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _ended(process: subprocess.Popen[bytes], case: Case) -> dict[str, Any]:
    try:
        out, err = process.communicate(timeout=_LONGEST_WINDOWS * case.window_s + 60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise RuntimeError(f"{case.name}: a run hangs") from None
    if process.returncode != 0:
        words = err.decode("utf-8", "replace")
        raise RuntimeError(f"{case.name}: a run ended with {process.returncode}: {words}")
    return dict(json.loads(out))


def _figures(case: Case, done: Done) -> list[Figure]:
    requests, refused = done.stats["requests"], done.stats["throttled"]
    settled = sum(summary["outcomes"].get("updated", 0) for summary in done.summaries)
    took = sorted(summary["elapsed_s"] for summary in done.summaries)
    ratio = done.took_s / case.ideal_s
    missing = _PROCESSES * _ROWS - min(settled, done.stats["patches_applied"])
    lasted = f"{took[-1]:.1f} s and {took[0]:.1f} s, {took[-1] / took[0]:.2f} times"
    return [
        Figure(
            f"{case.name}: refused",
            f"{refused} of {requests:,}, {refused / requests:.2%}",
            "at most 1 %",
            at_most(refused / requests, 0.01),
        ),
        Figure(
            "rows not settled", f"{missing} of {_PROCESSES * _ROWS:,}", "0", at_most(missing, 0)
        ),
        Figure(
            "time over ideal",
            f"{ratio:.2f}: {done.took_s:.1f} s against {case.ideal_s:.1f} s",
            "at most 1.15",
            at_most(ratio, 1.15),
        ),
        Figure("the slowest process and the fastest", lasted),
    ]


if __name__ == "__main__":
    sys.exit(main())
