"""Minting, expiry, revocation, and the rate limit as a client meets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from batchpatch.sandbox import SandboxOptions
from batchpatch.sandbox.windows import AllowedChange

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conftest import Caller, ManualClock

    Start = Callable[..., Awaitable[Caller]]

pytestmark = pytest.mark.asyncio

# The caller mints as "Aladdin" with "open sesame".
ME = "/api/v2/tokens/me"


async def ask(caller: Caller, authorization: str = "") -> tuple[int, str]:
    """Status and code of a small API request."""
    headers = {"Authorization": authorization} if authorization else {}
    status, _, body = await caller.send("GET", ME, body=None, **headers)
    return status, orjson.loads(body).get("code", "")


async def test_any_credentials_mint_by_default(start: Start) -> None:
    """Trying the sandbox out takes no set-up."""
    caller = await start(minted=False, expires_in_s=600)
    status, document = await caller.mint()
    assert (status, document["token_type"], document["expires_in"]) == (200, "bearer", 600)
    assert await ask(caller) == (200, "")


@pytest.mark.parametrize(
    ("options", "request_", "expected"),
    [
        ({"client_id": "Jafar"}, {}, (400, "invalid_client")),
        ({"client_secret": "simsalabim"}, {}, (401, "invalid_client")),
        ({}, {"authorization": "Basic QWxhZGRpbjo="}, (401, "invalid_client")),
        ({}, {"authorization": "Basic %%%"}, (400, "invalid_client")),
        ({}, {"authorization": ""}, (400, "invalid_client")),
        ({}, {"form": "grant_type=password"}, (400, "unsupported_grant_type")),
    ],
)
async def test_a_mint_is_refused_in_the_token_endpoints_own_shape(
    start: Start, options: dict[str, str], request_: dict[str, str], expected: tuple[int, str]
) -> None:
    """Its errors are not the API's envelope, and a client must read both."""
    caller = await start(minted=False, **options)
    status, document = await caller.mint(**request_)
    assert (status, document["error"]) == expected
    assert document["description"]
    assert (await caller.stats())["tokens_minted"] == 0


async def test_the_right_credentials_pass_where_they_are_pinned(start: Start) -> None:
    """Pinned credentials tell a client that sends the wrong ones from one that sends none."""
    caller = await start(minted=False, client_id="Aladdin", client_secret="open sesame")
    assert (await caller.mint())[0] == 200


async def test_the_token_endpoint_throttles_with_a_400(start: Start) -> None:
    """Its throttle is no 429, so a client that retries by status alone gives up wrongly."""
    caller = await start(minted=False, mint_throttle=2)
    answers = [await caller.mint() for _ in range(3)]
    assert [status for status, _ in answers] == [400, 400, 200]
    assert "rate limit exceeded" in answers[0][1]["description"]


async def test_a_token_expires(start: Start, clock: ManualClock) -> None:
    """Long runs outlive their token; the code tells expiry from a wrong token."""
    caller = await start(expires_in_s=600)
    clock.advance(599)
    assert await ask(caller) == (200, "")
    clock.advance(1)
    assert await ask(caller) == (401, "credentials.expired")


@pytest.mark.parametrize("life_s", [0, 0.25])
async def test_a_token_may_hardly_live_at_all(
    start: Start, clock: ManualClock, life_s: float
) -> None:
    """A client that mints whenever its token is due would mint without an end."""
    caller = await start(minted=False, expires_in_s=life_s)
    _, document = await caller.mint()
    assert document["expires_in"] == life_s
    clock.advance(life_s)
    assert await ask(caller) == (401, "credentials.expired")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Bearer made-up", "bad.credentials"),
        ("Basic made-up", "authentication.required"),
        ("Bearer ", "authentication.required"),
    ],
)
async def test_no_token_and_a_wrong_one_differ(start: Start, header: str, code: str) -> None:
    """The hint that a user gets depends on which of the two it was."""
    caller = await start(minted=False)
    assert await ask(caller, header) == (401, code)


