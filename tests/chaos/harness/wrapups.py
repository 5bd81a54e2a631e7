"""Rows that set wrap-up codes, the agents whom they are about, and what they lead to.

This knows nothing of batchpatch: what is set in the end is worked out here a second time.
"""

from __future__ import annotations

import csv
import json
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.inputs import RowSpec, State, Who, some_id
from harness.people import Person, Talk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from random import Random

    from harness.cases import Case

CODES = {
    name: str(uuid.UUID(int=number, version=4))
    for number, name in enumerate(("Verkauft", "Nobody there", "Rückruf", "Rückruf, dringend"), 9)
}
"""Codes that the sandbox is told of, by name."""
_PURPOSES = (("customer", "agent"), ("customer", "agent"), ("agent", "acd", "agent"))


class Manner(NamedTuple):
    """What a case of wrap-up codes does besides setting them."""

    looking: dict[str, Any]
    undone: bool
    route: str | None


def make_talks(dice: Random, agents: int) -> list[Talk]:
    """Conversations with so many agents in all; some have a code already."""
    talks: list[Talk] = []
    while sum(one.told["purpose"] == "agent" for talk in talks for one in talk.people) < agents:
        conversation_id = some_id(dice)
        people = [_person(dice, conversation_id, one) for one in dice.choice(_PURPOSES)]
        talks.append(Talk(people, ended=dice.random() < 0.3, in_analytics=dice.random() < 0.9))
    return talks


def _person(dice: Random, conversation_id: str, purpose: str) -> Person:
    told = {"participantId": some_id(dice), "purpose": purpose}
    held = {}
    if purpose == "agent":
        told["userId"] = some_id(dice)
        if dice.random() < 0.5:
            held = {"code": dice.choice(list(CODES.values())), "notes": "before"}
    return Person((conversation_id, told["participantId"]), told, held)


def told_to_the_sandbox(talks: Iterable[Talk]) -> bytes:
    """What is sent to POST /sandbox/conversations."""
    lines = [
        {
            "conversationId": talk.id,
            **one.told,
            "ended": talk.ended,
            "analytics": talk.in_analytics,
            **({"wrapup": one.attributes} if one.attributes else {}),
        }
        for talk in talks
        for one in talk.people
    ]
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def codes_told() -> bytes:
    """What is sent to POST /sandbox/codes."""
    return "\n".join(json.dumps({"id": one, "name": name}) for name, one in CODES.items()).encode()


def make_rows(dice: Random, count: int, talks: Sequence[Talk], *, tags: bool) -> list[RowSpec]:
    """Rows over fewer agents; each has notes of its own, some no code, and some say nobody."""
    agents = [(one, talk) for talk in talks for one in talk.people if "userId" in one.told]
    rows: list[RowSpec] = []
    for number in range(1, count + 1):
        person, talk = dice.choice(agents)
        wrapup = {"code": dice.choice(list(CODES.values())), "notes": f"notes of {number}"}
        if tags and dice.random() < 0.5:
            wrapup["tags"] = json.dumps([f"tag {number}"])
        valid = dice.random() > 0.03
        asks = dice.random() > 0.05 or not valid
        ways: list[tuple[tuple[str, str], ...]] = [(), (("userId", person.told["userId"]),)]
        if sum("userId" in one.told for one in talk.people) == 1:
            ways += [(("participantId", ""),)] * 2
        naming = dice.choice(ways) if asks else ()
        rows.append(RowSpec(number, person.who, wrapup if asks else {}, valid, naming))
    return rows


def _cell_of_code(row: RowSpec) -> str:
    """An id, or a name as people type it; a name of nothing, or none."""
    if not row.valid:
        return "Rückruff"
    if not row.attributes:
        return ""
    name = next(name for name, one in CODES.items() if one == row.attributes["code"])
    return (row.attributes["code"], name, name.upper(), f" {name} ")[row.number % 4]


def write_rows(path: Path, rows: Sequence[RowSpec]) -> None:
    """Write the rows in the form that the file's name asks for."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            file.writelines(f"{json.dumps(_line(row))}\n" for row in rows)
            return
        writer = csv.writer(file)
        writer.writerow(
            ("conversationId", "participantId", "userId", "wrapupCode", "notes", "tags")
        )
        for row in rows:
            said, has = _who(row), row.attributes
            who = (row.who[0], said.get("participantId", ""), said.get("userId", ""))
            writer.writerow((*who, _cell_of_code(row), has.get("notes", "x"), has.get("tags", "")))


def _who(row: RowSpec) -> dict[str, str]:
    return dict(row.naming) or {"participantId": row.who[1]}


def _line(row: RowSpec) -> dict[str, Any]:
    wrapup: dict[str, Any] = {"code": _cell_of_code(row), "notes": row.attributes.get("notes", "x")}
    if "tags" in row.attributes:
        wrapup["tags"] = json.loads(row.attributes["tags"])
    return {"conversationId": row.who[0], **_who(row), "wrapup": wrapup}


def state_of(documents: Iterable[dict[str, Any]]) -> State:
    """What is set, by conversation and participant."""
    found: dict[Who, dict[str, str]] = {}
    for one in documents:
        if held := one.get("wrapup"):
            texts = {name: held[name] for name in ("code", "notes") if held.get(name)}
            tags = {"tags": json.dumps(held["tags"])} if held.get("tags") else {}
            found[one["conversationId"], one["participantId"]] = texts | tags
    return found


def state_after(rows: Iterable[RowSpec], before: State) -> State:
    """The oracle: the last row of an agent is all that is set."""
    state = {who: dict(held) for who, held in before.items() if held}
    for row in rows:
        if row.sendable:
            state[row.who] = dict(row.attributes)
    return state


def as_wrapups(dice: Random, case: Case, rows: int) -> Case:
    """The case with rows, people and looks of its own; its troubles and stops stay."""
    manner = _manner(dice)
    talks = make_talks(dice, max(2, round(rows * dice.uniform(0.3, 0.8))))
    format = dice.choice(("csv", "jsonl"))  # noqa: A001 - the word of the command line
    sandbox = case.sandbox
    if "verify" in manner.looking:
        sandbox = ["--fault", "kind=drop,rate=0.05,times=1", *sandbox]
    return case._replace(
        format=format,
        rows=make_rows(dice, rows, talks, tags=not manner.looking.get("keep_before")),
        talks=talks,
        sandbox=sandbox,
        options={
            **case.options,
            "find": {"lookup_batch": dice.choice((7, 100))},
            "read": {},
            "looking": manner.looking,
            "route": manner.route,
            "undone": manner.undone,
        },
    )


def _manner(dice: Random) -> Manner:
    undone = dice.random() < 0.5
    looking: dict[str, Any] = {"keep_before": True} if undone else {}
    if not undone and dice.random() < 0.5:
        looking["verify"] = {"share": 1.0, "for_s": 3.0}
    return Manner(looking, undone, dice.choice((None, None, "communication")))
