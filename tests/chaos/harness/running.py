"""One case at work: a run of the rows, and what is to be said of every run."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from harness.inputs import write_input
from harness.journey import FINISHED, Journey
from harness.judging import (
    Verdict,
    differing,
    disorder,
    failures,
    line_counts,
    line_problems,
    summary_problems,
)
from harness.people import state_before, told_to_the_sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.cases import Case
    from harness.inputs import Who
    from harness.world import Sandbox


class Play:
    """A run of the rows, and what is to be said of every run."""

    def __init__(self, case: Case, folder: Path, server: Sandbox) -> None:
        self._case = case
        self._server = server
        self._folder = folder
        self._dice = Random(case.seed)  # noqa: S311
        self._input = folder / f"{case.format}.{'jsonl' if case.format == 'jsonl' else 'csv'}"
        self._rows = case.rows
        """Those of the run: a plan's, where it is one that is run."""
        self._before = state_before(case.talks)
        self._problems: list[str] = []
        self.journeys: list[Journey] = []
        self.undone = 0
        self._retried = False
        self.prepare()

    def prepare(self) -> None:
        """Write the input, and tell the sandbox who is there."""
        write_input(self._input, self._case.rows)
        if self._case.talks:
            self._server.tell(told_to_the_sandbox(self._case.talks))

    def to_the_end(self) -> Verdict:
        """Run, and resume whatever ends it before its time."""
        journey = self._journey()
        code = journey.go(self._case.stops)
        if code in FINISHED and self._case.refused:
            self._problems += self._wrong(journey, code, without=self._case.refused)
            self._server.replace_faults([])
            code = journey.retry("rejected")
        return self._judged(journey, code, self._wrong(journey, code))

    def _journey(self) -> Journey:
        case = self._case
        order = {
            **case.options,
            **({"find": {}, "read": {}} if case.planned else {}),
            "api_url": self._server.url,
            "input": str(self._input),
            "out": str(self._folder / "out"),
            "window_rows": case.window_rows,
            "concurrency": case.concurrency,
            "buffer_bytes": case.buffer_bytes,
        }
        journey = Journey(
            self._server,
            self._folder / "out",
            order,
            dice=self._dice,
            expected=self._expected(),
            rows=self._rows,
        )
        self.journeys.append(journey)
        return journey

    def _judged(self, journey: Journey, code: int, wrong: list[str]) -> Verdict:
        """Compare everything that can be seen from outside with what the rows ask for."""
        if code not in FINISHED:
            wrong = [f"ended with {code}: {journey.said()}"]
        lost, doubled = line_counts(self._rows, journey.lines())
        epochs = journey.epochs
        if self._case.planned:  # its lines have other numbers than the rows that left their marks
            epochs = [epoch._replace(settled=frozenset()) for epoch in epochs]
        out_of_order = disorder(self._writes(), epochs)
        return Verdict(
            self._differing(journey),
            lost,
            doubled,
            self._server.stats()["overlaps"],
            [*self._problems, *journey.problems, *wrong, *out_of_order],
        )

    def _writes(self) -> list[dict[str, Any]]:
        """The log of writes, in which marks name rows of the run's input."""
        return self._server.writes()

    def _wrong(
        self, journey: Journey, code: int, *, without: frozenset[str] = frozenset()
    ) -> list[str]:
        lines, summary = journey.lines(), journey.summary()
        if summary is None:
            return [f"no summary: {journey.said()}"]
        found = line_problems(self._rows, lines, compares=self._compares)
        found += summary_problems(self._rows, lines, summary, code, timed=journey.timed)
        if without and (wrong := self._differing(journey, without=without)):
            found.append(f"{len(wrong)} participants differ")
        return found if without else found + self._failures(lines)

    def _failures(self, lines: Sequence[dict[str, Any]]) -> list[str]:
        """Rows that did not make it; no fault here lasts longer than a client's patience."""
        return failures(lines)

    @property
    def _compares(self) -> bool:
        return self._case.compares

    def _differing(self, _: Journey, *, without: frozenset[str] = frozenset()) -> list[Who]:
        state = self._server.state()
        return differing(self._rows, state, without=without, before=self._before)

    def _expected(self) -> dict[str, int]:
        """About as many as an undisturbed run makes, and rather too few than too many."""
        case = self._case
        sendable = [row for row in self._rows if row.sendable]
        writes = len({(row.who, row.number // max(case.window_rows, 1000)) for row in sendable})
        if case.window_rows == 1:
            writes = len(sendable)
        reads = len(case.talks) // 2 if any(row.naming for row in self._rows) else 0
        reads += writes if any(case.options.get("looking", {}).values()) else 0
        return {"patches_applied": writes, "requests": writes + reads}
