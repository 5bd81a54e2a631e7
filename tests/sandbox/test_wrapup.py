"""Wrap-up codes: which there are, setting one both ways, and what is refused."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest

from batchpatch.sandbox import SandboxOptions, parse_fault
from batchpatch.sandbox.codes import OF_EVERY_QUEUE, QUEUE_IDS, code_id
from batchpatch.sandbox.conversations import agent_id, communication_id, customer_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conftest import Caller, ManualClock

    Start = Callable[..., Awaitable[Caller]]

pytestmark = pytest.mark.asyncio

C = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
AGENT = agent_id(C)
SALE, NO_ANSWER = code_id("Sale"), code_id("No answer")
CODES = "/api/v2/routing/wrapupcodes"
DISCONNECTS = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
FAULTS = ["kind=drop", "kind=late,ms=500", "status=503", "kind=html,status=200"]


def path_of(participant: str = AGENT, *, media: str = "", more: str = "") -> str:
    return f"/api/v2/conversations{media}/{C}/participants/{participant}{more}"


async def get(caller: Caller, path: str) -> Any:
    status, _, body = await caller.send("GET", path)
    assert status == 200, body
    return orjson.loads(body)


async def put(
    caller: Caller, wrapup: object, participant: str = AGENT, **state: object
) -> tuple[int, bytes]:
    """Set a code by the participant's state."""
    body = orjson.dumps({"wrapup": wrapup} | state)
    status, _, answer = await caller.send("PATCH", path_of(participant), body=body)
    return status, answer


async def post(
    caller: Caller, wrapup: object, *, media: str = "/calls", communication: str = ""
) -> tuple[int, bytes]:
    """Set a code by the participant's communication."""
    known = communication or communication_id(C, AGENT)
    path = path_of(media=media, more=f"/communications/{known}/wrapup")
    status, _, answer = await caller.send("POST", path, body=orjson.dumps(wrapup))
    return status, answer


async def shown(caller: Caller) -> dict[str, Any]:
    """What is set, without the time at which it ended."""
    wrapup: dict[str, Any] = await get(caller, path_of(more="/wrapup"))
    wrapup.pop("endTime", None)
    return wrapup


async def tell(caller: Caller, path: str = "conversations", **line: Any) -> None:
    body = orjson.dumps({"conversationId": C} | line)
    status, _, answer = await caller.send("POST", f"/sandbox/{path}", body=body)
    assert status == 200, answer


@pytest.mark.parametrize("by", [put, post])
async def test_a_code_is_set_and_read_back(start: Start, by: Callable[..., Any]) -> None:
    """Both ways lead to one wrap-up, which two places show; the 202 itself is empty."""
    caller = await start()
    full = {"code": SALE.upper(), "notes": "Größe", "tags": ["a", "b"], "durationSeconds": 7}
    assert await by(caller, full) == (202, b"")
    expected = full | {"code": SALE}
    assert await shown(caller) == expected
    conversation = await get(caller, f"/api/v2/conversations/{C}")
    agent = next(p for p in conversation["participants"] if p["id"] == AGENT)
    assert {name: agent["wrapup"][name] for name in full} == expected
    assert agent["wrapup"]["endTime"].endswith("Z")
    later = {"code": NO_ANSWER, "endTime": "2026-01-02T03:04:05+01:00"}
    assert await by(caller, later) == (202, b"")
    assert await get(caller, path_of(more="/wrapup")) == {
        "code": NO_ANSWER,
        "endTime": "2026-01-02T02:04:05.000Z",
    }


async def test_nothing_is_set_at_first(start: Start) -> None:
    """A plan reads what is there before, and most often that is nothing."""
    caller = await start()
    assert await get(caller, path_of(more="/wrapup")) == {}


async def test_the_rest_of_a_participants_state_is_accepted_and_not_kept(start: Start) -> None:
    """The same path mutes and hangs up on the platform, so a request without a code is no error."""
    caller = await start()
    assert await put(caller, None, muted=True) == (202, b"")
    assert await shown(caller) == {}
    assert (await caller.stats())["patches_applied"] == 0


async def test_a_wrap_up_is_part_of_the_state_and_of_the_log(start: Start) -> None:
    """The server's account proves a run, and a state that was listed can be put back."""
    one, other = await start(), await start()
    await put(one, {"code": SALE, "notes": "n"})
    _, _, listing = await one.send("GET", "/sandbox/state")
    line = orjson.loads(listing)
    assert (line["participantId"], line["attributes"]) == (AGENT, {})
    assert (line["wrapup"]["code"], line["wrapup"]["notes"]) == (SALE, "n")
    _, _, log = await one.send("GET", "/sandbox/writes")
    write = orjson.loads(log)
    assert (write["keys"], write["applied"], write["status"]) == (["code", "notes"], 1, 202)
    await other.send("POST", "/sandbox/conversations", body=listing)
    assert await shown(other) == await shown(one)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("by", [put, post])
