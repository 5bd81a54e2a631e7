"""Plays what comes after a run that kept what was there: others write, and it is taken back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.inputs import NAMES
from harness.journey import FINISHED, Journey
from harness.judging import line_counts
from harness.planned import plan_rows
from harness.restored import Foreign, TakenBack, names_by

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random

    from harness.cases import Case
    from harness.inputs import RowSpec, State, Who
    from harness.world import Sandbox


class TakingBack:
    """An undo from its first process to its end, and what others write meanwhile."""

    def __init__(
        self, case: Case, rows: Sequence[RowSpec], server: Sandbox, folder: Path, dice: Random
    ) -> None:
        assert case.undoing is not None
        self._undoing = case.undoing
        self._buffer_bytes = case.buffer_bytes
        self._rows = rows
        self._server = server
        self._folder = folder
        self._dice = dice
        self._foreign: dict[Who, Foreign] = {}
        self._attempts = 0
        self.journeys: list[Journey] = []
        self.undone = 0

    def take_back(self, before: State, after: State, *, finished: bool) -> list[str]:
        """Undo the run that led from one state to the other; what is wrong with what comes of it.

        `finished`: the run had ended by itself.
        """
        self._server.replace_faults(self._undoing.faults)
        self._write(self._undoing.foreign // 2, early=True)
        found_there = self._server.state()
        journey, problems = self._undone(self._folder / "out", between=True)
        disturbed = any(one.kills or one.stops for one in self.journeys)
        taken = TakenBack(
            before=before,
            after=after,
            final=self._server.state(),
            names=names_by(self._rows),
            foreign=self._foreign,
            lines=journey.lines(),
            finished=finished,
            undisturbed=not disturbed,
        )
        problems += taken.problems()
        self.undone = len(taken.lines)
        is_last = not self._undoing.anew and all(one.early for one in self._foreign.values())
        if self._undoing.redo and is_last:
            problems += self._redone(journey.out, found_there)
        return problems

    def _redone(self, out: Path, wanted: State) -> list[str]:
        """Undo the undo: what it has found is there again."""
        _, problems = self._undone(out, between=False)
        state = self._server.state()
        wrong = sorted(who for who in wanted.keys() | state.keys() if state.get(who) != wanted[who])
        return problems + [
            f"undone twice, {who} holds {state.get(who)}, not {wanted[who]}" for who in wrong
        ]

    def _undone(self, run: Path, *, between: bool) -> tuple[Journey, list[str]]:
        """Undo a run to the end."""
        stops, problems = list(self._undoing.stops), list[str]()
        journey = self._journey(run, between=between)
        if self._undoing.anew:
            journey.go([stops.pop(0)], give_up=True)
            problems += journey.problems
            journey = self._journey(run, between=between)
        code = journey.go(stops)
        problems += journey.problems
        if code not in FINISHED:
            problems.append(f"the undo ended with {code}: {journey.said()}")
        return journey, problems + self._miscounted(run, journey, code)

    def _miscounted(self, run: Path, journey: Journey, code: int) -> list[str]:
        source = run / "undo-input.jsonl"
        asked = plan_rows(source) if source.exists() else []
        lines = journey.lines()
        lost, doubled = line_counts([row for row, _ in asked], lines)
        found = [f"the undo lost {lost[:5]}"] * bool(lost)
        found += [f"the undo has two lines of {doubled[:5]}"] * bool(doubled)
        wanted = int(any(line["outcome"] not in ("updated", "unchanged") for line in lines))
        return found if code == wanted else [*found, f"the undo ended with {code}, not {wanted}"]

    def _journey(self, run: Path, *, between: bool) -> Journey:
        self._attempts += 1
        out = self._folder / f"undo-{self._attempts}"
        order = {
            "undo": str(run),
            "api_url": self._server.url,
            "out": str(out),
            "buffer_bytes": self._buffer_bytes,
        }
        people = len(names_by(self._rows))

        def others_write() -> None:
            if between and not self._undoing.anew:
                self._write(self._undoing.foreign // 4, early=False)

        journey = Journey(
            self._server,
            out,
            order,
            dice=self._dice,
            expected={"patches_applied": people, "requests": 2 * people},
            between=others_write,
        )
        self.journeys.append(journey)
        return journey

    def _write(self, count: int, *, early: bool) -> None:
        """Somebody else writes to so many participants."""
        people = sorted(names_by(self._rows).keys() - self._foreign.keys())
        reported = set() if early else self._reported()
        lines = []
        for who in self._dice.sample(people, min(count, len(people))):
            name = self._dice.choice((*NAMES, "flow"))
            one = Foreign(name, f"foreign {len(self._foreign)}", who in reported, early)
            self._foreign[who] = one
            ids = {"conversationId": who[0], "participantId": who[1]}
            lines.append(json.dumps({**ids, "attributes": {name: one.value}}) + "\n")
        self._server.tell("".join(lines).encode())

    def _reported(self) -> set[Who]:
        lines = self.journeys[-1].lines()
        return {(line["conversation_id"], line["participant_id"]) for line in lines}
