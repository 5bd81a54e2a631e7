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


READS = [f"conversations/{C}", f"analytics/conversations/details?id={C},{P}"]


@pytest.mark.parametrize("status", [200, 202, 401, 403])
async def test_a_sign_in_page_may_answer_in_the_platforms_place(start: Start, status: int) -> None:
    """A proxy lets nobody through and says 200: only what is missing tells it from a success."""
    fault = parse_fault(f"kind=html,status={status},on=any,times=always")
    caller = await start(allowed=100, faults=(fault,))
    answers = [
        await caller.patch({"a": "1"}),
        *[await caller.send("GET", f"/api/v2/{path}") for path in READS],
    ]
    for got, headers, body in answers:
        assert (got, headers["Content-Type"]) == (status, "text/html")
        assert b"<title>Sign in</title>" in body
        assert not [name for name in headers if name.lower().startswith("inin-")]
    assert await caller.stored() == {}


async def test_a_sign_in_page_may_answer_for_the_token_endpoint(start: Start) -> None:
    """The proxy stands before both hosts, and this is the first request of a run."""
    caller = await start(minted=False, faults=(parse_fault("kind=html,status=200,on=token"),))
    with pytest.raises(orjson.JSONDecodeError):
        await caller.mint()
    stats = await caller.stats()
    assert (stats["tokens_minted"], stats["mints_refused"]) == (0, 1)


@pytest.mark.parametrize("fault", ["kind=bare_429,on=any", "kind=bare_429,on=any,times=always"])
async def test_a_bare_429_says_nothing_of_the_time(start: Start, fault: str) -> None:
    """A client must have a wait of its own, and a whole window for each would be hours."""
    caller = await start(allowed=100, faults=(parse_fault(fault),))
    for got, headers, body in (
        await caller.patch({"a": "1"}),
        await caller.send("GET", f"/api/v2/{READS[0]}"),
    ):
        assert (got, headers.get("Retry-After")) == (429, None)
        assert not [name for name in headers if name.lower().startswith("inin-ratelimit")]
        assert headers["ININ-Correlation-Id"] == orjson.loads(body)["contextId"]
        assert not any(digit in orjson.loads(body)["message"] for digit in "0123456789")


@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_may_be_as_long_as_a_day(start: Start, status: int) -> None:
    """Limits of a day exist; whoever waits them out in silence looks as if it hung."""
    caller = await start(faults=(parse_fault(f"status={status},retry_after=86400"),))
    _, headers, _ = await caller.patch({"a": "1"})
    assert headers["Retry-After"] == "86400"


async def test_a_503_names_no_wait_unless_told(start: Start) -> None:
    """The usual one comes without, and what a client does then is its own rule."""
    caller = await start(faults=(parse_fault("status=503"),))
    assert "Retry-After" not in (await caller.patch({"a": "1"}))[1]


async def test_one_resource_can_be_throttled_for_ever(start: Start) -> None:
    """Its row must wait on its own: the token's allowance is there for all others."""
    caller = await start(
        allowed=100, faults=(parse_fault(f"status=429,participant={P},times=always"),)
    )
    others = [f"{n:08x}-7425-40de-944b-e07fc1f90ae7" for n in range(5)]
    for other in others:
        status, headers, _ = await caller.patch({"a": "1"})
        assert (status, headers["Retry-After"]) == (429, "1")
        assert int(headers["inin-ratelimit-count"]) < 100
        assert (await caller.patch({"a": "1"}, participant=other))[0] == 202
    assert (await caller.stored()).keys() == set(others)


@pytest.mark.parametrize(
    ("fault", "status", "wait", "said"),
    [
        ("status=400", 400, None, "rate limit exceeded"),
        ("status=429", 429, "1", "rate limit exceeded"),
        ("status=429,retry_after=3600", 429, "3600", "rate limit exceeded"),
        ("kind=bare_429", 429, None, "too many requests"),
        ("status=401", 401, None, "authentication failed"),
        ("status=503,retry_after=7", 503, "7", "the request failed"),
    ],
)
async def test_the_token_endpoint_refuses_for_ever(
    start: Start, fault: str, status: int, wait: str | None, said: str
) -> None:
    """Its errors have a shape of their own, and without it no request can be made at all."""
    rule = parse_fault(f"{fault},on=token,times=always")
    caller = await start(minted=False, faults=(rule,))
    for _ in range(5):
        got, headers, body = await caller.send("POST", "/oauth/token", body=b"")
        document = orjson.loads(body)
        assert (got, headers.get("Retry-After")) == (status, wait)
        assert said in document["description"] == document["error_description"]
        assert "status" not in document
    assert (await caller.stats())["mints_refused"] == 5


async def test_the_token_endpoint_recovers(start: Start) -> None:
    """A throttle that ends must let the run begin; the API is not meant by it."""
    caller = await start(minted=False, faults=(parse_fault("status=429,on=token,times=2"),))
    assert [(await caller.mint())[0] for _ in range(3)] == [429, 429, 200]
    assert (await caller.patch({"a": "1"}))[0] == 202


@pytest.mark.parametrize("fault", ["kind=reset_before", "kind=malformed", "kind=empty"])
async def test_the_token_endpoint_can_break(start: Start, fault: str) -> None:
    """It is another host with breakdowns of its own, before a run has sent anything."""
    caller = await start(minted=False, faults=(parse_fault(f"{fault},on=token,times=1"),))
    with pytest.raises((*DISCONNECTS, orjson.JSONDecodeError)):
        await caller.mint()
    assert (await caller.mint())[0] == 200


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


@pytest.mark.parametrize("path", READS)
async def test_what_was_written_may_never_be_readable(start: Start, path: str) -> None:
    """A check that cannot be made is not a check that passed: the write itself was accepted."""
    caller = await start(faults=(parse_fault("status=404,on=read,times=always"),))
    assert (await caller.patch({"a": "1"}))[0] == 202
    answers = [await caller.send("GET", f"/api/v2/{path}") for _ in range(5)]
    assert {status for status, _, _ in answers} == {404}
    assert orjson.loads(answers[0][2])["code"] == "not.found"


@pytest.mark.parametrize("path", READS)
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
