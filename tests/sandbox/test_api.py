"""The platform's behaviour over HTTP: attributes, errors, and what is known."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import orjson
import pytest

from batchpatch.sandbox.conversations import agent_id, customer_id
from batchpatch.sandbox.options import parse_deny_reads
from batchpatch.sandbox.routes import MEDIA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from conftest import Caller

    Start = Callable[..., Awaitable[Caller]]

pytestmark = pytest.mark.asyncio

C = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
P = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


async def test_attributes_are_merged_and_kept(start: Start) -> None:
    """Only the keys that are sent change, which is what a wrap-up relies on."""
    caller = await start()
    await caller.patch({"a": "1", "b": "1"})
    await caller.patch({"b": "2", "c": ""}, media="/calls")
    assert await caller.stored() == {P: {"a": "1", "b": "2", "c": ""}}


async def test_a_write_is_accepted_without_a_body(start: Start) -> None:
    """A client that parses the 202 as JSON fails on the real platform."""
    caller = await start()
    status, headers, body = await caller.patch({"a": "1"})
    assert (status, body) == (202, b"")
    assert uuid.UUID(headers["ININ-Correlation-Id"])


async def test_ids_are_the_same_in_either_case(start: Start) -> None:
    """Two spellings of one participant must not become two."""
    caller = await start()
    await caller.patch({"a": "1"}, conversation=C.upper(), participant=P.upper())
    await caller.patch({"b": "2"})
    assert await caller.stored() == {P: {"a": "1", "b": "2"}}


async def test_an_adopted_conversation_has_a_customer_and_an_agent(start: Start) -> None:
    """Input written before the sandbox ran must fit the participants that it then has."""
    caller = await start()
    await caller.patch({"vip": "yes"}, participant=customer_id(C))
    await caller.patch({"x": "y"})
    status, _, body = await caller.send("GET", f"/api/v2/conversations/{C}")
    shown = {p["id"]: (p["purpose"], p["attributes"]) for p in orjson.loads(body)["participants"]}
    assert status == 200
    assert shown == {
        customer_id(C): ("customer", {"vip": "yes"}),
        P: ("acd", {"x": "y"}),
        agent_id(C): ("agent", {}),
    }


async def test_looking_at_a_conversation_stores_nothing(start: Start) -> None:
    """The state is compared with what was written, so a read must not show in it."""
    caller = await start()
    await caller.send("GET", f"/api/v2/conversations/{C}")
    assert await caller.stored() == {}


async def test_strict_answers_404_for_what_was_not_made_known(start: Start) -> None:
    """A draft id or a wrong region is a 404 on the platform; strict is how to rehearse that."""
    caller = await start(strict=True)
    known = orjson.dumps({"conversationId": C, "participantId": P, "attributes": {"a": "0"}})
    await caller.send("POST", "/sandbox/conversations", body=known)
    other = str(uuid.UUID(int=1))
    statuses = [
        (await caller.patch({"a": "1"}))[0],
        (await caller.patch({"a": "1"}, participant=other))[0],
        (await caller.patch({"a": "1"}, conversation=other))[0],
        (await caller.send("GET", f"/api/v2/conversations/{C}"))[0],
        (await caller.send("GET", f"/api/v2/conversations/{other}"))[0],
    ]
    assert statuses == [202, 404, 404, 200, 404]
    assert await caller.stored() == {P: {"a": "1"}}


async def test_a_conversation_made_known_without_participants_has_the_usual_two(
    start: Start,
) -> None:
    """A list of conversation ids is enough to seed what `write_rows` then names."""
    caller = await start(strict=True)
    line = orjson.dumps({"conversationId": C})
    await caller.send("POST", "/sandbox/conversations", body=line)
    assert (await caller.patch({"a": "1"}, participant=customer_id(C)))[0] == 202
    assert (await caller.patch({"a": "1"}, participant=agent_id(C)))[0] == 202
    assert (await caller.patch({"a": "1"}))[0] == 404


@pytest.mark.parametrize("path", [f"{C}/participants/{P}", f"calls/{C}/participants/{P}"])
async def test_a_tutorials_route_accepts_and_stores_nothing(start: Start, path: str) -> None:
    """This is the mistake that batchpatch warns of, so it must look like a success."""
    caller = await start(strict=True)
    body = b'{"attributes": {"a": "1"}}'
    unknown, _, _ = await caller.send("PATCH", f"/api/v2/conversations/{path}", body=body)
    known = orjson.dumps({"conversationId": C, "participantId": P})
    await caller.send("POST", "/sandbox/conversations", body=known)
    status, _, answer = await caller.send("PATCH", f"/api/v2/conversations/{path}", body=body)
    assert (unknown, status, answer) == (404, 202, b"")
    assert await caller.stored() == {}


@pytest.mark.parametrize("attributes", ["", "/attributes"])
async def test_the_route_of_forum_threads_leads_nowhere(start: Start, attributes: str) -> None:
    """It is not among the platform's paths, whatever threads say, so it must fail here too."""
    caller = await start()
    path = f"/api/v2/conversations/interactions/{C}/participants/{P}{attributes}"
    status, _, answer = await caller.send("PATCH", path, body=b'{"attributes": {"a": "1"}}')
    assert (status, orjson.loads(answer)["code"]) == (404, "not.found")
    assert await caller.stored() == {}


