"""Runs that read back what they wrote, and runs that are taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.inputs import MARK
from harness.journey import FINISHED, Journey
from harness.judging import Verdict, failures
from harness.planned import make_plan, plan_problems, plan_rows
from harness.readback import effects, impossible, unfounded, verdict_problems
from harness.running import Play
from harness.takingback import TakingBack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.inputs import Who


class Verified(Play):
    """A run that reads back, while writes are dropped; then those are sent again."""

    def to_the_end(self) -> Verdict:
        """Judge what the run says of its writes, and whether a retry mends it."""
        journey = self._journey()
        code = journey.go(self._case.stops)
        self._problems += self._wrong(journey, code)
        self._problems += self._misjudged(journey)
        self._server.replace_faults([])
        self._retried = True
        code = journey.retry("all")
        return self._judged(journey, code, self._wrong(journey, code))

    def _failures(self, lines: Sequence[dict[str, Any]]) -> list[str]:
        """What was dropped is not stored, until it was sent again."""
        return failures(lines, but=None if self._retried else "not_stored")

    @property
    def _compares(self) -> bool:
        """A row that is sent again may have nothing left to send."""
        return self._retried or super()._compares

    def _misjudged(self, journey: Journey) -> list[str]:
        lines, state = {line["row"]: line for line in journey.lines()}, self._server.state()
        seen = effects(self._server.writes())
        shut = self._case.unreadable
        found = verdict_problems(self._rows, lines, seen, share=self._share, unreadable=shut)
        found += unfounded(self._rows, lines, state)
        wrong = impossible(self._rows, lines, seen, state, self._before)
        return [*found, f"{len(wrong)} hold what cannot be: {wrong[:2]}"] if wrong else found

    @property
    def _share(self) -> float:
        share: float = self._case.options["looking"]["verify"]["share"]
        return share

    def _differing(self, journey: Journey, *, without: frozenset[str] = frozenset()) -> list[Who]:
        """Of what was never looked for nobody knows whether it was dropped."""
        if self._share == 1 and not self._case.unreadable:
            return super()._differing(journey, without=without)
        lines = {line["row"]: line for line in journey.lines()}
        seen = effects(self._server.writes())
        return impossible(self._rows, lines, seen, self._server.state(), self._before)


class Undone(Play):
    """A run that keeps what was there, or one of a plan, and what takes it back."""

    def to_the_end(self) -> Verdict:
        """Run it, judge it, take it back, judge that."""
        case, undoing = self._case, self._case.undoing
        assert undoing is not None
        if case.planned:
            self._plan()
        journey = self._journey()
        if undoing.unfinished:
            kills = [stop for stop in case.stops if "kill" in stop.kind]
            finished = journey.go(kills, give_up=True) in FINISHED
        else:
            code = journey.go(case.stops)
            verdict = self._judged(journey, code, self._wrong(journey, code))
            finished = True
        after = self._server.state()
        back = TakingBack(case, self._rows, self._server, self._folder, self._dice)
        problems = list[str]()
        if (journey.out / "undo.jsonl").exists():
            problems = back.take_back(self._before, after, finished=finished)
        elif after != self._before:
            problems = ["what was there was not kept, and it has changed"]
        self.journeys += back.journeys
        self.undone = back.undone
        if undoing.unfinished:
            overlaps = self._server.stats()["overlaps"]
            return Verdict([], [], [], overlaps, [*self._problems, *journey.problems, *problems])
        overlaps = self._server.stats()["overlaps"]
        return verdict._replace(overlaps=overlaps, problems=[*verdict.problems, *problems])

    def _writes(self) -> list[dict[str, Any]]:
        """A mark of a row names the line of the plan that came of it."""
        line_of = {name: row.number for row in self._rows for name in row.attributes}
        writes = self._server.writes()
        for write in writes if self._case.planned else ():
            keys = [f"{MARK}{line_of[key]}" for key in write["keys"] if key.startswith(MARK)]
            write["keys"] = sorted(set(keys))
        return writes

    def _plan(self) -> None:
        """Make the plan, however often that is killed; its lines are the rows from then on."""
        case, path = self._case, self._folder / "plan.jsonl"
        order = {
            **case.options,
            "plan": True,
            "api_url": self._server.url,
            "input": str(self._input),
            "out": str(path),
            "window_rows": case.window_rows,
            "concurrency": case.concurrency,
        }
        self._problems += make_plan(self._server, order, self._dice)
        lines = plan_rows(path)
        self._problems += plan_problems(case.rows, lines, self._before)
        self._rows = [row for row, _ in lines]
        self._input = path