async def test_a_ready_token_is_accepted(start: Start, clock: ManualClock) -> None:
    """Some users have an access token and no client to mint with."""
    caller = await start(minted=False, accept_token="ready-made")
    clock.advance(1_000_000)
    assert await ask(caller, "Bearer ready-made") == (200, "")


async def test_the_first_token_alone_is_revoked(start: Start) -> None:
    """A run must get through with exactly one token more, so the second has to last."""
    caller = await start(revoke_after=2)
    assert [await ask(caller) for _ in range(3)] == [
        (200, ""),
        (200, ""),
        (401, "bad.credentials"),
    ]
    await caller.mint()
    assert {await ask(caller) for _ in range(5)} == {(200, "")}
    assert (await caller.stats())["tokens_minted"] == 2


async def test_the_limit_is_announced_and_enforced(start: Start, clock: ManualClock) -> None:
    """The headers and the 429 are what a pacer lives on: whole, relative seconds."""
    caller = await start(allowed=2, rate_window_s=60)
    limits: list[tuple[Any, ...]] = []
    for wait_s in (0, 17.6, 0):
        clock.advance(wait_s)
        status, headers, body = await caller.patch({"a": "1"})
        names = ("count", "allowed", "reset")
        limits.append((status, *(headers.get(f"inin-ratelimit-{name}") for name in names)))
    assert limits == [(202, "1", "2", "60"), (202, "2", "2", "42"), (429, None, None, None)]
    envelope = orjson.loads(body)
    assert headers["Retry-After"] == "42"
    assert envelope["code"] == "too.many.requests.retry.after"
    assert envelope["message"].endswith("Retry the request in [42] seconds")
    assert (await caller.stats())["throttled"] == 1


async def test_the_next_window_admits_again(start: Start, clock: ManualClock) -> None:
    """A refusal ends with its window, not with some time after the last request."""
    caller = await start(allowed=1, rate_window_s=10)
    statuses = []
    for wait_s in (0, 9.9, 0.1):
        clock.advance(wait_s)
        statuses.append((await caller.patch({"a": "1"}))[0])
    assert statuses == [202, 429, 202]


async def test_each_token_has_windows_of_its_own(start: Start) -> None:
    """The platform's limit is per token, which is why several tokens go faster."""
    caller = await start(allowed=1)
    assert [(await ask(caller))[0] for _ in range(2)] == [200, 429]
    await caller.mint()
    assert (await ask(caller))[0] == 200


async def test_a_token_can_be_given_back(start: Start) -> None:
    """Whoever is done revokes what it minted; nobody may use that token again, itself included."""
    caller = await start(allowed=2)
    revoked = caller.token
    status, headers, body = await caller.send("DELETE", ME)
    assert (status, body) == (200, b"")
    assert headers["ININ-Correlation-Id"]
    assert await ask(caller) == (401, "bad.credentials")
    assert (await caller.send("DELETE", ME))[0] == 401
    await caller.mint()
    assert caller.token != revoked
    assert await ask(caller) == (200, "")


async def test_giving_a_token_back_is_no_work(start: Start) -> None:
    """It comes at the end, when the allowance may be spent, and no count of requests has it."""
    caller = await start(allowed=1, org_allowed=1)
    await ask(caller)
    assert (await ask(caller))[0] == 429
    assert (await caller.send("DELETE", ME))[0] == 200
    stats = await caller.stats()
    assert (stats["revoked"], stats["requests"], stats["by_resource"]["token"]) == (1, 2, 2)
    assert (stats["statuses"], stats["peak_in_window"]) == ({"200": 1, "429": 1}, 2)


async def test_all_tokens_together_have_a_limit_too(start: Start, clock: ManualClock) -> None:
    """More tokens do not lift it, and the token's own headers say that there is plenty left."""
    caller = await start(allowed=300, org_allowed=3, org_window_s=10)
    answers = []
    for _ in range(2):
        await caller.mint()
        answers += [await caller.patch({"a": "1"}) for _ in range(2)]
    assert [status for status, _, _ in answers] == [202, 202, 202, 429]
    _, headers, body = answers[-1]
    limit = orjson.loads(body)["limit"]
    assert (headers["inin-ratelimit-count"], headers["inin-ratelimit-allowed"]) == ("2", "300")
    assert headers["Retry-After"] == "10"
    assert limit["value"] == 3
    assert limit["namespace"] != "platform.api"
    assert "token.rate" not in limit["key"]
    clock.advance(10)
    assert (await caller.patch({"a": "1"}))[0] == 202


