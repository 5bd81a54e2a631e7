"""Plays a case: a run, what breaks it, and its resumption until it ends by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from harness import client
from harness.inputs import write_input
from harness.judging import (
    Epoch,
    Verdict,
    differing,
    disorder,
    gaps,
    line_counts,
    line_problems,
    summary_problems,
    whole_lines,
)
from harness.world import LONG_S, Sandbox, sandbox_process, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from harness.cases import Case, StopAt

BRIEF_S = 0.15
"""Of a run with `max-duration`."""
_FINISHED = frozenset({0, 1})


class Played(NamedTuple):
    """How it went."""

    verdict: Verdict
    kills: int
    stops: int
    """Signals and limits that ended a process in order."""
    resumes: int
    faults: int
    """Requests that were answered with an error, or not at all."""
    seconds: float


def play(case: Case, folder: Path) -> Played:
    """Play a case in an empty folder."""
    began_s = time.monotonic()
    with sandbox_process(case.sandbox) as server:
        play = _Play(case, folder, server)
        code = play.to_the_end()
        verdict = play.judge(code)
        stats = server.stats()
        refused = sum(n for status, n in stats["statuses"].items() if int(status) >= 400)
    return Played(
        verdict,
        play.kills,
        play.stops,
        play.resumes,
        refused + stats["connections_cut"],
        time.monotonic() - began_s,
    )


class _Play:
    def __init__(self, case: Case, folder: Path, server: Sandbox) -> None:
        self._case = case
        self._server = server
        self._dice = Random(case.seed)  # noqa: S311
        suffix = "jsonl" if case.format == "jsonl" else "csv"
        self._input = folder / f"{case.format}.{suffix}"
        self._out = folder / "out"
        self._results = self._out / "results.jsonl"
        self._errors = folder / "stderr"
        self._epochs: list[Epoch] = []
        self._problems: list[str] = []
        self._left = list(case.stops)
        self.kills = self.stops = self.resumes = 0
        write_input(self._input, case.rows)

    def to_the_end(self) -> int:
        """Run, and resume whatever ends it before its time; the last exit code."""
        for _ in range(len(self._case.stops) + 1):
            code = self._session(self._left.pop(0) if self._left else None)
            if code in _FINISHED:
                break
        if code in _FINISHED and self._case.refused:
            self._problems += self._is_right(code, without=self._case.refused)
            self._server.replace_faults([])
            self._note_epoch(without="rejected")
            code = self._follow(self._start(None, "--retry", "rejected"), None)
        return code

    def judge(self, code: int) -> Verdict:
        """Compare everything that can be seen from outside with what the rows ask for."""
        case, lines = self._case, whole_lines(self._results)
        lost, doubled = line_counts(case.rows, lines)
        if code not in _FINISHED:
            self._problems.append(f"ended with {code}: {self._said()}")
        else:
            self._problems += self._is_right(code, without=frozenset())
        self._problems += disorder(self._server.writes(), self._epochs)
        return Verdict(
            differing(case.rows, self._server.state(), without=frozenset()),
            lost,
            doubled,
            self._server.stats()["overlaps"],
            self._problems,
        )

    def _is_right(self, code: int, *, without: frozenset[str]) -> list[str]:
        rows, lines = self._case.rows, whole_lines(self._results)
        summary = self._summary()
        if summary is None:
            return [f"no summary: {self._said()}"]
        found = line_problems(rows, lines) + summary_problems(rows, lines, summary, code)
        if wrong := differing(rows, self._server.state(), without=without):
            found.append(f"{len(wrong)} participants differ")
        return found

    def _session(self, stop: StopAt | None) -> int:
        """One process, from its start to its end or its stop."""
        code = self._follow(self._start(stop), stop)
        if code < 0:
            self.kills += 1
            if stop is not None and stop.kind == "kill and cut" and self._results.exists():
                os.truncate(self._results, self._dice.randint(0, self._results.stat().st_size))
        elif code not in _FINISHED:
            self.stops += 1
            self._problems += self._stopped_badly(code, stop)
        self._note_epoch()
        self._problems += gaps(self._case.rows, self._epochs[-1].settled)
        return code

    def _note_epoch(self, *, without: str | None = None) -> None:
        """What the next process finds settled; rows of the outcome `without` it sends again."""
        lines = whole_lines(self._results)
        settled = frozenset(line["row"] for line in lines if line["outcome"] != without)
        self._epochs.append(Epoch(len(self._server.writes()), settled))

    def _stopped_badly(self, code: int, stop: StopAt | None) -> list[str]:
        """A stop in order leaves a summary that says where it stands."""
        wanted = {"SIGINT": 130, "SIGTERM": 130, "max-duration": 3}.get(stop.kind if stop else "")
        if code != wanted:
            return [f"{stop} ended it with {code}: {self._said()}"]
        summary, lines = self._summary() or {"exit_code": None}, whole_lines(self._results)
        if summary["exit_code"] != code or sum(summary["outcomes"].values()) != len(lines):
            return [f"{stop}: the summary says {summary}, and there are {len(lines)} lines"]
        return []

    def _summary(self) -> dict[str, Any] | None:
        path = self._out / "summary.json"
        summary: dict[str, Any] | None = json.loads(path.read_bytes()) if path.exists() else None
        return summary

    def _said(self) -> str:
        return self._errors.read_text()[-500:]

    def _start(self, stop: StopAt | None, *arguments: str) -> subprocess.Popen[bytes]:
        resume = (self._out / "run.json").exists()
        brief = stop is not None and stop.kind == "max-duration"
        order = self._order(resume=resume, brief=brief)
        if resume and not brief:
            order["command"] = ["resume", str(self._out), "--quiet", *arguments]
        self.resumes += resume
        with self._errors.open("wb") as errors:
            return subprocess.Popen(
                [sys.executable, client.__file__, json.dumps(order)],
                env={**os.environ, **client.CREDENTIALS},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def _order(self, *, resume: bool, brief: bool) -> dict[str, Any]:
        return {
            "api_url": self._server.url,
            "input": str(self._input),
            "out": str(self._out),
            "resume": resume,
            "window_rows": self._case.window_rows,
            "concurrency": self._case.concurrency,
            "buffer_bytes": self._case.buffer_bytes,
            "max_duration_s": BRIEF_S if brief else None,
        }

    def _follow(self, process: subprocess.Popen[bytes], stop: StopAt | None) -> int:
        """Wait for the moment of the stop, then for the end, then for what is still under way.

        What a dead client had in flight is let arrive before the next process begins: what may
        happen otherwise is that of a late arrival, and has a test of its own.
        """
        try:
            if stop is not None and stop.kind != "max-duration":
                self._wait_for(process, stop)
                if process.poll() is None:
                    process.send_signal(
                        signal.SIGKILL if "kill" in stop.kind else signal.Signals[stop.kind]
                    )
            code = process.wait(timeout=LONG_S)
        finally:
            process.kill()
        self._server.come_to_rest()
        return code

    def _wait_for(self, process: subprocess.Popen[bytes], stop: StopAt) -> None:
        writes = round(stop.share * self._expected_writes())
        if "kill" not in stop.kind:  # before it listens for signals, they kill as well
            writes = max(writes, self._server.stats()["patches_applied"] + 1)
        wait_until(
            lambda: process.poll() is not None or self._server.stats()["patches_applied"] >= writes,
            f"{writes} writes",
        )

    def _expected_writes(self) -> int:
        """About as many as an undisturbed run makes, and rather too few than too many."""
        case = self._case
        sendable = [row for row in case.rows if row.valid and row.attributes]
        if case.window_rows == 1:
            return len(sendable)
        return len({(row.who, row.number // max(case.window_rows, 1000)) for row in sendable})
