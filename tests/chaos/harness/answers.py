"""What must be true of answers: each call has one or was cut off, and the server's state is theirs.

Judged from outside, by the answers that callers have, the report, and the sandbox's memory.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.inputs import MARK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.calls import Call
    from harness.inputs import State, Who

_UNSENT = frozenset({"invalid", "unchanged", "rejected"})
_ENDLESS = float("inf")


class Sitting(NamedTuple):
    """One process: the calls that it was sent, and what came of them."""

    sent: Sequence[Call]
    answers: Sequence[dict[str, Any]]
    lines: Sequence[dict[str, Any]]
    """Of its report."""
    refused: frozenset[str] = frozenset()
    """Ids of calls that were told that they are not taken."""
    given_up: frozenset[str] = frozenset()
    """Ids of calls whose callers are gone."""
    ordered: bool = True
    """Calls arrive in the order in which they are sent."""
    whole: bool = True
    """It was not killed: its report is whole."""
    drained: bool = True
    """All that it was sent was to be answered."""
    last_write: int = 0
    """Number of the last request that the sandbox had seen at its end."""

    @property
    def known(self) -> dict[str, dict[str, Any]]:
        """By id: what came of a call, as its answer says or else the report."""
        said = {str(line["id"]): line for line in self.lines if "id" in line}
        return said | {str(answer.get("id")): answer for answer in self.answers}


def answer_problems(sitting: Sitting) -> list[str]:
    """Where an answer is missing, is not its call's, comes twice, or is not what is on record."""
    times = Counter(answer.get("id") for answer in sitting.answers)
    calls = {call.id: call for call in sitting.sent}
    found = [f"{name} was answered {count} times" for name, count in times.items() if count > 1]
    found += [f"an answer for {name}, which was not sent" for name in times.keys() - calls.keys()]
    for answer in sitting.answers:
        call = calls.get(answer.get("id"))
        if call is not None and not _is_of(answer, call):
            found.append(f"{call.id} has the answer of another row: {answer}")
    if sitting.drained:
        gone = times.keys() | sitting.given_up | sitting.refused
        found += [f"{name} has no answer" for name in calls.keys() - gone]
    found += _record_problems(sitting)
    return found + (_answer_disorder(sitting) if sitting.ordered else [])


def _is_of(answer: Mapping[str, Any], call: Call) -> bool:
    if answer.get("code") == "closed":
        return answer.get("conversation_id") in (call.row.who[0], None)
    if not call.row.valid:
        return answer["outcome"] == "invalid"
    about = (answer["conversation_id"], answer.get("participant_id", call.row.who[1]))
    if not call.row.attributes:
        return answer["outcome"] == "unchanged"
    return about == call.row.who and answer["outcome"] not in ("invalid", "unchanged")


def _record_problems(sitting: Sitting) -> list[str]:
    rows = Counter(line["row"] for line in sitting.lines)
    found = [f"row {row} has {count} lines" for row, count in rows.items() if count > 1]
    if not sitting.whole:
        return found  # its last lines were not in the file yet
    said = {line["row"]: line for line in sitting.lines}
    return found + [
        f"{answer.get('id')} was told {answer}, and the report says {said.get(answer['row'])}"
        for answer in sitting.answers
        if answer.get("code") != "closed" and said.get(answer["row"]) != answer
    ]


def _answer_disorder(sitting: Sitting) -> list[str]:
    """Rows of one participant are answered in their order, where they were sent."""
    whose = {call.id: call.row for call in sitting.sent}
    last: dict[Who, int] = {}
    found = []
    for answer in sitting.answers:
        row = whose.get(answer.get("id", ""))
        if row is None or answer["outcome"] not in ("updated", "superseded"):
            continue
        if answer["outcome"] == "updated" and row.number < last.get(row.who, 0):
            found.append(f"row {row.number} is answered after row {last[row.who]}")
        last[row.who] = max(row.number, last.get(row.who, 0))
    return found


class _Effect(NamedTuple):
    """What a call may have written, or has."""

    at: tuple[int, float]
    """Sitting, and its place in the order of that sitting's rows."""
    value: str
    sure: bool


