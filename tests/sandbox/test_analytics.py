"""Many conversations in one request: what analytics shows, and what it does not know."""

from __future__ import annotations

import uuid
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
D = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1e"
P = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
PATH = "/api/v2/analytics/conversations/details?id="
MANY = [str(uuid.UUID(int=n)) for n in range(100)]


async def tell(caller: Caller, **line: Any) -> None:
    body = orjson.dumps({"conversationId": C} | line)
    status, _, answer = await caller.send("POST", "/sandbox/conversations", body=body)
    assert status == 200, answer


async def details(caller: Caller, *ids: str, comma: str = ",") -> list[dict[str, Any]]:
    status, _, body = await caller.send("GET", PATH + comma.join(ids))
    document = orjson.loads(body)
    assert (status, list(document)) == (200, ["conversations"])
    conversations: list[dict[str, Any]] = document["conversations"]
    return conversations


async def test_an_adopted_conversation_has_the_participants_that_get_shows(start: Start) -> None:
    """A look-up by either must find the same people, and attributes are not in this one."""
    caller = await start()
    await caller.patch({"secret": "yes"}, participant=customer_id(C))
    (conversation,) = await details(caller, C)
    started = conversation.pop("conversationStart")
    assert started.endswith("Z")
    assert conversation == {
        "conversationId": C,
        "participants": [
            {
                "participantId": customer_id(C),
                "participantName": "Customer",
                "purpose": "customer",
                "externalContactId": external_contact_id(C),
                "sessions": [{"mediaType": "voice", "ani": phone_number(C)}],
            },
            {
                "participantId": agent_id(C),
                "participantName": "Agent",
                "purpose": "agent",
                "userId": user_id(C),
                "sessions": [{"mediaType": "voice"}],
            },
        ],
    }


async def test_what_was_told_is_shown(start: Start) -> None:
    """A test of look-ups sets up its own people; an end is there once there is one."""
    caller = await start(strict=True)
    told = {"userId": "u-1", "externalContactId": "x-1", "ani": "tel:+49", "name": "Anna"}
    await tell(caller, participantId=P, purpose="external", **told)
    (live,) = await details(caller, C)
    await tell(caller, ended="2020-02-03T04:05:06Z")
    (ended,) = await details(caller, C)
    assert live["participants"] == [
        {
            "participantId": P,
            "participantName": "Anna",
            "purpose": "external",
            "userId": "u-1",
            "externalContactId": "x-1",
            "sessions": [{"mediaType": "voice", "ani": "tel:+49"}],
        }
    ]
    assert "conversationEnd" not in live
    assert ended["conversationEnd"] == "2020-02-03T04:05:06.000Z"
    assert ended["conversationStart"] <= ended["conversationEnd"]


@pytest.mark.parametrize("comma", [",", "%2C", "&id="])
async def test_a_hundred_ids_are_one_request(start: Start, comma: str) -> None:
    """That is the point of it: a hundredth of the look-ups, each once however it is named."""
    caller = await start(allowed=1)
    seen = await details(caller, *MANY[:-1], MANY[0].upper(), comma=comma)
    assert [one["conversationId"] for one in seen] == MANY[:-1]
    assert (await caller.send("GET", PATH + C))[0] == 429
    assert (await caller.stats())["by_resource"]["analytics"] == 2


async def test_the_unknown_is_left_out(start: Start) -> None:
    """There is no error for it: a client finds out by what is missing."""
    caller = await start(strict=True)
    await tell(caller, participantId=P)
    assert [one["conversationId"] for one in await details(caller, D, C)] == [C]
    assert await details(caller, D) == []


@pytest.mark.parametrize(
    ("options", "ids", "code"),
    [
        ({}, f"{C},me", "invalid.value"),
        ({}, ",".join([*MANY, C]), "bad.request"),
        ({"analytics_max_ids": 2}, f"{C},{D},{P}", "bad.request"),
    ],
)
async def test_a_wrong_list_is_refused(
    start: Start, options: dict[str, Any], ids: str, code: str
) -> None:
    """The true maximum is unknown: a client that meets another must get through with less."""
    caller = await start(**options)
    status, headers, body = await caller.send("GET", PATH + ids)
    envelope = orjson.loads(body)
    assert (status, envelope["status"], envelope["code"]) == (400, 400, code)
    assert envelope["contextId"] == headers["ININ-Correlation-Id"]


async def test_the_maximum_can_be_raised(start: Start) -> None:
    """A thousand ids make a long line, which must reach the platform's own answer."""
    caller = await start(analytics_max_ids=1000)
    ids = [str(uuid.UUID(int=n)) for n in range(1000)]
    assert len(await details(caller, *ids, comma="%2C")) == 1000
    assert (await caller.send("GET", PATH + "%2C".join([*ids, C])))[0] == 400


async def test_analytics_may_not_know_what_exists(start: Start) -> None:
    """A fresh or an old conversation is missing here, and the single read still has it."""
    caller = await start(analytics_unknown=0.5, seed=5)
    known = {one["conversationId"] for one in await details(caller, *MANY)}
    assert 30 <= len(known) <= 70
    for conversation in MANY:
        status, _, _ = await caller.send("GET", f"/api/v2/conversations/{conversation}")
        assert status == 200
    # Stable: whatever was asked before, in whichever company, by a sandbox of the same seed.
    again = await start(analytics_unknown=0.5, seed=5)
    assert {c for c in reversed(MANY) if await details(again, c)} == known
    other = await start(analytics_unknown=0.5, seed=6)
    assert {one["conversationId"] for one in await details(other, *MANY)} != known


async def test_a_test_can_choose_what_analytics_does_not_know(start: Start) -> None:
    """One row of a test must go the long way, and no other."""
    caller = await start()
    await tell(caller, participantId=P, analytics=False)
    await tell(caller, conversationId=D)
    assert [one["conversationId"] for one in await details(caller, C, D)] == [D]
    assert (await caller.send("GET", f"/api/v2/conversations/{C}"))[0] == 200
    await tell(caller, analytics=True)
    assert len(await details(caller, C, D)) == 2


async def test_asking_stores_nothing(start: Start) -> None:
    """The state is compared with what was written, so a look-up must not show in it."""
    caller = await start()
    await details(caller, *MANY)
    assert await caller.stored() == {}
