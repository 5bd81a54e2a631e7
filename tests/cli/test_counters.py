"""The counters of a run are those of the server's own log, wherever the run is stopped."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Start = Callable[..., subprocess.Popen[str]]
ROWS = 120
STOPS = ("SIGINT", "SIGTERM", "SIGHUP", "--max-failures", "--max-duration")
FAULTS = (
    "status=503,rate=0.1,times=1",
    "kind=reset_before,rate=0.05,times=1",
    "kind=latency,ms=30,rate=0.3",
    "status=400,rate=0.1",
    "kind=429,rate=0.02,times=1,retry_after=0",
)
OWN = 2
"""Requests of a process for itself: whose token it is, and the limit of its organisation."""


def go(start: Start, sandbox: Any, dice: Random, words: list[str], stop: str | None) -> int:
    """A process from its start to its end, or to a stop at a random moment; its exit code."""
    begun = sandbox.get("stats")["requests"]
    given = {"--max-failures": ["2"], "--max-duration": ["0.4s"], "--limit": ["50"]}
    process = start(*words, *([stop, *given[stop]] if stop in given else []))
    if stop is not None and stop.startswith("SIG"):
        enough = begun + dice.randint(1, ROWS // 3)
        while process.poll() is None and sandbox.get("stats")["requests"] < enough:
            pass  # each look asks the server
        if process.poll() is None:
            process.send_signal(signal.Signals[stop])
    _, said = process.communicate(timeout=60)
    assert process.returncode in (0, 1, 3, 130), said
    return int(process.returncode)


@pytest.mark.parametrize("seed", range(3))
def test_wherever_it_stops_the_counters_are_those_of_the_log(
    seed: int,
    start_batchpatch: Start,
    make_rows: Callable[..., Path],
    sandbox: Any,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    """What was handed out and never left is no patch; what left twice is one, and a repetition."""
    dice = Random(seed)  # noqa: S311 - nothing here is a secret
    make_rows(ROWS)
    sandbox.set_faults(*FAULTS)

    def start(*words: str) -> subprocess.Popen[str]:
        return start_batchpatch(*words, env=credentials)

    pace = ["--rate", "150/s", "--concurrency", dice.choice(("8", "32"))]
    words = ["run", "rows.csv", "--api-url", sandbox.url, "--out", "r", "--window", "1", *pace]
    stops = [dice.choice((*STOPS[:3], "--limit")), *dice.sample(STOPS, 1), None]
    firsts = 0
    for processes, stop in enumerate(stops, 1):
        before = sandbox.get("stats")["patches"]
        code = go(start, sandbox, dice, words, stop)
        words = ["resume", "r", *pace]
        summary = json.loads((tmp_path / "r" / "summary.json").read_bytes())
        stats, log = sandbox.get("stats"), sandbox.writes()
        firsts += len({write["participant_id"] for write in log[before:]})
        assert summary["requests"] == stats["requests"], stop
        assert summary["throttled"] == stats["statuses"].get("429", 0), stop
        assert summary["patches"] == firsts, stop
        assert summary["retries"] == len(log) - firsts, stop
        others = summary["requests"] - len(log) - summary["reads"]
        assert 0 <= others <= OWN * processes, stop
        if code in (0, 1) and not summary["unattempted"] and stop != "--limit":
            break
    assert summary["outcomes"].keys() <= {"updated", "rejected"}
    assert sum(summary["outcomes"].values()) == ROWS
