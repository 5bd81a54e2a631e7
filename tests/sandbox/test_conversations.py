"""What a conversation shows of its participants, and what a test may tell the sandbox of them."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from batchpatch.sandbox.conversations import (
    agent_id,
    customer_id,
    external_contact_id,
    phone_number,
    user_id,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conftest import Caller

    Start = Callable[..., Awaitable[Caller]]

pytestmark = pytest.mark.asyncio

C = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
P = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae8"
OF_WHOM = {"userId", "externalContactId", "ani", "address", "endTime"}


async def tell(caller: Caller, **line: Any) -> None:
    body = orjson.dumps({"conversationId": C} | line)
    status, _, answer = await caller.send("POST", "/sandbox/conversations", body=body)
    assert status == 200, answer


async def show(caller: Caller, conversation: str = C) -> tuple[dict[str, Any], dict[str, Any]]:
    """A conversation and its participants by id."""
    _, _, body = await caller.send("GET", f"/api/v2/conversations/{conversation}")
    document = orjson.loads(body)
    return document, {p["id"]: p for p in document["participants"]}


async def test_adopted_participants_can_be_told_apart_by_more_than_ids(start: Start) -> None:
    """People name a contact, a number or a user; the names must be the platform's own."""
    caller = await start()
    await caller.patch({"a": "1"})
    _, shown = await show(caller)
    customer, agent, joined = (shown[known_id] for known_id in (customer_id(C), agent_id(C), P))
    assert {name: customer.get(name) for name in OF_WHOM} == {
        "userId": None,
        "externalContactId": external_contact_id(C),
        "ani": phone_number(C),
        "address": phone_number(C),
        "endTime": None,
    }
    assert (agent["userId"], agent["name"]) == (user_id(C), "Agent")
    assert OF_WHOM & agent.keys() == {"userId"}
    assert OF_WHOM & joined.keys() == set()
    assert joined["startTime"] == joined["connectedTime"] == customer["startTime"]


async def test_what_is_made_up_looks_like_the_platforms() -> None:
    """A client may check the form of an id or a number before it compares."""
    others = [str(uuid.UUID(int=n)) for n in range(200)]
    assert uuid.UUID(external_contact_id(C)).version == uuid.UUID(user_id(C)).version == 5
    assert len({external_contact_id(c) for c in others} | {user_id(c) for c in others}) == 400
    assert all(re.fullmatch(r"tel:\+1[2-9]\d{9}", phone_number(c)) for c in others)


async def test_a_participant_is_what_was_told_of_it_and_no_more(start: Start) -> None:
    """A test of look-ups sets up its own people, and fields that are not set are absent."""
    caller = await start(strict=True)
    await tell(
        caller,
        participantId=P,
        purpose="external",
        userId="u-1",
        externalContactId="x-1",
        address="sip:anna@example.com",
        ani="tel:+4930123456",
        name="Anna Größe",
        attributes={"a": "1"},
    )
    for known_id in (customer_id(C), agent_id(C)):
        await tell(caller, participantId=known_id)
    _, shown = await show(caller)
    anna = shown[P]
    assert (anna["name"], anna["purpose"], anna["attributes"]) == (
        "Anna Größe",
        "external",
        {"a": "1"},
    )
    assert (anna["userId"], anna["externalContactId"]) == ("u-1", "x-1")
    assert (anna["address"], anna["ani"]) == ("sip:anna@example.com", "tel:+4930123456")
    assert shown.keys() == {P, customer_id(C), agent_id(C)}
    assert OF_WHOM & (shown[customer_id(C)].keys() | shown[agent_id(C)].keys()) == set()
    assert (shown[customer_id(C)]["purpose"], shown[agent_id(C)]["name"]) == ("customer", "Agent")


