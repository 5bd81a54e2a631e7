"""What the sandbox tells about itself: counts, state, the log of writes; and how to steer it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from batchpatch.sandbox import parse_fault
from batchpatch.sandbox.conversations import Seed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conftest import Caller, ManualClock

    Start = Callable[..., Awaitable[Caller]]

pytestmark = pytest.mark.asyncio

C = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
P = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae8"
SLOW = parse_fault("kind=latency,ms=1000")


async def writes(caller: Caller) -> list[dict[str, Any]]:
    _, _, body = await caller.send("GET", "/sandbox/writes")
    return [orjson.loads(line) for line in body.splitlines()]


async def test_the_counts_tell_what_happened(start: Start) -> None:
    """They are the server's own account, against which a client's report is checked."""
    caller = await start(faults=(parse_fault(f"status=503,participant={OTHER},times=1"),))
    await caller.patch({"a": "1"})
    await caller.patch({"a": "1"}, participant=OTHER)
    await caller.patch({"a": "1"}, participant=OTHER)
    await caller.send("GET", "/api/v2/tokens/me")
    stats = await caller.stats()
    assert stats["requests"] == 4
    assert stats["patches_applied"] == 2
    assert stats["statuses"] == {"200": 1, "202": 2, "503": 1}
    assert stats["tokens_minted"] == 1
    assert stats["in_flight"] == 0


async def test_every_request_is_counted_by_what_it_was_for(start: Start) -> None:
    """A client's budget is for all requests of its token, so each kind must be accounted for."""
    caller = await start(deny_reads=frozenset({"conversation"}))
    refused = [
        await caller.send("GET", f"/api/v2/conversations/{C}"),
        await caller.send("GET", "/api/v2/analytics/conversations/details?id=none"),
        await caller.send("GET", "/api/v2/nothing"),
        await caller.send("PATCH", "/api/v2/tokens/me"),
    ]
    await caller.patch({"a": "1"})
    await caller.send("PATCH", f"/api/v2/conversations/{C}/participants/{P}", body=b"{}")
    for path in ("tokens/me", "organizations/limits/namespaces/platform.api"):
        await caller.send("GET", f"/api/v2/{path}")
    stats = await caller.stats()
    assert [status for status, _, _ in refused] == [403, 400, 404, 405]
    assert stats["by_resource"] == {
        "attributes": 1,
        "participant": 1,
        "conversation": 1,
        "analytics": 1,
        "token": 2,
        "limits": 1,
        "nowhere": 1,
        "wrapup": 0,
        "wrapup_codes": 0,
        "communication_wrapup": 0,
        "codes": 0,
        "queue_codes": 0,
    }
    assert sum(stats["by_resource"].values()) == stats["requests"]


async def test_requests_are_counted_by_kind(start: Start) -> None:
    """A client reports its writes, reads, look-ups and mints apart: each needs its counterpart."""
    caller = await start(faults=(parse_fault("status=503,on=any,times=1"),), mint_throttle=1)
    for _ in range(2):
        await caller.mint()
    for _ in range(2):
        await caller.patch({"a": "1"})
        await caller.send("GET", "/api/v2/analytics/conversations/details?id=" + C)
    await caller.send("PATCH", f"/api/v2/conversations/{C}/participants/{P}", body=b"{}")
    for _ in range(4):
        await caller.send("GET", f"/api/v2/conversations/{C}")
    stats = await caller.stats()
    kinds = ("patches", "reads", "lookups", "mints", "tokens_minted", "mints_refused")
    assert [stats[kind] for kind in kinds] == [3, 4, 2, 3, 2, 1]


async def test_two_requests_at_once_for_one_participant_are_an_overlap(
    start: Start, clock: ManualClock
) -> None:
    """The order of a participant's rows is lost the moment two of them are under way."""
    caller = await start(faults=(SLOW,))
    patches = [asyncio.create_task(caller.patch({"a": str(n)})) for n in range(2)]
    for _ in patches:
        await clock.next_sleeper()
    clock.advance(1)
    await asyncio.gather(*patches)
    stats = await caller.stats()
    assert (stats["overlaps"], stats["peak_in_flight"]) == (1, 2)
    assert [write["overlapped"] for write in await writes(caller)] == [False, True]


async def test_requests_that_arrive_together_overlap_without_any_latency(start: Start) -> None:
    """A fast sandbox would otherwise answer the first before it looks at the second."""
    caller = await start()
    await asyncio.gather(caller.patch({"a": "1"}), caller.patch({"a": "2"}))
    await asyncio.gather(caller.patch({"a": "1"}), caller.patch({"a": "2"}))
    assert (await caller.stats())["overlaps"] >= 1


async def test_neighbours_and_successors_do_not_overlap(start: Start, clock: ManualClock) -> None:
    """Concurrency across participants is the point of a pool, and no mistake."""
    caller = await start(faults=(SLOW,))
    for _ in range(2):
        patches = [asyncio.create_task(caller.patch({"a": "1"}, participant=p)) for p in (P, OTHER)]
        for _ in patches:
            await clock.next_sleeper()
        clock.advance(1)
        await asyncio.gather(*patches)
    stats = await caller.stats()
    assert (stats["overlaps"], stats["peak_in_flight"]) == (0, 2)


async def test_a_request_that_its_client_gave_up_is_not_in_flight(
    start: Start, clock: ManualClock
) -> None:
    """A client that times out and sends again keeps the rule of one at a time."""
    caller = await start(faults=(SLOW,))
    given_up = asyncio.create_task(caller.patch({"a": "1"}))
    await clock.next_sleeper()
    given_up.cancel()
    await asyncio.wait([given_up])
    again = asyncio.create_task(caller.patch({"a": "2"}))
    await clock.next_sleeper()
    clock.advance(1)
    await again
    assert (await caller.stats())["overlaps"] == 0


