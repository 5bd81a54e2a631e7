"""What the token endpoint says is understood, and a refusal says what to check."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from batchpatch.errors import AccessError, OutageError, SettingsError
from batchpatch.genesys.account.credentials import Secret
from batchpatch.genesys.account.token_endpoint import (
    Minted,
    Throttled,
    Transient,
    judge_mint,
    revoke,
)
from batchpatch.genesys.replies import NoReply, Reply, read_reply

if TYPE_CHECKING:
    from batchpatch.genesys.account.tokens import MintedTokens


def judge(answer: Reply | NoReply) -> Minted | Throttled | Transient:
    """Judge an answer of a fixed host, to credentials of a fixed origin."""
    return judge_mint(answer, host="login.mypurecloud.ie", origin="the environment (ID)")


def grant(**fields: object) -> Reply:
    """Return a 200 with these fields."""
    return Reply(200, body=orjson.dumps(fields))


@pytest.mark.parametrize(
    ("expires_in", "lifetime_s"),
    [
        (86400, 86400.0),
        (0.5, 0.5),
        (None, math.inf),
        ("86400", math.inf),
        (0, math.inf),
        (-5, math.inf),
        (True, math.inf),
        (1e300, 1e9),
    ],
)
def test_a_token_lives_as_long_as_it_says(expires_in: object, lifetime_s: float) -> None:
    """A lifetime that makes no sense must not mean a mint for every request."""
    minted = judge(grant(access_token="hush", token_type="bearer", expires_in=expires_in))
    assert isinstance(minted, Minted)
    assert (minted.secret.reveal(), minted.lifetime_s) == ("hush", lifetime_s)
    assert "hush" not in repr(minted)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200),
        Reply(200, body=b"<html>"),
        Reply(200, body=b"[]"),
        grant(token_type="bearer"),
        grant(access_token=""),
        grant(access_token=5),
        grant(access_token="a\r\nX-Evil: 1"),
        grant(access_token="a b"),
    ],
)
def test_a_success_without_a_token_is_not_one(reply: Reply) -> None:
    """A token with a line break in it would end a header early."""
    assert judge(reply) == Transient("status 200 without a token")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, "invalid_request", "Rate limit exceeded the maximum"),
        Reply(400, "rate limit exceeded"),
        Reply(429),
    ],
)
def test_the_endpoints_own_throttle_is_no_refusal(reply: Reply) -> None:
    """It comes as a 400, which would otherwise end the run for a matter of seconds."""
    assert judge(reply) == Throttled(None)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_trouble_may_pass(status: int) -> None:
    """The login host has bad minutes, too."""
    assert judge(Reply(status)) == Transient(f"status {status}")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(400, "invalid_client", "client not found: x"), "check the client id, its secret"),
        (Reply(401, "invalid_client"), "from the environment"),
        (Reply(400, "unauthorized_client"), "grant type Client Credentials"),
        (Reply(403), "refuses the credentials"),
    ],
)
def test_refused_credentials_say_what_to_check(reply: Reply, words: str) -> None:
    """Exit 4, and a sentence that names host and origin."""
    with pytest.raises(AccessError, match=words) as caught:
        judge(reply)
    assert "login.mypurecloud.ie" in str(caught.value)


@pytest.mark.parametrize("status", [302, 404, 405])
def test_a_host_that_is_no_login_host_is_a_setting(status: int) -> None:
    """A wrong --login-url, not a wrong secret."""
    with pytest.raises(SettingsError, match="--login-url"):
        judge(Reply(status))


def test_a_certificate_that_cannot_be_verified_names_the_option() -> None:
    """Behind a proxy that inspects TLS this is the first thing to happen."""
    with pytest.raises(SettingsError, match="--ca-file"):
        judge(NoReply("tls", "", sent=False))


@given(st.integers(200, 299), st.binary())
def test_any_body_is_judged(status: int, body: bytes) -> None:
    """Garbage from a captive portal is not a traceback."""
    assert isinstance(judge(Reply(status, body=body)), Minted | Transient)


def test_a_page_in_its_place_is_named() -> None:
    """It is no refusal of the credentials: whoever changes the secret then looks in vain."""
    page = NoReply("page", "a web page answered with status 401 (Sign in)", sent=True)
    with pytest.raises(OutageError, match=r"login\.mypurecloud\.ie: a web page .*\(Sign in\)"):
        judge(page)


@pytest.mark.parametrize(
    "said",
    [
        {"error": "invalid_client", "description": "no client an-id with secret hush-hush-hush"},
        {"error": "hush-hush-hush"},
        {"error": "invalid_client", "description": "x" * 290 + "hush-hush-hush"},
        {"error": "a", "error_description": "Basic YW4taWQ6aHVzaC1odXNoLWh1c2g= is refused"},
    ],
)
def test_an_endpoint_that_repeats_the_secret_is_not_quoted(said: dict[str, str]) -> None:
    """A gateway's debug mode does; its words would stand on screens and in reports."""
    reply = read_reply(401, CIMultiDict(), orjson.dumps(said))
    secrets = (Secret("hush-hush-hush"), Secret("YW4taWQ6aHVzaC1odXNoLWh1c2g="))
    with pytest.raises(AccessError, match=r"refuses the credentials .* \(401\)") as caught:
        judge_mint(reply, host="login.x", origin="a test", secrets=secrets)
    assert "hush" not in str(caught.value)
    assert "YW4" not in str(caught.value)