@pytest.mark.parametrize("media", sorted(MEDIA))
async def test_a_media_types_write_is_answered_with_attributes(start: Start, media: str) -> None:
    """The generic route's 202 is empty, these have a body: a client must know both for success."""
    caller = await start()
    await caller.patch({"a": "1"})
    status, headers, body = await caller.patch({"b": "2", "c": 3}, media=f"/{media}")
    assert (status, headers["Content-Type"]) == (202, "application/json")
    assert orjson.loads(body) == {"attributes": {"b": "2", "c": "3"}}
    assert await caller.stored() == {P: {"a": "1", "b": "2", "c": "3"}}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("PATCH", f"/api/v2/interactions/{C}/participants/{P}", b"{}", 404, "not.found"),
        ("PATCH", f"/api/v2/conversations/interactions/{C}/x", b"{}", 404, "not.found"),
        (
            "PATCH",
            f"/api/v2/conversations/{C}/participants/me/attributes",
            b'{"attributes": {}}',
            400,
            "invalid.value",
        ),
        (
            "PATCH",
            f"/api/v2/conversations/{C}/participants/{P}/attributes",
            b'{"attributes": {"a": {}}}',
            400,
            "bad.request",
        ),
        (
            "PATCH",
            f"/api/v2/conversations/{C}/participants/{P}/attributes",
            b'{"attributes": {"a": "%s"}}' % (b"x" * 512_000),
            413,
            "request.entity.too.large",
        ),
        ("POST", "/api/v2/tokens/me", b"", 405, "method.not.allowed"),
        ("GET", "/", None, 404, "not.found"),
    ],
)
async def test_a_refusal_has_the_platforms_envelope(
    start: Start, method: str, path: str, body: bytes | None, status: int, code: str
) -> None:
    """Users send the correlation id to support: header and body must agree on it."""
    caller = await start()
    got, headers, answer = await caller.send(method, path, body=body)
    envelope = orjson.loads(answer)
    assert (got, envelope["status"], envelope["code"]) == (status, status, code)
    assert envelope["contextId"] == headers["ININ-Correlation-Id"]
    assert envelope["message"]
    assert await caller.stored() == {}


@pytest.mark.parametrize("parts", [6, 30])
async def test_a_large_body_is_refused_even_where_its_size_is_not_announced(
    start: Start, parts: int
) -> None:
    """A chunked body has no length to look at, and may be larger than the server would read."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(parts):
            yield b"x" * 100_000

    caller = await start()
    path = f"/api/v2/conversations/{C}/participants/{P}/attributes"
    status, _, answer = await caller.send("PATCH", path, body=chunks())
    assert (status, orjson.loads(answer)["code"]) == (413, "request.entity.too.large")


async def test_another_content_type_is_refused(start: Start) -> None:
    """A client that forgets the header must learn of it here, not in production."""
    caller = await start()
    path = f"/api/v2/conversations/{C}/participants/{P}/attributes"
    body = b'{"attributes": {"a": "1"}}'
    status, _, _ = await caller.send("PATCH", path, body=body, Content_Type="text/csv")
    assert status == 415


async def test_a_token_says_whose_it_is(start: Start) -> None:
    """A dry run shows the organisation and the client before anything is written."""
    caller = await start()
    status, _, body = await caller.send("GET", "/api/v2/tokens/me")
    document = orjson.loads(body)
    assert status == 200
    assert document["OAuthClient"]["id"] == "Aladdin"
    assert document["organization"] == document["homeOrganization"]


async def test_the_organisation_can_be_another(start: Start) -> None:
    """A run that was begun in one must not go on in another, which takes two to try."""
    owner = {"id": P, "name": "Acme"}
    caller = await start(organization_id=P, organization_name="Acme")
    _, _, body = await caller.send("GET", "/api/v2/tokens/me")
    document = orjson.loads(body)
    assert document["organization"] == document["homeOrganization"] == owner
    assert document["OAuthClient"]["organization"] == owner


@pytest.mark.parametrize(
    ("denied", "statuses"),
    [
        ("conversation", [403, 200]),
        ("analytics", [200, 403]),
        ("analytics, conversation", [403] * 2),
    ],
)
async def test_the_permission_to_read_can_be_withheld(
    start: Start, denied: str, statuses: list[int]
) -> None:
    """A token that may write may be refused the read: the user must learn which permission."""
    caller = await start(deny_reads=parse_deny_reads(denied))
    answers = {
        "conversation:communication:view": f"conversations/{C}",
        "analytics:conversationDetail:view": f"analytics/conversations/details?id={C}",
    }
    for (permission, path), expected in zip(answers.items(), statuses, strict=True):
        status, _, body = await caller.send("GET", f"/api/v2/{path}")
        assert status == expected
        if status == 403:
            envelope = orjson.loads(body)
            assert envelope["code"] == "missing.any.permissions"
            assert permission in envelope["message"]
    assert (await caller.patch({"a": "1"}))[0] == 202
    for path in ("tokens/me", "organizations/limits/namespaces/platform.api"):
        assert (await caller.send("GET", f"/api/v2/{path}"))[0] == 200


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"request.bytes.max": 512_000}),
        (
            {"allowed": 50, "rate_window_s": 10},
            {
                "request.bytes.max": 512_000,
                "client.credentials.token.rate.per.minute": 300,
                "token.rate.per.minute": 300,
            },
        ),
    ],
)
async def test_the_limits_are_those_in_force(
    start: Start, options: dict[str, int], expected: dict[str, int]
) -> None:
    """A client paces itself by what it reads here; rates are per minute whatever the window."""
    caller = await start(**options)
    path = "/api/v2/organizations/limits/namespaces/platform.api"
    _, _, body = await caller.send("GET", path)
    entities = orjson.loads(body)["entities"]
    assert {entity["key"]: entity["value"] for entity in entities} == expected
