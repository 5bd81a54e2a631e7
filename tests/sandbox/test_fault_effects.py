"""What a client sees of a fault, and what the sandbox has stored then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import orjson
import pytest

from batchpatch.sandbox import parse_fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conftest import Caller, ManualClock

    Start = Callable[..., Awaitable[Caller]]

pytestmark = pytest.mark.asyncio

C = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
P = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
DISCONNECTS = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


@pytest.mark.parametrize("status", [400, 403, 409, 429, 500, 503, 504])
async def test_an_error_status_is_an_envelope_and_stores_nothing(start: Start, status: int) -> None:
    """A fault must look like the platform's own refusal, or retrying on it proves nothing."""
    caller = await start(faults=(parse_fault(f"status={status},times=1"),))
    got, headers, body = await caller.patch({"a": "1"})
    envelope = orjson.loads(body)
    assert (got, envelope["status"]) == (status, status)
    assert envelope["contextId"] == headers["ININ-Correlation-Id"]
    assert await caller.stored() == {}
    assert (await caller.patch({"a": "1"}))[0] == 202


@pytest.mark.parametrize(
    ("fault", "wait", "code"),
    [
        ("status=429", "1", "too.many.requests.retry.after"),
        ("status=429,retry_after=9", "9", "too.many.requests.retry.after"),
        ("status=429,retry_after=none", None, "too.many.requests"),
    ],
)
async def test_a_429_names_a_wait_or_none(
    start: Start, fault: str, wait: str | None, code: str
) -> None:
    """The older form names no wait at all, so a client needs an idea of its own."""
    caller = await start(faults=(parse_fault(fault),))
    _, headers, body = await caller.patch({"a": "1"})
    assert headers.get("Retry-After") == wait
    assert orjson.loads(body)["code"] == code


async def test_a_proxys_page_is_html(start: Start) -> None:
    """Error pages come from in front of the platform too, and are no JSON."""
    caller = await start(faults=(parse_fault("kind=html,status=503"),))
    status, headers, body = await caller.patch({"a": "1"})
    assert (status, headers["Content-Type"]) == (503, "text/html")
    assert b"<html>" in body


async def test_a_malformed_error_claims_to_be_json(start: Start) -> None:
    """A client that trusts the content type would raise on it."""
    caller = await start(faults=(parse_fault("kind=malformed"),))
    status, headers, body = await caller.patch({"a": "1"})
    assert (status, headers["Content-Type"]) == (502, "application/json")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(body)


async def test_an_error_can_be_empty(start: Start) -> None:
    """There is nothing to quote to the user then but the status."""
    caller = await start(faults=(parse_fault("kind=empty,status=504"),))
    status, _, body = await caller.patch({"a": "1"})
    assert (status, body) == (504, b"")


@pytest.mark.parametrize(
    ("kind", "stored"), [("reset_before", {}), ("reset_after", {P: {"a": "1"}})]
)
async def test_a_reset_leaves_the_client_guessing(
    start: Start, kind: str, stored: dict[str, dict[str, str]]
) -> None:
    """Both look alike to the client, which is why the write must be safe to repeat."""
    caller = await start(faults=(parse_fault(f"kind={kind},times=1"),))
    with pytest.raises(DISCONNECTS):
        await caller.patch({"a": "1"})
    assert await caller.stored() == stored
    assert (await caller.patch({"a": "1"}))[0] == 202
    stats = await caller.stats()
    assert (stats["connections_cut"], stats["statuses"]) == (1, {"202": 1})


async def test_a_late_write_overtakes_the_one_sent_after_it(
    start: Start, clock: ManualClock
) -> None:
    """A request that timed out may arrive after the next one: the case no client can exclude."""
    caller = await start(faults=(parse_fault("kind=late,ms=500,times=1"),))
    with pytest.raises(DISCONNECTS):
        await caller.patch({"a": "old"})
    await caller.patch({"a": "new"})
    assert await caller.stored() == {P: {"a": "new"}}
    assert (await caller.stats())["late_writes_pending"] == 1
    clock.advance(0.5)
    assert await caller.stored() == {P: {"a": "old"}}
    stats = await caller.stats()
    assert (stats["late_writes_pending"], stats["patches_applied"]) == (0, 2)
    assert stats["overlaps"] == 0


async def test_a_slow_answer_waits_on_the_clock(start: Start, clock: ManualClock) -> None:
    """Timeouts and concurrency show only where answers take their time."""
    caller = await start(faults=(parse_fault("kind=latency,ms=300"),))
    patch = asyncio.create_task(caller.patch({"a": "1"}))
    await clock.next_sleeper()
    assert await caller.stored() == {}
    clock.advance(0.3)
    assert (await patch)[0] == 202
    assert await caller.stored() == {P: {"a": "1"}}