async def test_the_two_limits_are_counted_apart(start: Start, clock: ManualClock) -> None:
    """What a client lost to which limit, and in the worst window, is how it is judged."""
    caller = await start(allowed=4, rate_window_s=60, org_allowed=2, org_window_s=10)
    for requests in (4, 3):
        for _ in range(requests):
            await ask(caller)
        clock.advance(10)
    stats = await caller.stats()
    assert (stats["refused_by_token"], stats["refused_by_organization"]) == (3, 2)
    assert stats["throttled"] == 5
    assert (stats["peak_in_window"], stats["peak_refused_in_window"]) == (7, 3)
    assert stats["peak_in_organization_window"] == 4
    assert stats["peak_refused_in_organization_window"] == 2


async def test_a_429_of_the_token_names_the_tokens_limit(start: Start) -> None:
    """By its key a client tells the limit that more tokens lift from the one that they do not."""
    caller = await start(allowed=1, org_allowed=100)
    await ask(caller)
    _, _, body = await caller.send("GET", ME)
    assert orjson.loads(body)["limit"] == {
        "key": "client.credentials.token.rate.per.minute",
        "namespace": "platform.api",
        "value": 1,
    }


async def test_a_429_can_carry_the_headers_too(start: Start) -> None:
    """Some answers of the platform do: a client must cope with both."""
    caller = await start(allowed=1, headers_on_429=True)
    await ask(caller)
    status, headers, _ = await caller.send("GET", ME)
    assert (status, headers["inin-ratelimit-count"], headers["inin-ratelimit-reset"]) == (
        429,
        "1",
        "60",
    )


async def test_without_a_limit_there_are_no_headers(start: Start) -> None:
    """A client that sees no headers must go as fast as it can."""
    caller = await start()
    _, headers, _ = await caller.send("GET", ME)
    assert not [name for name in headers if name.lower().startswith("inin-ratelimit")]


async def test_how_the_limit_counts_can_be_chosen(start: Start, clock: ManualClock) -> None:
    """Nobody knows for certain how the platform does it, so a client is tried with each."""
    caller = await start(
        allowed=10,
        window_model="first-call",
        reset_rounding="floor",
        foreign_per_s=0.5,
        allowed_changes=(AllowedChange(70, 20),),
    )
    limits = []
    for wait_s in (0, 4.5, 70):
        clock.advance(wait_s)
        _, headers, _ = await caller.send("GET", ME)
        limits.append([headers[f"inin-ratelimit-{name}"] for name in ("count", "allowed", "reset")])
    assert limits[:2] == [["1", "10", "60"], ["4", "10", "55"]]
    assert limits[2][1] == "20"
    stats = await caller.stats()
    assert stats["foreign_admitted"] + stats["foreign_throttled"] == 37
    assert stats["foreign_throttled"] == 21


async def test_the_limits_namespace_follows_a_change(start: Start, clock: ManualClock) -> None:
    """A client that reads it at the start must see what the windows enforce."""
    caller = await start(allowed=10, rate_window_s=60, allowed_changes=(AllowedChange(5, 30),))
    clock.advance(5)
    path = "/api/v2/organizations/limits/namespaces/platform.api"
    _, _, body = await caller.send("GET", path)
    values = {entity["key"]: entity["value"] for entity in orjson.loads(body)["entities"]}
    assert values["token.rate.per.minute"] == 30


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_model": "calendar"},
        {"reset_rounding": "half-even"},
        {"foreign_per_s": -1},
        {"foreign_per_s": 1001},
        {"allowed_changes": (AllowedChange(1, 5),)},
    ],
)
async def test_what_cannot_be_counted_is_refused(wrong: dict[str, Any]) -> None:
    """An option that is quietly ignored makes a test pass that has tested nothing."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SandboxOptions(**wrong)
