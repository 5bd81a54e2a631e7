"""What must be true after a run was taken back, worked out from the sandbox's own states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from harness.inputs import RowSpec, State, Who


class Foreign(NamedTuple):
    """What somebody else wrote to a participant; to each at most once."""

    name: str
    value: str
    settled: bool
    """The undo had reported the participant already, and will not look again."""
    early: bool
    """It came before the undo began."""


class TakenBack(NamedTuple):
    """What was seen of a run and its undo."""

    before: State
    """Before the first run."""
    after: State
    """When the run had ended, or was given up."""
    final: State
    names: Mapping[Who, AbstractSet[str]]
    """The attributes that the rows name."""
    foreign: Mapping[Who, Foreign]
    lines: Sequence[dict[str, Any]]
    """The report of the undo."""
    finished: bool
    """The run had ended; else nobody knows of some attributes whether it wrote them."""
    undisturbed: bool
    """No process of the undo was stopped."""

    def problems(self) -> list[str]:
        """What is not as it should be, in words."""
        outcomes = {(line["conversation_id"], line["participant_id"]): line for line in self.lines}
        found = [] if len(outcomes) == len(self.lines) else ["the undo reports somebody twice"]
        for who in sorted(self.before.keys() | self.after.keys() | self.final.keys()):
            found += self._of(who, outcomes.get(who))
        return found

    def changed(self, who: Who) -> set[str]:
        """The attributes that are to be taken back, because the run has left them otherwise."""
        before, after = self.before.get(who, {}), self.after.get(who, {})
        named = self.names.get(who, set())
        return {n for n in named if n in after and after[n] != before.get(n, "")}

    def _of(self, who: Who, line: dict[str, Any] | None) -> list[str]:
        held = self.final.get(who, {})
        wanted = [self._untouched(who)] if self._is_conflict(who) else [self._restored(who)]
        if self._may_differ(who):
            wanted = [self._untouched(who), self._restored(who)]
        found = []
        foreign = self.foreign.get(who)
        if foreign and held.get(foreign.name) != foreign.value:
            found.append(f"{who}: the foreign {foreign} was overwritten")
        elif held not in wanted:
            found.append(f"{who} holds {held} and not {wanted[0]}; the undo says {line}")
        return found + self._misreported(who, line)

    def _is_conflict(self, who: Who) -> bool:
        """Somebody else has changed what was to be taken back, and it was not taken back yet."""
        one = self.foreign.get(who)
        if one is None or one.settled or one.name not in self.changed(who):
            return False
        return one.value != self.before.get(who, {}).get(one.name, "")

    def _may_differ(self, who: Who) -> bool:
        """What was under way when a process died is restored or not; the report says conflict.

        And of a run that was given up, an attribute may be watched although it was never written.
        """
        one = self.foreign.get(who)
        if one is None or one.settled:
            return False
        if not self.finished and one.name in self.names.get(who, set()):
            return True
        return not one.early and self._is_conflict(who)

    def _untouched(self, who: Who) -> dict[str, str]:
        return {**self.after.get(who, {}), **self._by_others(who)}

    def _restored(self, who: Who) -> dict[str, str]:
        before, after = self.before.get(who, {}), self.after.get(who, {})
        back = {name: before.get(name, "") for name in self.changed(who)}
        return {**after, **back, **self._by_others(who)}

    def _by_others(self, who: Who) -> dict[str, str]:
        one = self.foreign.get(who)
        return {one.name: one.value} if one else {}

    def _misreported(self, who: Who, line: dict[str, Any] | None) -> list[str]:
        outcome = line["outcome"] if line else None
        changed = self.changed(who)
        if self._is_conflict(who):
            return [] if outcome == "conflict" else [f"{who}: a conflict is reported as {outcome}"]
        if outcome not in ("updated", "unchanged", None) and not self._may_differ(who):
            return [f"{who} is {outcome} in the report of the undo: {line}"]
        if changed and outcome is None:
            return [f"{who} is not in the report of the undo"]
        if line is None or outcome != "updated" or not self.undisturbed:
            return []
        blanked = sorted(name for name in changed if name not in self.before.get(who, {}))
        said = (line.get("message") or "").partition(": ")[2].split(", ")
        if self.finished and (sorted(said) if line.get("code") == "blanked" else []) != blanked:
            return [f"{who}: {blanked} were blanked, and the report says {line}"]
        return []


def names_by(rows: Iterable[RowSpec]) -> dict[Who, set[str]]:
    """The attributes that the rows write, by participant."""
    names: dict[Who, set[str]] = {}
    for row in rows:
        for who in row.everyone if row.sendable else ():
            names.setdefault(who, set()).update(row.attributes)
    return names
