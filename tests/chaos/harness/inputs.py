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
    from collections.abc import Iterable
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


def make_rows(dice: Random, count: int, *, marked: bool) -> list[RowSpec]:
    """Rows over fewer participants, so that those of one participant meet near and far.

    A few participants have many rows: when the others are done, all workers wait for these.
    Every value tells its row. `marked` gives every other row an attribute that no other row has,
    named after it: the sandbox's log of writes then shows which rows a request carried.
    """
    people = [_who(dice) for _ in range(max(2, round(count * dice.uniform(0.2, 0.6))))]
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


def _who(dice: Random) -> Who:
    def some_id() -> str:
        return str(uuid.UUID(int=dice.getrandbits(128), version=4))

    return some_id(), some_id()


def write_input(path: Path, rows: Iterable[RowSpec]) -> None:
    """Write the rows in the form that the file's name asks for; an unset name is an empty cell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            file.writelines(_json_line(row) for row in rows)
            return
        writer = csv.writer(file)
        if path.stem == "json-column":
            writer.writerow(["conversationId", "participantId", "attributes"])
            writer.writerows([*_ids(row), _json_cell(row)] for row in rows)
        else:
            writer.writerow(["conversationId", "participantId", *(f"attr.{n}" for n in NAMES)])
            writer.writerows(
                [*_ids(row), *(row.attributes.get(n, "") for n in NAMES)] for row in rows
            )


def _ids(row: RowSpec) -> Who:
    if row.valid:
        return row.who
    return ("not-an-id", row.who[1]) if row.number % 3 else (row.who[0], "")


def _cells(row: RowSpec) -> list[str]:
    return [row.attributes.get(name, "") for name in NAMES]


def _json_cell(row: RowSpec) -> str:
    """The attributes; a name that is not set is null, as an empty cell would be."""
    return json.dumps({**dict.fromkeys(NAMES), **row.attributes})


def _json_line(row: RowSpec) -> str:
    if not row.valid and row.number % 5 == 0:
        return '{"conversationId": "cut off in the mid\n'
    conversation_id, participant_id = _ids(row)
    ids = f'"conversationId": "{conversation_id}", "participantId": "{participant_id}"'
    return f'{{{ids}, "attributes": {_json_cell(row)}}}\n'


def state_after(rows: Iterable[RowSpec]) -> State:
    """The oracle: what the platform holds when the rows are applied one after the other."""
    state: State = {}
    for row in rows:
        if row.valid and row.attributes:
            state.setdefault(row.who, {}).update(row.attributes)
    return state