async def test_what_is_told_comes_on_top(start: Start) -> None:
    """Lines come one after the other, and of an adopted conversation much is known already."""
    caller = await start()
    await caller.patch({"a": "1"}, participant=customer_id(C))
    await tell(caller, participantId=customer_id(C), ani="tel:+1")
    await tell(caller, participantId=customer_id(C), name="Anna", purpose="external", ani=None)
    _, shown = await show(caller)
    customer = shown[customer_id(C)]
    assert (customer["name"], customer["purpose"]) == ("Anna", "external")
    assert (customer["ani"], customer["attributes"]) == ("tel:+1", {"a": "1"})
    assert customer["externalContactId"] == external_contact_id(C)


async def test_a_flow_may_write_in_the_middle_of_a_run(start: Start) -> None:
    """Between a client's read and its write anything may happen to an attribute."""
    caller = await start()
    await caller.patch({"a": "ours", "b": "ours"})
    await tell(caller, participantId=P, attributes={"a": "the flow's", "c": "the flow's"})
    assert await caller.stored() == {P: {"a": "the flow's", "b": "ours", "c": "the flow's"}}
    await caller.patch({"a": "ours again"})
    assert (await caller.stored())[P]["a"] == "ours again"


async def test_who_has_left_is_shown_and_takes_no_writes(start: Start) -> None:
    """Threads report a 409 for one that has left, while the conversation goes on."""
    caller = await start()
    await tell(caller, participantId=P, purpose="agent", left=True, attributes={"a": "1"})
    await tell(caller, participantId=OTHER)
    document, shown = await show(caller)
    assert shown[P]["endTime"] >= shown[P]["startTime"]
    assert shown[P]["calls"][0]["state"] == "disconnected"
    assert "endTime" not in document.keys() | shown[OTHER].keys()
    status, _, body = await caller.patch({"a": "2"})
    envelope = orjson.loads(body)
    assert (status, envelope["status"]) == (409, 409)
    assert "left" in envelope["message"]
    assert (await caller.patch({"a": "2"}, participant=OTHER))[0] == 202
    assert await caller.stored() == {P: {"a": "1"}, OTHER: {"a": "2"}}
    await tell(caller, participantId=P, left=False)
    assert (await caller.patch({"a": "3"}))[0] == 202


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2020-02-03T04:05:06Z", "2020-02-03T04:05:06.000Z"),
        ("2020-02-03T04:05:06.789+02:00", "2020-02-03T02:05:06.789Z"),
    ],
)
async def test_an_ended_conversation_says_since_when_and_takes_writes(
    start: Start, told: str, expected: str
) -> None:
    """How long the platform accepts them is unknown, so the sandbox does and the client warns."""
    caller = await start()
    await tell(caller, participantId=P, ended=told)
    document, shown = await show(caller)
    assert document["endTime"] == shown[P]["endTime"] == expected
    assert document["startTime"] <= expected
    assert (await caller.patch({"a": "1"}))[0] == 202
    assert await caller.stored() == {P: {"a": "1"}}
    await tell(caller, ended=False)
    assert "endTime" not in (await show(caller))[0]


async def test_a_conversation_that_ends_now_ends_after_its_start(start: Start) -> None:
    """`ended: true` is the short form; a client may compute with the times."""
    caller = await start()
    await tell(caller, ended=True)
    document, _ = await show(caller)
    begun, ended = (datetime.fromisoformat(document[name]) for name in ("startTime", "endTime"))
    assert begun < ended


async def test_a_share_of_the_adopted_has_ended(start: Start) -> None:
    """A backfill meets ended and live ones; which is which must repeat for the seed."""
    conversations = [str(uuid.UUID(int=n)) for n in range(60)]

    async def ended(**options: Any) -> list[bool]:
        caller = await start(**options)
        return ["endTime" in (await show(caller, c))[0] for c in conversations]

    some = await ended(ended=0.5, seed=3)
    assert 15 <= sum(some) <= 45
    assert await ended(ended=0.5, seed=3) == some
    assert await ended(ended=0.5, seed=4) != some
    assert [sum(await ended(ended=share)) for share in (0, 1)] == [0, 60]


async def test_the_share_is_of_the_adopted_only(start: Start) -> None:
    """A test that sets a conversation up says itself whether it has ended."""
    caller = await start(ended=1)
    await tell(caller, participantId=P)
    assert "endTime" not in (await show(caller))[0]