async def test_a_refused_body_is_refused_even_where_the_write_would_be_cut(start: Start) -> None:
    """A reset after applying must not apply what the platform would not."""
    caller = await start(faults=(parse_fault("kind=reset_after"),))
    status, _, _ = await caller.patch({"a": {}})
    assert status == 400


async def test_a_run_repeats_for_its_seed(start: Start) -> None:
    """A failure found by one run must be there in the next."""
    fault = parse_fault("status=503,rate=0.4")
    participants = [f"{n:08x}-7425-40de-944b-e07fc1f90ae7" for n in range(40)]

    async def statuses(caller: Caller) -> list[int]:
        return [(await caller.patch({"a": "1"}, participant=p))[0] for p in participants]

    expected = await statuses(await start(faults=(fault,), seed=11))
    assert set(expected) == {202, 503}
    assert await statuses(await start(faults=(fault,), seed=11)) == expected


async def test_a_dropped_write_is_accepted_and_never_there(
    start: Start, clock: ManualClock
) -> None:
    """Only reading back can tell it from one that was stored, which is what reading back is for."""
    caller = await start(faults=(parse_fault("kind=drop,times=1"),))
    status, _, body = await caller.patch({"a": "1"})
    clock.advance(3600)
    assert (status, body) == (202, b"")
    assert await caller.stored() == {}
    stats = await caller.stats()
    assert (stats["writes_dropped"], stats["patches_applied"]) == (1, 0)
    assert (await caller.patch({"a": "2"}))[0] == 202
    assert await caller.stored() == {P: {"a": "2"}}


@pytest.mark.parametrize("kind", ["drop", "late,ms=5", "reset_after"])
async def test_what_cannot_be_written_is_refused_whatever_becomes_of_the_write(
    start: Start, kind: str
) -> None:
    """A fault on top of a refusal must not make an unknown participant look accepted."""
    caller = await start(strict=True, faults=(parse_fault(f"kind={kind}"),))
    assert (await caller.patch({"a": "1"}))[0] == 404
    stats = await caller.stats()
    assert (stats["writes_dropped"], stats["late_writes_pending"]) == (0, 0)


@pytest.mark.parametrize(
    "path", [f"conversations/{C}", f"analytics/conversations/details?id={C},{P}"]
)
async def test_reads_fail_too_where_they_are_named(start: Start, path: str) -> None:
    """Finding participants takes reads, and a look-up must survive what a write survives."""
    caller = await start(faults=(parse_fault("status=503,on=read,times=2"),))
    statuses = [(await caller.send("GET", f"/api/v2/{path}"))[0] for _ in range(4)]
    assert statuses == [503, 503, 200, 503]
    assert (await caller.patch({"a": "1"}))[0] == 202
    assert (await caller.send("GET", "/api/v2/tokens/me"))[0] == 200


async def test_a_read_can_be_cut_and_slow(start: Start, clock: ManualClock) -> None:
    """A look-up has a timeout of its own, and a connection that can break."""
    faults = ("kind=latency,ms=300,on=any,times=1", "kind=reset_before,on=read,times=1")
    caller = await start(faults=tuple(map(parse_fault, faults)))
    # aiohttp sends a GET that was cut again by itself.
    caller._session._retry_connection = False
    read = asyncio.create_task(caller.send("GET", f"/api/v2/conversations/{C}"))
    await clock.next_sleeper()
    assert not read.done()
    clock.advance(0.3)
    with pytest.raises(DISCONNECTS):
        await read
    assert (await caller.send("GET", f"/api/v2/conversations/{C}"))[0] == 200
    assert (await caller.stats())["connections_cut"] == 1


async def test_reads_repeat_for_their_seed(start: Start) -> None:
    """A failure found by one run must be there in the next, in a look-up as in a write."""
    fault = parse_fault("status=503,rate=0.4,on=read")
    conversations = [f"{n:08x}-7425-40de-944b-e07fc1f90ae7" for n in range(40)]

    async def statuses(caller: Caller, ids: list[str]) -> dict[str, int]:
        paths = {one: f"/api/v2/conversations/{one}" for one in ids}
        return {one: (await caller.send("GET", path))[0] for one, path in paths.items()}

    expected = await statuses(await start(faults=(fault,), seed=11), conversations)
    assert set(expected.values()) == {200, 503}
    assert await statuses(await start(faults=(fault,), seed=11), conversations[::-1]) == expected