async def test_what_happens_to_writes_happens_to_these(
    start: Start, clock: ManualClock, by: Callable[..., Any], fault: str
) -> None:
    """A second kind of write that cannot fail would be rehearsed for nothing."""
    caller = await start(faults=(parse_fault(f"{fault},times=1"),))
    if "late" in fault:
        with pytest.raises(DISCONNECTS):
            await by(caller, {"code": SALE})
    else:
        assert (await by(caller, {"code": SALE}))[1] != b"" or "drop" in fault
    assert await shown(caller) == {}
    clock.advance(1)
    assert await shown(caller) == ({"code": SALE} if "late" in fault else {})
    assert (await by(caller, {"code": NO_ANSWER}))[0] == 202
    assert await shown(caller) == {"code": NO_ANSWER}


async def test_a_code_is_readable_after_the_delay_of_all_writes(
    start: Start, clock: ManualClock
) -> None:
    """Accepted is not yet readable, for codes as for attributes."""
    caller = await start(apply_delay_s=2)
    await put(caller, {"code": SALE})
    before = await shown(caller)
    clock.advance(2)
    assert (before, await shown(caller)) == ({}, {"code": SALE})


@pytest.mark.parametrize(
    ("wrapup", "code"),
    [
        ({"code": str(uuid.UUID(int=9))}, "invalid.value"),
        ({"code": "Sale"}, "invalid.value"),
        ({"code": 5}, "invalid.value"),
        ({"code": SALE, "notes": 5}, "invalid.value"),
        ({"code": SALE, "tags": "a"}, "invalid.value"),
        ({"code": SALE, "tags": [1]}, "invalid.value"),
        ({"code": SALE, "durationSeconds": -1}, "invalid.value"),
        ({"code": SALE, "durationSeconds": True}, "invalid.value"),
        ({"code": SALE, "endTime": "yesterday"}, "invalid.value"),
        ({"notes": "no code"}, "bad.request"),
        ([], "bad.request"),
    ],
)
async def test_a_wrong_wrap_up_is_refused(start: Start, wrapup: object, code: str) -> None:
    """A name in place of an id is the usual slip, and must not be taken for a code."""
    caller = await start()
    answers = [await put(caller, wrapup), await post(caller, wrapup)]
    assert [(status, orjson.loads(body)["code"]) for status, body in answers] == [(400, code)] * 2
    assert await shown(caller) == {}


async def test_a_code_must_be_one_of_the_participants(start: Start) -> None:
    """A queue has codes of its own, and whoever is no agent has none at all."""
    caller = await start()
    of_all = {code["id"] for code in (await get(caller, f"{CODES}?pageSize=100"))["entities"]}
    own = {code["id"] for code in await get(caller, path_of(more="/wrapupcodes"))}
    foreign = min(of_all - own)
    status, body = await put(caller, {"code": foreign})
    assert (status, orjson.loads(body)["code"]) == (400, "bad.request")
    assert foreign in orjson.loads(body)["message"]
    assert (await put(caller, {"code": min(own)}))[0] == 202
    assert await get(caller, path_of(customer_id(C), more="/wrapupcodes")) == []
    assert (await put(caller, {"code": SALE}, customer_id(C)))[0] == 400


async def test_a_participant_has_the_codes_of_its_queue(start: Start) -> None:
    """A check of codes by queue and one by participant must agree."""
    caller = await start()
    conversation = await get(caller, f"/api/v2/conversations/{C}")
    agent = next(p for p in conversation["participants"] if p["id"] == AGENT)
    assert agent["queueId"] in QUEUE_IDS
    path = f"/api/v2/routing/queues/{agent['queueId']}/wrapupcodes?pageSize=100"
    of_queue = (await get(caller, path))["entities"]
    assert of_queue == await get(caller, path_of(more="/wrapupcodes"))
    assert {code["name"] for code in of_queue} >= set(OF_EVERY_QUEUE)


async def test_queues_differ_and_follow_from_the_seed(start: Start) -> None:
    """What one queue has another lacks, in every sandbox of that seed alike."""

    async def names(caller: Caller) -> list[frozenset[str]]:
        paths = [f"/api/v2/routing/queues/{queue}/wrapupcodes?pageSize=100" for queue in QUEUE_IDS]
        entities = [(await get(caller, path))["entities"] for path in paths]
        return [frozenset(code["name"] for code in listed) for listed in entities]

    one, same, other = await start(seed=4), await start(seed=4), await start(seed=5)
    assert len(set(await names(one))) == len(QUEUE_IDS)
    assert await names(same) == await names(one)
    assert await names(other) != await names(one)