async def test_the_log_has_every_write_in_order(start: Start, clock: ManualClock) -> None:
    """Order per participant is proved from here: arrival, effect and answer of each request."""
    caller = await start(faults=(parse_fault("status=503,times=1"),))
    for names in (["a"], ["a"], ["b", "c"], ["b", "c"]):
        clock.advance(1)
        await caller.patch(dict.fromkeys(names, "1"))
    log = await writes(caller)
    seen = [(w["number"], w["status"], w["applied"], w["keys"]) for w in log]
    # The bodies of the refused ones were never read, hence no keys.
    assert seen == [
        (1, 503, None, []),
        (2, 202, 1, ["a"]),
        (3, 503, None, []),
        (4, 202, 2, ["b", "c"]),
    ]
    assert {(w["conversation_id"], w["participant_id"]) for w in log} == {(C, P)}
    assert [w["ended_s"] - log[0]["started_s"] for w in log] == [0, 1, 2, 3]


async def test_the_log_is_bounded(start: Start) -> None:
    """A million rows must not fill the memory; the counts still cover all of them."""
    caller = await start(log_writes=2)
    for n in range(5):
        await caller.patch({"a": str(n)})
    assert [write["number"] for write in await writes(caller)] == [4, 5]
    assert (await caller.stats())["patches_applied"] == 5


async def test_faults_are_replaced_at_runtime(start: Start) -> None:
    """Feeding failed rows back is tested by taking the cause away in between."""
    caller = await start(faults=(parse_fault("status=403,times=always"),))
    refused, _, _ = await caller.patch({"a": "1"})
    await caller.send("POST", "/sandbox/faults", body=b"[]")
    accepted, _, _ = await caller.patch({"a": "1"})
    await caller.send("POST", "/sandbox/faults", body=b'["status=409,times=always"]')
    assert [refused, accepted, (await caller.patch({"a": "1"}))[0]] == [403, 202, 409]


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("faults", b"status=503", "unexpected"),
        ("faults", b'{"status": 503}', "list"),
        ("faults", b'["status=700"]', "from 400 to 599"),
        ("conversations", b'{"conversationId": "x"}', "UUID"),
        ("conversations", b'{"conversationId": "%s", "participantId": 5}' % C.encode(), "UUID"),
        (
            "conversations",
            b'{"conversationId": "%s", "attributes": {"a": 1}}' % C.encode(),
            "strings",
        ),
        ("conversations", b'{"conversationId": "%s", "ended": "yesterday"}' % C.encode(), "ended"),
        ("conversations", b'{"conversationId": "%s", "ended": 5}' % C.encode(), "ended"),
        (
            "conversations",
            b'{"conversationId": "%s", "ended": "2026-01-02T03:04:05"}' % C.encode(),
            "with its zone",
        ),
        ("conversations", b'{"conversationId": "%s", "left": "no"}' % C.encode(), "left"),
        ("conversations", b'{"conversationId": "%s", "analytics": 0}' % C.encode(), "analytics"),
        ("conversations", b'{"conversationId": "%s", "userId": "u"}' % C.encode(), "participantId"),
        (
            "conversations",
            b'{"conversationId": "%s", "participantId": "%s", "ani": 49}'
            % (C.encode(), P.encode()),
            "ani",
        ),
        ("faults", b'["kind=drop,on=read"]', "on=patch"),
    ],
)
async def test_wrong_instructions_are_explained_and_change_nothing(
    start: Start, path: str, body: bytes, named: str
) -> None:
    """A typo in a test's set-up must not pass as a set-up."""
    caller = await start()
    status, _, answer = await caller.send("POST", f"/sandbox/{path}", body=body)
    assert status == 400
    assert named in orjson.loads(answer)["message"]
    assert (await caller.patch({"a": "1"}))[0] == 202


async def test_the_state_can_be_put_back(start: Start) -> None:
    """Undo is checked against the state before, which a test can seed from such a listing."""
    one, other = await start(), await start()
    await one.patch({"a": "1", "b": "ä"})
    _, _, listing = await one.send("GET", "/sandbox/state")
    await other.send("POST", "/sandbox/conversations", body=listing)
    assert await other.stored() == await one.stored() == {P: {"a": "1", "b": "ä"}}


async def test_reset_forgets_all_but_tokens_and_faults(start: Start) -> None:
    """One running sandbox can serve several runs, each counted from nothing."""
    caller = await start(faults=(parse_fault("status=503,times=1"),))
    await caller.patch({"a": "1"})
    await caller.patch({"a": "1"})
    await caller.send("POST", "/sandbox/reset")
    assert await caller.stored() == {}
    stats = await caller.stats()
    assert (stats["requests"], stats["peak_in_window"]) == (0, 0)
    assert await writes(caller) == []
    assert (await caller.patch({"a": "1"}))[0] == 503


async def test_the_unknown_is_named(start: Start) -> None:
    """A misspelt instruction must not pass for one that had no effect."""
    caller = await start()
    status, _, body = await caller.send("GET", "/sandbox/stat")
    assert (status, orjson.loads(body)["message"]) == (404, "No GET /sandbox/stat here.")


async def test_long_listings_arrive_whole(start: Start) -> None:
    """They are streamed in parts while the sandbox goes on answering."""
    caller = await start()
    for n in range(1201):
        known_id = f"{n:08x}-7425-40de-944b-e07fc1f90ae7"
        seed = Seed(conversation_id=C, participant_id=known_id, attributes={"n": "x"})
        caller.state.conversations.add(seed)
    assert len(await caller.stored()) == 1201