@pytest.mark.parametrize("title", ["for hush-hush-hush", "x" * 68 + " hush-hus..."])
def test_a_page_that_repeats_the_secret_is_not_quoted(title: str) -> None:
    """Not even in a part that was shortened."""
    page = NoReply("page", f"a web page answered ({title})", sent=True, title=title)
    with pytest.raises(OutageError, match="a web page answered") as caught:
        judge_mint(page, host="login.x", origin="a test", secrets=[Secret("hush-hush-hush")])
    assert "hush" not in str(caught.value)


RunVirtual = Callable[[Any], Any]
Make = Callable[[Any], "MintedTokens"]
API = "https://api.mypurecloud.ie"


def revoked(platform: Any) -> list[str]:
    """With which tokens it was asked, in order."""
    return [token for _, url, token in platform.seen if url == f"{API}/api/v2/tokens/me"]


def test_each_revokes_itself(platform: Any, token_source: Make, run_virtual: RunVirtual) -> None:
    """The one that was renewed lately still holds; one that was rejected is gone already."""

    async def run() -> None:
        tokens = token_source(platform)
        platform.mints = [platform.grant(), platform.grant(expires_in=100), platform.grant()]
        rejected = await tokens.current()
        rejected.accepted = True
        tokens.reject(rejected)
        await tokens.current()
        await asyncio.sleep(95)
        await tokens.current()
        await revoke(platform, API, tokens.valid())

    run_virtual(run())
    assert revoked(platform) == ["Bearer hush-2", "Bearer hush-3"]


def test_one_that_has_expired_is_left_alone(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """A run of days has had many; what is kept of them does not grow."""

    async def run() -> int:
        tokens = token_source(platform)
        platform.mints = [platform.grant(expires_in=100) for _ in range(20)]
        for _ in range(20):
            await tokens.current()
            await asyncio.sleep(200)
        return len(tokens.valid())

    assert run_virtual(run()) <= 1


def test_a_platform_that_does_not_answer_is_not_waited_for(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """Two seconds at most, and no error: the token dies of its age."""

    async def run() -> float:
        tokens = token_source(platform)
        await tokens.current()
        platform.answers = [NoReply("connection", "refused", sent=False)]
        await revoke(platform, API, tokens.valid())
        platform.latency_s = 100.0
        await revoke(platform, API, tokens.valid())
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) < 2.5
