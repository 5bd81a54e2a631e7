"""A run on its way: a process, what breaks it, and the next, until one ends by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from harness import client
from harness.judging import Epoch, gaps, whole_lines
from harness.world import LONG_S, Sandbox, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from random import Random

    from harness.cases import StopAt
    from harness.inputs import RowSpec

BRIEF_S = 0.15
"""Of a run with `max-duration`."""
FINISHED = frozenset({0, 1})


class Journey:
    """The processes of one run, one after the other."""

    def __init__(
        self,
        server: Sandbox,
        out: Path,
        begin: Mapping[str, Any],
        *,
        dice: Random,
        expected: Mapping[str, int],
        rows: Sequence[RowSpec] = (),
        between: Callable[[], None] = lambda: None,
    ) -> None:
        """Start nothing yet.

        Args:
            server: where it runs to.
            out: directory of the run.
            begin: the order to the first process.
            dice: where files are cut.
            expected: about how much the server will have counted at the end, by the count's name.
            rows: the input, where its order is to be checked whenever a process ends.
            between: called whenever a process was stopped and the next has not begun.
        """
        self._server = server
        self.out = out
        self.results = out / "results.jsonl"
        self._begin = begin
        self._dice = dice
        self._expected = expected
        self._rows = rows
        self._between = between
        self._errors = out.with_suffix(".stderr")
        self._counted_before = server.stats()
        self.epochs: list[Epoch] = []
        self.problems: list[str] = []
        self.kills = self.stops = self.resumes = 0
        self.timed = False
        """The last process had a time limit."""

    def go(self, stops: Sequence[StopAt], *, give_up: bool = False) -> int:
        """Run, and resume whatever ends it before its time; the last exit code.

        `give_up`: do not resume after the last of the stops.
        """
        code = -1
        for stop in stops if give_up else (*stops, None):
            code = self._session(stop)
            if code in FINISHED:
                break
            self._between()
        while not give_up and code not in FINISHED and self._sent_away():
            code = self._session(None)
        return code

    def retry(self, outcome: str) -> int:
        """Send the rows of this outcome, or `all` that did not make it, once more."""
        self._note_epoch(without=outcome)
        return self._follow(self._start(None, "--retry", outcome), None)

    def summary(self) -> dict[str, Any] | None:
        """What the last process said at its end, if it did."""
        path = self.out / "summary.json"
        summary: dict[str, Any] | None = json.loads(path.read_bytes()) if path.exists() else None
        return summary

    def lines(self) -> list[dict[str, Any]]:
        """The report as it is."""
        return whole_lines(self.results)

    def said(self) -> str:
        """The last words of the last process."""
        return self._errors.read_text()[-500:]

    def _session(self, stop: StopAt | None) -> int:
        """One process, from its start to its end or its stop."""
        code = self._follow(self._start(stop), stop)
        if code < 0:
            self.kills += 1
            if stop is not None and stop.kind == "kill and cut" and self.results.exists():
                os.truncate(self.results, self._dice.randint(0, self.results.stat().st_size))
        elif code not in FINISHED:
            self.stops += 1
            self.problems += self._stopped_badly(code, stop)
        self._note_epoch()
        self.problems += gaps(self._rows, self.epochs[-1].settled)
        return code

    def _note_epoch(self, *, without: str | None = None) -> None:
        """What the next process finds settled; rows of the outcome `without` it sends again."""
        again = {"rejected", "unknown", "conflict", "not_stored"} if without == "all" else {without}
        settled = frozenset(line["row"] for line in self.lines() if line["outcome"] not in again)
        self.epochs.append(Epoch(len(self._server.writes()), settled))

    def _stopped_badly(self, code: int, stop: StopAt | None) -> list[str]:
        """A stop in order leaves a summary that says where it stands."""
        wanted = {"SIGINT": 130, "SIGTERM": 130, "max-duration": 3}.get(stop.kind if stop else "")
        if code != wanted and not self._sent_away():
            return [f"{stop} ended it with {code}: {self.said()}"]
        summary, lines = self.summary() or {"exit_code": None}, self.lines()
        if summary["exit_code"] != code or sum(summary["outcomes"].values()) != len(lines):
            return [f"{stop}: the summary says {summary}, and there are {len(lines)} lines"]
        return []

    def _sent_away(self) -> bool:
        """A 429 that asks for hours has ended the last process, in order."""
        summary = self.summary() or {}
        return "admits no request until" in (summary.get("stopped_because") or "")

    def _start(self, stop: StopAt | None, *arguments: str) -> subprocess.Popen[bytes]:
        resume = (self.out / "run.json").exists()
        order = {**self._begin, "resume": resume}
        self.timed = stop is not None and stop.kind == "max-duration"
        if self.timed:
            order["max_duration_s"] = BRIEF_S
        elif resume:
            order["command"] = ["resume", str(self.out), "--quiet", *arguments]
        self.resumes += resume
        return start(order, self._errors)

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
        enough = self._counted_before[stop.of] + round(stop.share * self._expected[stop.of])
        if "kill" not in stop.kind:  # before it listens for signals, they kill as well
            enough = max(enough, self._server.stats()[stop.of] + 1)
        wait_until(
            lambda: process.poll() is not None or self._server.stats()[stop.of] >= enough,
            f"{enough} {stop.of}",
        )


def start(order: Mapping[str, Any], errors: Path) -> subprocess.Popen[bytes]:
    """A process of the client that carries out this order."""
    with errors.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, client.__file__, json.dumps(order)],
            env={**os.environ, **client.CREDENTIALS},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
        )