@pytest.mark.parametrize("size", [7, 25, 100])
async def test_all_codes_are_read_page_by_page(start: Start, size: int) -> None:
    """A client that stops after the first page takes a code for one that does not exist."""
    caller = await start()
    seen: list[str] = []
    number, count = 1, 2
    while number <= count:
        page = await get(caller, f"{CODES}?pageSize={size}&pageNumber={number}")
        assert (page["pageNumber"], page["pageSize"]) == (number, size)
        seen += [code["id"] for code in page["entities"]]
        number, count = number + 1, page["pageCount"]
    assert count > 1
    assert len(seen) == len(set(seen)) == page["total"]
    assert (await get(caller, f"{CODES}?pageSize={size}&pageNumber={number}"))["entities"] == []


async def test_a_page_is_of_twenty_five_unless_told(start: Start) -> None:
    """The usual size is the platform's, so a client that leaves it out gets no more."""
    caller = await start()
    page = await get(caller, CODES)
    assert (len(page["entities"]), page["pageNumber"]) == (25, 1)


async def test_codes_are_found_by_name(start: Start) -> None:
    """In either case, and more than one may answer to a part of a name."""
    caller = await start()
    found = (await get(caller, f"{CODES}?name=sALE"))["entities"]
    assert {code["name"] for code in found} == {"Sale", "Sale, payment open"}


@pytest.mark.parametrize("query", ["pageSize=0", "pageSize=101", "pageNumber=-1", "pageNumber=x"])
async def test_a_page_that_cannot_be_is_refused(start: Start, query: str) -> None:
    """The maximum is a guess, and a client that asks for too much must read the refusal."""
    caller = await start()
    status, _, body = await caller.send("GET", f"{CODES}?{query}")
    assert (status, orjson.loads(body)["code"]) == (400, "invalid.value")


async def test_codes_can_be_told(start: Start) -> None:
    """Two codes that differ by case alone, or by their id alone, are what names cannot tell."""
    caller = await start()
    twin, own = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
    await tell(caller, "codes", name="sale")
    await tell(caller, "codes", name="Sale", id=twin.upper())
    await tell(caller, "codes", name="Of one queue", id=own, queues=[QUEUE_IDS[0]])
    found = (await get(caller, f"{CODES}?name=sale"))["entities"]
    assert {(code["id"], code["name"]) for code in found} >= {
        (SALE, "Sale"),
        (twin, "Sale"),
        (code_id("sale"), "sale"),
    }
    assert (await put(caller, {"code": twin}))[0] == 202
    having = []
    for queue in QUEUE_IDS:
        listed = await get(caller, f"/api/v2/routing/queues/{queue}/wrapupcodes?pageSize=100")
        having.append(own in {code["id"] for code in listed["entities"]})
    assert having == [True, False, False]
    _, _, listing = await caller.send("GET", "/sandbox/codes")
    assert {orjson.loads(line)["id"] for line in listing.splitlines()} >= {twin, own, SALE}
    await caller.send("POST", "/sandbox/reset")
    assert len((await get(caller, f"{CODES}?name=sale"))["entities"]) == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("codes", b"[]"),
        ("codes", b'{"name": ""}'),
        ("codes", b'{"name": "a", "id": "b"}'),
        ("codes", b'{"name": "a", "queues": "b"}'),
        ("codes", b'{"name": "a", "queues": ["b"]}'),
        ("conversations", b'{"conversationId": "%s", "media": "chats"}' % C.encode()),
        ("conversations", b'{"conversationId": "%s", "wrapup": {"code": "Sale"}}' % C.encode()),
        (
            "conversations",
            b'{"conversationId": "%s", "wrapup": {"code": "%s"}}' % (C.encode(), SALE.encode()),
        ),
    ],
)
async def test_what_cannot_be_told_is_explained(start: Start, path: str, body: bytes) -> None:
    """A typo in a test's set-up must not pass as a set-up."""
    caller = await start()
    status, _, answer = await caller.send("POST", f"/sandbox/{path}", body=body)
    assert status == 400
    assert orjson.loads(answer)["message"].endswith(".")


