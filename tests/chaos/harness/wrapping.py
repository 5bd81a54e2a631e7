"""Runs that set wrap-up codes: by name or id, along either route, read back, and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.journey import FINISHED, Journey
from harness.judging import Verdict, failures
from harness.running import Play
from harness.wrapups import codes_told, state_after, state_of, told_to_the_sandbox, write_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.inputs import State, Who


class Wrapped(Play):
    """A run of codes; where writes are dropped it reads back, where it keeps it is taken back."""

    def prepare(self) -> None:
        """Write the input, and tell the sandbox who is there and which codes there are."""
        write_rows(self._input, self._case.rows)
        self._server.tell(told_to_the_sandbox(self._case.talks))
        self._server.tell_codes(codes_told())

    def to_the_end(self) -> Verdict:
        """Run it, send again what was dropped, judge it, take it back, judge that."""
        journey = self._journey()
        code = journey.go(self._case.stops)
        if "verify" in self._case.options["looking"]:
            self._problems += self._wrong(journey, code)
            self._server.replace_faults([])
            self._retried = True
            code = journey.retry("all")
        verdict = self._judged(journey, code, self._wrong(journey, code))
        if not self._case.options["undone"] or not (journey.out / "undo.jsonl").exists():
            return verdict
        problems = self._taken_back(journey)
        overlaps = self._server.stats()["overlaps"]
        return verdict._replace(overlaps=overlaps, problems=[*verdict.problems, *problems])

    def _failures(self, lines: Sequence[dict[str, Any]]) -> list[str]:
        dropped = "verify" in self._case.options["looking"] and not self._retried
        return failures(lines, but="not_stored" if dropped else None)

    @property
    def _compares(self) -> bool:
        return self._retried or super()._compares

    def _state(self) -> State:
        return state_of(self._server.stored())

    def _differing(self, _: Journey, *, without: frozenset[str] = frozenset()) -> list[Who]:
        wanted, state = state_after(self._rows, self._before), self._state()
        if "verify" in self._case.options["looking"] and not self._retried:
            return []  # some were dropped, which the lines say
        return sorted(w for w in wanted.keys() | state.keys() if wanted.get(w) != state.get(w))

    def _taken_back(self, run: Journey) -> list[str]:
        """Undo the run, killed as it was; what is wrong with what comes of it."""
        after = self._state()
        people = len({row.who for row in self._rows})
        journey = Journey(
            self._server,
            self._folder / "undo",
            {
                "undo": str(run.out),
                "api_url": self._server.url,
                "out": str(self._folder / "undo"),
                "buffer_bytes": self._case.buffer_bytes,
            },
            dice=self._dice,
            expected={"patches_applied": people // 2, "requests": 2 * people},
        )
        self.journeys.append(journey)
        code = journey.go([stop for stop in self._case.stops if stop.kind == "kill"])
        self.undone = len(journey.lines())
        found = list(journey.problems)
        if code not in FINISHED:
            return [*found, f"the undo ended with {code}: {journey.said()}"]
        return found + self._wrongly_restored(journey, after)

    def _wrongly_restored(self, journey: Journey, after: State) -> list[str]:
        """Who had a code has it again; who had none keeps the new one, and is rejected."""
        lines = {(one["conversation_id"], one["participant_id"]): one for one in journey.lines()}
        found = [] if len(lines) == len(journey.lines()) else ["the undo reports somebody twice"]
        final = self._state()
        for who in sorted(after):
            before = self._before.get(who) or {}
            changed = before != after[who]
            if final.get(who) != (before or after[who]):
                found.append(f"{who} holds {final.get(who)}, before {before}, after {after[who]}")
            line = lines.get(who, {})
            told = line.get("outcome"), line.get("code")
            if changed and not before and told != ("rejected", "cannot_unset"):
                found.append(f"{who} cannot be taken back, and the undo says {told}")
            if changed and before and told[0] not in ("updated", "unchanged"):
                found.append(f"{who} is to be restored, and the undo says {told}")
        return found