def state_problems(sittings: Sequence[Sitting], state: State) -> list[str]:
    """Where the server holds what no answer bears out.

    A row that was answered as written is there, unless a later one has overwritten it. One that was
    not sent is not. One that has no answer may be either.
    """
    effects: dict[tuple[Who, str], list[_Effect]] = defaultdict(list)
    for place, sitting in enumerate(sittings):
        known = sitting.known
        for call in sitting.sent:
            _add_effects(effects, call, known.get(call.id), sitting, place)
    held = {(who, name) for who, values in state.items() for name in values}
    found = []
    for who, name in effects.keys() | held:
        there = state.get(who, {}).get(name)
        if there not in _allowed(effects[who, name]):
            found.append(f"{who[1]} holds {there!r} as {name}, of {effects[who, name]}")
    return found


def _add_effects(
    effects: dict[tuple[Who, str], list[_Effect]],
    call: Call,
    came: Mapping[str, Any] | None,
    sitting: Sitting,
    place: int,
) -> None:
    outcome = None if came is None else came["outcome"]
    if not call.row.sendable or outcome in _UNSENT or call.id in sitting.refused:
        return
    turn = float(call.row.number) if sitting.ordered else _ENDLESS
    if came is not None and not sitting.ordered:
        turn = came["row"]
    for name, value in call.row.attributes.items():
        effect = _Effect((place, turn), value, sure=outcome == "updated")
        effects[call.row.who, name].append(effect)


def _allowed(effects: Iterable[_Effect]) -> set[str | None]:
    effects = list(effects)
    sure = max((one.at for one in effects if one.sure), default=None)
    allowed: set[str | None] = {one.value for one in effects if sure is None or one.at >= sure}
    return allowed | ({None} if sure is None else set())


class _Applied(NamedTuple):
    """A write that took effect."""

    at: int
    rows: dict[float, Call]
    """Those that it is known to carry, by their place in the order."""
    keys: frozenset[str]


def write_disorder(sittings: Sequence[Sitting], writes: Iterable[dict[str, Any]]) -> list[str]:
    """Where writes of a participant took effect in another order than that of its rows.

    A request may be repeated, because its answer was lost; without a row that has become too late
    meanwhile, if it overwrites nothing of that. A later one goes on behind it.
    """
    turns = [_turns(sitting) for sitting in sittings]
    done: dict[tuple[str, str, int], list[_Applied]] = defaultdict(list)
    for write in writes:
        place = sum(write["number"] > sitting.last_write for sitting in sittings[:-1])
        marks = (name.removeprefix(MARK) for name in write["keys"] if name.startswith(MARK))
        rows = dict(turns[place][mark] for mark in marks if mark in turns[place])
        if write["applied"] is not None and rows:
            who = (write["conversation_id"], write["participant_id"], place)
            done[who].append(_Applied(write["applied"], rows, frozenset(write["keys"])))
    found = []
    for who, one in done.items():
        in_order = sorted(one, key=lambda write: write.at)
        for before, after in itertools.pairwise(in_order):
            if max(before.rows) >= min(after.rows) and not _is_repeated(before, after):
                rows = f"{sorted(after.rows)} took effect after rows {sorted(before.rows)}"
                found.append(f"rows {rows} of {who[1]}")
    return found


def _is_repeated(before: _Applied, after: _Applied) -> bool:
    if not after.rows.keys() <= before.rows.keys():
        return False
    left_out = [before.rows[turn] for turn in before.rows.keys() - after.rows.keys()]
    return all(after.keys.isdisjoint(call.row.attributes) for call in left_out)


def _turns(sitting: Sitting) -> dict[str, tuple[float, Call]]:
    """By mark: the row's place in the order, and the row; of those that are known."""
    known = sitting.known
    places = {
        call.id: float(call.row.number if sitting.ordered else known[call.id]["row"])
        for call in sitting.sent
        if sitting.ordered or call.id in known
    }
    return {
        str(call.row.number): (places[call.id], call) for call in sitting.sent if call.id in places
    }


def overtaken(sitting: Sitting) -> list[str]:
    """Rows without an answer although a later one of their participant was written.

    Sending them again would put an old value over a new one.
    """
    known, waiting = sitting.known, dict[tuple[str, str], str]()
    found = []
    for call in sitting.sent if sitting.ordered else ():
        if not call.row.sendable or call.id in sitting.given_up:
            continue
        if call.id not in known or known[call.id].get("code") == "closed":
            waiting.setdefault(call.row.who, call.id)
        elif known[call.id]["outcome"] == "updated" and call.row.who in waiting:
            found.append(f"{call.id} was written, {waiting[call.row.who]} before it has no answer")
    return found