async def test_a_communication_is_not_its_participant(start: Start) -> None:
    """Its id and its media type stand in the conversation alone, so a client must read them."""
    caller = await start()
    await tell(caller, participantId=AGENT, media="emails", queueId=QUEUE_IDS[1])
    conversation = await get(caller, f"/api/v2/conversations/{C}")
    (agent,) = conversation["participants"]
    (communication,) = agent["emails"]
    assert "calls" not in agent
    assert communication["id"] not in (AGENT, C)
    wrapup, known = {"code": SALE}, communication["id"]
    refused = [
        await post(caller, wrapup, media="/emails", communication=AGENT),
        await post(caller, wrapup, media="/calls", communication=known),
        await post(caller, wrapup, media="", communication=known),
    ]
    assert [status for status, _ in refused] == [404, 404, 404]
    assert await shown(caller) == {}
    assert (await post(caller, wrapup, media="/emails", communication=known))[0] == 202
    assert agent["queueId"] == QUEUE_IDS[1]
    assert await shown(caller) == wrapup


@pytest.mark.parametrize(
    ("denied", "statuses"),
    [
        ("conversation:participant:wrapup", [403, 403, 200, 200, 200, 200]),
        ("routing:wrapupCode:view", [202, 202, 403, 200, 200, 200]),
        ("routing:queue:view", [202, 202, 200, 403, 200, 200]),
        ("conversation:communication:view", [202, 202, 200, 200, 200, 200]),
    ],
)
async def test_permissions_can_be_withheld(start: Start, denied: str, statuses: list[int]) -> None:
    """Who may set codes may not list them, or the other way round; reading what is set is free."""
    caller = await start(deny=frozenset({denied}))
    answers = [await put(caller, {"code": SALE}), await post(caller, {"code": SALE})]
    paths = (
        CODES,
        f"/api/v2/routing/queues/{QUEUE_IDS[0]}/wrapupcodes",
        path_of(more="/wrapup"),
        path_of(more="/wrapupcodes"),
    )
    for path in paths:
        status, _, body = await caller.send("GET", path)
        answers.append((status, body))
    assert [status for status, _ in answers] == statuses
    for status, body in answers:
        assert status != 403 or denied in orjson.loads(body)["message"]
    if denied == "conversation:communication:view":
        assert (await caller.send("GET", f"/api/v2/conversations/{C}"))[0] == 403


@pytest.mark.parametrize(("ended_wrapup", "status"), [("accept", 202), ("refuse", 409)])
async def test_an_ended_conversation_may_take_no_code(
    start: Start, ended_wrapup: str, status: int
) -> None:
    """Nobody knows whether the platform takes one, so a client is tried with both."""
    caller = await start(ended=1, ended_wrapup=ended_wrapup)
    answers = [await put(caller, {"code": SALE}), await post(caller, {"code": SALE})]
    assert [got for got, _ in answers] == [status, status]
    assert (await shown(caller) == {}) == (status == 409)


async def test_the_unknown_has_no_wrap_up(start: Start) -> None:
    """Strict is how a wrong id is rehearsed, of a conversation, a participant or a queue."""
    caller = await start(strict=True)
    queue = str(uuid.UUID(int=3))
    paths = [path_of(more="/wrapup"), path_of(more="/wrapupcodes")]
    statuses = [(await caller.send("GET", path))[0] for path in paths]
    statuses += [(await put(caller, {"code": SALE}))[0], (await post(caller, {"code": SALE}))[0]]
    queue_path = f"/api/v2/routing/queues/{queue}/wrapupcodes"
    statuses.append((await caller.send("GET", queue_path))[0])
    assert statuses == [404] * 5
    await tell(caller, participantId=AGENT, queueId=queue)
    assert (await put(caller, {"code": SALE}))[0] == 202
    assert (await caller.send("GET", queue_path))[0] == 200


async def test_each_call_is_counted_by_kind(start: Start) -> None:
    """Reading back and listing codes spend the same allowance as the writes."""
    caller = await start()
    await put(caller, {"code": SALE})
    await post(caller, {"code": SALE})
    for path in (CODES, path_of(more="/wrapup"), path_of(more="/wrapupcodes")):
        await get(caller, path)
    stats = await caller.stats()
    kinds = ("patches", "patches_applied", "reads", "wrapup_reads", "code_lookups")
    assert [stats[kind] for kind in kinds] == [2, 2, 0, 2, 1]


@pytest.mark.parametrize("path", [CODES, path_of(more="/wrapup"), path_of(more="/wrapupcodes")])
async def test_these_reads_fail_like_others(start: Start, path: str) -> None:
    """A list of codes that cannot be read, or a check that cannot be made, must be met too."""
    caller = await start(faults=(parse_fault("status=503,on=read,times=2"),))
    assert [(await caller.send("GET", path))[0] for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize("wrong", [{"deny": frozenset({"all"})}, {"ended_wrapup": "maybe"}])
async def test_an_option_that_cannot_be_is_named(wrong: dict[str, Any]) -> None:
    """An option that is quietly ignored makes a test pass that has tested nothing."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SandboxOptions(**wrong)
