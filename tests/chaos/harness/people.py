"""Conversations that the sandbox is told of, and the ways in which rows can name who is in them.

This knows nothing of batchpatch: who is meant by a row is worked out here a second time.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from harness.inputs import NAMES, State, Who, some_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from random import Random

    from harness.inputs import RowSpec

ORDER = "order"
"""An attribute that tells participants apart, and that no row writes."""
_PURPOSES = ("customer", "agent", "agent", "external", "acd")
_WAYS = ("participantId", "purpose", "userId", "externalContactId", "address", f"match.{ORDER}")


class Person(NamedTuple):
    """One participant, as it is before anything happens."""

    who: Who
    told: dict[str, str]
    """What a row can name it by; `purpose`, `userId`... and `match.order`."""
    attributes: dict[str, str]


class Talk(NamedTuple):
    """One conversation."""

    people: list[Person]
    """In order of joining."""
    ended: bool
    in_analytics: bool

    @property
    def id(self) -> str:
        """Its id."""
        return self.people[0].who[0]


class Manner(NamedTuple):
    """How the rows of a case name people."""

    ambiguous: str = "refuse"
    usual: bool = False
    """`--participant customer`: a row that says nothing means the customer."""
    skip_ended: bool = False


def make_talks(dice: Random, people: int, *, unknown: float, ended: float) -> list[Talk]:
    """Conversations with so many participants in all; some have values already, some blank ones."""
    talks: list[Talk] = []
    while sum(len(talk.people) for talk in talks) < people:
        conversation_id = some_id(dice)
        purposes = dice.sample(_PURPOSES, dice.randint(1, 4))
        members = [
            _person(dice, conversation_id, purpose, number)
            for number, purpose in enumerate(purposes)
        ]
        talks.append(Talk(members, dice.random() < ended, dice.random() >= unknown))
    return talks


def _person(dice: Random, conversation_id: str, purpose: str, number: int) -> Person:
    told = {"participantId": some_id(dice), "purpose": purpose, f"match.{ORDER}": f"O-{number}"}
    if purpose == "agent":
        told["userId"] = some_id(dice)
    else:
        told["externalContactId"] = some_id(dice)
        told["address"] = f"tel:+1555{dice.randrange(10**7):07}"
    attributes = {ORDER: f"O-{number}"}
    for name in NAMES:
        if dice.random() < 0.5:
            attributes[name] = dice.choice(("", f"{name} before", f"{name} before"))
    return Person((conversation_id, told["participantId"]), told, attributes)


def told_to_the_sandbox(talks: Iterable[Talk]) -> bytes:
    """What is sent to POST /sandbox/conversations."""
    lines = [
        {
            "conversationId": talk.id,
            "participantId": person.who[1],
            "attributes": person.attributes,
            "ended": talk.ended,
            "analytics": talk.in_analytics,
            **{key: value for key, value in person.told.items() if key in _WAYS[1:5]},
        }
        for talk in talks
        for person in talk.people
    ]
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def state_before(talks: Iterable[Talk]) -> State:
    """What the sandbox holds when it has been told."""
    return {person.who: dict(person.attributes) for talk in talks for person in talk.people}


def fitting(talk: Talk, naming: Mapping[str, str]) -> list[Person]:
    """Those who are all that a row says; a participant id says it alone."""
    if "participantId" in naming:
        naming = {"participantId": naming["participantId"]}
    return [
        person
        for person in talk.people
        if all(person.told.get(way) == value for way, value in naming.items())
    ]


def name_rows(
    dice: Random, rows: Iterable[RowSpec], talks: Sequence[Talk], manner: Manner
) -> list[RowSpec]:
    """The rows, each naming its participant in a way of its own; who is meant follows from that."""
    by_id = {talk.id: talk for talk in talks}
    return [_named(dice, row, by_id[row.who[0]], manner) for row in rows]


def _named(dice: Random, row: RowSpec, talk: Talk, manner: Manner) -> RowSpec:
    if not row.valid:
        return _for_nobody(row)
    told = next(person.told for person in talk.people if person.who == row.who)
    ways = dice.sample([way for way in _WAYS if way in told], dice.choice((1, 1, 1, 2)))
    naming = {way: told[way] for way in ways}
    meant = fitting(talk, naming)
    if manner.usual and dice.random() < 0.3:
        naming, meant = {"purpose": ""}, fitting(talk, {"purpose": "customer"})
    row = row._replace(naming=tuple(naming.items()))
    skipped = manner.skip_ended and talk.ended
    if not row.attributes:
        return row  # nobody is looked for
    if not meant or skipped or (len(meant) > 1 and manner.ambiguous == "refuse"):
        return row._replace(valid=False)
    if manner.ambiguous == "last":
        meant = meant[::-1]
    who, *others = [person.who for person in meant]
    return row._replace(who=who, others=tuple(others) if manner.ambiguous == "all" else ())


def _for_nobody(row: RowSpec) -> RowSpec:
    """A row whose participant is not in the conversation; one with nothing to set never asks."""
    naming = (("purpose", "voicemail"),) if row.number % 2 else ((f"match.{ORDER}", "O-none"),)
    return row._replace(naming=naming, valid=not row.attributes)


def told_by_id(everyone: Iterable[Who]) -> bytes:
    """Conversations of one customer each, for POST /sandbox/conversations."""
    lines = [
        {"conversationId": who[0], "participantId": who[1], "purpose": "customer"}
        for who in dict.fromkeys(everyone)
    ]
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()
