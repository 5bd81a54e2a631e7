"""What the tests of this stage share: conversations, rows, and reads that are counted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.genesys.conversations.conversation import Conversation, Participant
from batchpatch.genesys.conversations.reader import Unread
from batchpatch.model import Criterion, Row, RowContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

UNKNOWN = Unread("unknown_conversation", 404, "not known", "check the id", is_unknown=True)


def person(name: str, purpose: str = "customer", **fields: Any) -> Participant:
    """A participant as a GET shows it."""
    plain = Participant(name, purpose, "", "", (), {}, left=False)
    return plain._replace(**fields)


def talk(conversation_id: str, *people: Participant, ended: bool = False) -> Conversation:
    """A conversation as a GET shows it."""
    return Conversation(conversation_id, people, ended)


class FakeReads:
    """The platform's conversations, as analytics and a GET show them."""

    def __init__(self, *conversations: Conversation) -> None:
        self.get = {one.id: one for one in conversations}
        self.analytics = {one.id: one for one in conversations}
        self.failing: dict[str, Unread | Exception] = {}
        self.looked_up: list[list[str]] = []
        self.read_ids: list[str] = []
        self.at_once = self.most_at_once = 0

    async def look_up(self, ids: Iterable[str]) -> dict[str, Conversation]:
        if wanted := list(ids):
            self.looked_up.append(wanted)
        await asyncio.sleep(1)
        return {one: _without(self.analytics[one]) for one in wanted if one in self.analytics}

    async def read(
        self, conversation_id: str, *, max_age_s: float | None = None, fresh: bool = False
    ) -> Conversation | Unread:
        self.read_ids.append(conversation_id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(1)
        self.at_once -= 1
        failure = self.failing.get(conversation_id)
        if isinstance(failure, Exception):
            raise failure
        if failure is not None:
            return failure
        return self.get.get(conversation_id, UNKNOWN)


def _without(conversation: Conversation) -> Conversation:
    people = tuple(one._replace(attributes=None, addresses=()) for one in conversation.participants)
    return conversation._replace(participants=people)


def sought(
    number: int, conversation_id: str, *selector: Criterion, names: bool = True, **context: Any
) -> Row:
    """A row that names its participant by what it is; a customer unless told otherwise."""
    selector = selector or (Criterion("purpose", "customer"),)
    given: dict[str, tuple[str, ...]] = {"names": ("a",), "values": ("x",)}
    if not names:
        given = {"names": (), "values": ()}
    meant = RowContext(selector=selector, **context)
    return Row(number, number + 1, 0, conversation_id, "", context=meant, **given)


@pytest.fixture(scope="session")
def a_person() -> Callable[..., Participant]:
    """Makes a participant."""
    return person


@pytest.fixture(scope="session")
def a_talk() -> Callable[..., Conversation]:
    """Makes a conversation."""
    return talk


@pytest.fixture(scope="session")
def a_row() -> Callable[..., Row]:
    """Makes a row with a selector."""
    return sought


@pytest.fixture(scope="session")
def fake_reads() -> type[FakeReads]:
    """Makes the platform's conversations."""
    return FakeReads
