"""Rows by seed, written as an input file, and the state that they lead to.

This knows nothing of batchpatch: what the rows ask for is worked out here a second time, in the
plainest way there is.
"""

from __future__ import annotations

import csv
import json
import uuid
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from random import Random

FORMATS = ("csv", "jsonl", "json-column")
NAMES = ("stage", "note", "agent")
MARK = "row_"
_NEAR_ROWS = 25
_BUSY = 3

Who = tuple[str, str]
State = dict[Who, dict[str, str]]


class RowSpec(NamedTuple):
    """One row as it was meant."""

    number: int
    """From 1."""
    who: Who
    """Conversation and participant, as the platform knows them."""
    attributes: dict[str, str]
    """What it sets; empty where every cell is."""
    valid: bool
    naming: tuple[tuple[str, str], ...] = ()
    """How it names its participant: columns and their cells; empty where by the id alone."""
    others: tuple[Who, ...] = ()
    """Whom it means besides."""

    @property
    def everyone(self) -> tuple[Who, ...]:
        """All whom it is sent to."""
        return (self.who, *self.others)

    @property
    def sendable(self) -> bool:
        """It asks for something that can be sent."""
        return self.valid and bool(self.attributes)


def make_rows(
    dice: Random, count: int, *, marked: bool, people: list[Who] | None = None
) -> list[RowSpec]:
    """Rows over fewer participants, so that those of one participant meet near and far.

    A few participants have many rows: when the others are done, all workers wait for these.
    Every value tells its row. `marked` gives every other row an attribute that no other row has,
    named after it: the sandbox's log of writes then shows which rows a request carried.
    """
    if people is None:
        people = [(some_id(dice), some_id(dice)) for _ in range(people_for(dice, count))]
    busy = people[:_BUSY]
    rows: list[RowSpec] = []
    for number in range(1, count + 1):
        near = rows[-_NEAR_ROWS:]
        who = dice.choice(busy if dice.random() < 0.04 else people)
        if near and dice.random() < 0.3:
            who = dice.choice(near).who
        named = [name for name in NAMES if dice.random() < 0.6]
        attributes = {name: f"{name} of {number}" for name in named}
        if marked and number % 2:
            attributes[f"{MARK}{number}"] = "here"
        rows.append(RowSpec(number, who, attributes, valid=dice.random() > 0.02))
    return rows


def people_for(dice: Random, rows: int) -> int:
    """How many participants so many rows are about."""
    return max(2, round(rows * dice.uniform(0.2, 0.6)))


def some_id(dice: Random) -> str:
    """A UUID."""
    return str(uuid.UUID(int=dice.getrandbits(128), version=4))


def write_input(path: Path, rows: Sequence[RowSpec]) -> None:
    """Write the rows in the form that the file's name asks for; an unset name is an empty cell."""
    columns = dict.fromkeys(["participantId"] + [way for row in rows for way, _ in row.naming])
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            file.writelines(_json_line(row) for row in rows)
            return
        writer = csv.writer(file)
        if path.stem == "json-column":
            writer.writerow(["conversationId", *columns, "attributes"])
            writer.writerows([*_ids(row, columns), _json_cell(row)] for row in rows)
        else:
            writer.writerow(["conversationId", *columns, *(f"attr.{n}" for n in NAMES)])
            writer.writerows([*_ids(row, columns), *_cells(row)] for row in rows)


def _ids(row: RowSpec, columns: Iterable[str]) -> list[str]:
    """The cells that say who is meant."""
    cells = said(row)
    return [cells["conversationId"], *(cells.get(column, "") for column in columns)]


def said(row: RowSpec) -> dict[str, str]:
    """What the row says of who is meant."""
    conversation_id, participant_id = row.who
    if row.naming:
        return {"conversationId": conversation_id, **dict(row.naming)}
    if not row.valid and row.number % 3:
        conversation_id = "not-an-id"
    elif not row.valid:
        participant_id = ""
    return {"conversationId": conversation_id, "participantId": participant_id}


def _cells(row: RowSpec) -> list[str]:
    return [row.attributes.get(name, "") for name in NAMES]


def _json_cell(row: RowSpec) -> str:
    """The attributes; a name that is not set is null, as an empty cell would be."""
    return json.dumps({**dict.fromkeys(NAMES), **row.attributes})


def _json_line(row: RowSpec) -> str:
    if not row.valid and row.number % 5 == 0:
        return '{"conversationId": "cut off in the mid\n'
    return f'{json.dumps(said(row))[:-1]}, "attributes": {_json_cell(row)}}}\n'


def state_after(rows: Iterable[RowSpec], before: State | None = None) -> State:
    """The oracle: what the platform holds when the rows are applied one after the other."""
    state = {who: dict(held) for who, held in (before or {}).items()}
    for row in rows:
        if row.sendable:
            for who in row.everyone:
                state.setdefault(who, {}).update(row.attributes)
    return state
