"""A call is made until it is settled, at the cost that the contract names."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.errors import AccessError, OutageError, SettingsError
from batchpatch.genesys.client import GenesysClient
from batchpatch.genesys.purpose import made_for
from batchpatch.genesys.rate_limit.limiter import RateLimiter
from batchpatch.genesys.rate_limit.token_slots import QuotaOptions
from batchpatch.genesys.replies import NoReply, QuotaHeaders, Reply
from batchpatch.genesys.retry import OutcomeKind
from batchpatch.options.run import DEFAULT_RATE, Rate, RetryPolicy

if TYPE_CHECKING:
    from batchpatch.genesys.account.tokens import MintedTokens

RunVirtual = Callable[[Any], Any]
MakeTokens = Callable[[Any], "MintedTokens"]
MakeClient = Callable[..., GenesysClient]

LOST = NoReply("timeout", "no answer", sent=True)
PAGE = NoReply("page", "a web page answered with status 200 (Sign in)", sent=True, title="Sign in")
BODY = b'{"attributes":{}}'


@pytest.fixture
def make_client(token_source: MakeTokens) -> MakeClient:
    """Return a maker of clients that talk to the scripted platform."""

    def make(
        platform: Any,
        *,
        rate: Rate | None = None,
        assumed: Rate | None = None,
        retries: int = 5,
        tokens: int = 1,
        max_wait_s: float = 180.0,
        wall_clock: Callable[[], float] = lambda: 0.0,
        max_outage_s: float = 900.0,
    ) -> GenesysClient:
        return GenesysClient(
            "https://api.mypurecloud.ie",
            transport=platform,
            limiter=RateLimiter(
                [
                    token_source(platform, patience_s=min(300.0, max_outage_s))
                    for _ in range(tokens)
                ],
                QuotaOptions(assumed_per_s=assumed.per_s if assumed else None),
                clock=asyncio.get_running_loop().time,
                cap=rate,
                patience_s=max_outage_s,
            ),
            policy=RetryPolicy(retries=retries, max_wait_s=max_wait_s),
            wall_clock=wall_clock,
            max_outage_s=max_outage_s,
            sleep=asyncio.sleep,
            random=lambda: 0.5,
            clock=asyncio.get_running_loop().time,
        )

    return make


def counts(client: GenesysClient) -> tuple[int, int, int, int]:
    """Return the counters that the summary takes over."""
    traffic = client.traffic
    return traffic.requests, traffic.retries, traffic.throttled, client.tokens_minted


@pytest.mark.parametrize(
    ("script", "kind", "expected"),
    [
        ([], OutcomeKind.ACCEPTED, (1, 0, 0, 1)),
        ([Reply(200)], OutcomeKind.ACCEPTED, (1, 0, 0, 1)),
        ([Reply(204)], OutcomeKind.ACCEPTED, (1, 0, 0, 1)),
        ([Reply(503), LOST], OutcomeKind.ACCEPTED, (3, 2, 0, 1)),
        ([Reply(429), Reply(429)], OutcomeKind.ACCEPTED, (3, 2, 2, 1)),
        ([Reply(404)], OutcomeKind.REFUSED, (1, 0, 0, 1)),
        ([Reply(409)], OutcomeKind.ACCEPTED, (2, 1, 0, 1)),
        ([Reply(409), Reply(409)], OutcomeKind.REFUSED, (2, 1, 0, 1)),
        ([Reply(503)] * 3, OutcomeKind.REFUSED, (3, 2, 0, 1)),
        ([LOST] * 3, OutcomeKind.UNANSWERED, (3, 2, 0, 1)),
        ([LOST, LOST, Reply(500)], OutcomeKind.REFUSED, (3, 2, 0, 1)),
        ([Reply(500), Reply(429), Reply(500), Reply(429)], OutcomeKind.ACCEPTED, (5, 4, 2, 1)),
        ([Reply(404), Reply(401)], OutcomeKind.REFUSED, (1, 0, 0, 1)),
    ],
)
def test_a_call_is_settled_and_counted(
    script: list[Reply | NoReply],
    kind: OutcomeKind,
    expected: tuple[int, int, int, int],
    platform: Any,
    make_client: MakeClient,
    run_virtual: RunVirtual,
) -> None:
    """With two retries: what the answers lead to, and what they cost."""
    platform.answers = list(script)

    async def run() -> tuple[OutcomeKind, int, tuple[int, int, int, int]]:
        client = make_client(platform, retries=2)
        answer = await client.call("PATCH", "/api/v2/x", BODY)
        assert (answer.reply is None) is (kind is OutcomeKind.UNANSWERED)
        assert (answer.failure is None) is (kind is not OutcomeKind.UNANSWERED)
        return answer.outcome_kind, answer.attempts, counts(client)

    assert run_virtual(run()) == (kind, expected[0], expected)


def test_answers_are_counted_by_what_they_were(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """Whoever watches sees what the platform says, and what it was asked for."""
    platform.answers = [Reply(503), LOST, Reply(429), Reply(202), Reply(404)]

    async def run() -> dict[Any, int]:
        client = make_client(platform)
        await client.call("PATCH", "/api/v2/x", BODY)
        with made_for("reads"):
            await client.call("GET", "/api/v2/y")
        return client.traffic.answers

    answered = {("patches", status): 1 for status in ("503", "timeout", "429", "202")}
    assert run_virtual(run()) == answered | {("reads", "404"): 1}


def test_an_expired_token_is_replaced_in_the_middle_of_a_run(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """The pool's thirty-two 401s are one mint, and no call is lost or charged a retry."""

    async def run() -> tuple[int, int, int, int]:
        client = make_client(platform, retries=0)
        await client.call("PATCH", "/api/v2/x", BODY)
        platform.answers = [Reply(401, "credentials.expired")] * 32
        answers = await asyncio.gather(
            *(client.call("PATCH", f"/api/v2/{n}", BODY) for n in range(32))
        )
        assert {answer.outcome_kind for answer in answers} == {OutcomeKind.ACCEPTED}
        return counts(client)

    assert run_virtual(run()) == (65, 32, 0, 2)
    assert {authorization for _, _, authorization in platform.seen[-32:]} == {"Bearer hush-2"}


def test_a_token_rejected_at_once_ends_the_run(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """Wrong region or a dead client: exit 4 after one request, not after thousands."""
    platform.answers = [Reply(401, "bad.credentials")] * 99

    async def run() -> None:
        await make_client(platform).call("PATCH", "/api/v2/x", BODY)

    with pytest.raises(AccessError, match="just minted") as caught:
        run_virtual(run())
    assert len(platform.times("/api/")) == 1
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "hush" not in "".join(line for line in shown.format() if "conftest" not in line)


def test_tokens_that_all_die_on_the_way_end_the_call(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """Each of them may have expired; so many in a row are an answer all the same."""
    platform.mints = [platform.grant(expires_in=1) for _ in range(99)]
    platform.answers = [Reply(401, "credentials.expired")] * 99
    platform.latency_s = 1.2

    async def run() -> Any:
        return await make_client(platform).call("PATCH", "/api/v2/x", BODY)

    answer = run_virtual(run())
    assert answer.outcome_kind is OutcomeKind.REFUSED
    assert len(platform.times("/oauth/token")) == 4


def test_a_429_stops_the_whole_pool(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """Every request until the window's end would be refused, and counted against us."""

    async def run() -> None:
        client = make_client(platform)
        await client.call("PATCH", "/api/v2/first", BODY)
        platform.answers = [Reply(429, retry_after_s=42.0)]

        async def work(n: int) -> None:
            await asyncio.sleep(n * 0.1)
            await client.call("PATCH", f"/api/v2/{n}", BODY)

        await asyncio.gather(*(work(n) for n in range(20)))

    run_virtual(run())
    times = platform.times("/api/")
    assert len(times) == 22
    assert not [time_s for time_s in times[2:] if time_s < times[1] + 43]


def test_permits_are_taken_per_attempt(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """A retry is a request to the platform like any other."""
    platform.answers = [Reply(503)] * 3

    async def run() -> float:
        client = make_client(platform, rate=Rate(0.1))
        await client.call("PATCH", "/api/v2/x", BODY)
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) >= 30


def test_no_permits_pile_up_while_a_token_is_minted(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """After a throttled login the pool would leave as one burst, and be refused."""
    platform.mints = [Reply(429, retry_after_s=59.0)]

    async def run() -> None:
        client = make_client(platform, assumed=DEFAULT_RATE)
        await asyncio.gather(*(client.call("PATCH", "/api/v2/x", BODY) for _ in range(32)))

    run_virtual(run())
    times = platform.times("/api/")
    assert times[0] > 60
    assert len([time_s for time_s in times if time_s < times[0] + 1]) <= 5


def test_a_token_that_expires_during_the_wait_is_not_sent(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """A permit may come minutes after it was asked for; an old token would waste it."""
    platform.mints = [platform.grant(expires_in=100)]
    platform.answers = [Reply(202), Reply(429, retry_after_s=150)]

    async def run() -> int:
        client = make_client(platform)
        await client.call("PATCH", "/api/v2/x", BODY)
        await client.call("PATCH", "/api/v2/x", BODY)
        return client.tokens_minted

    assert run_virtual(run()) == 2
    assert platform.seen[-1][2] == "Bearer hush-2"


def test_the_window_in_the_answers_is_kept(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """What the server says is left goes at once, and what comes after it waits for the edge."""
    platform.answers = [Reply(202, quota=QuotaHeaders(n, 5, 30)) for n in range(1, 6)]

    async def run() -> None:
        client = make_client(platform)
        await asyncio.gather(*(client.call("PATCH", "/api/v2/x", BODY) for _ in range(6)))

    run_virtual(run())
    times = platform.times("/api/")
    assert times[4] < 1
    assert 29 < times[5] < 32


def test_a_certificate_that_never_worked_ends_the_run(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """It is a setting; retrying it row by row would fail the whole file."""
    platform.answers = [NoReply("tls", "", sent=False)]

    async def run() -> None:
        await make_client(platform).call("PATCH", "/api/v2/x", BODY)

    with pytest.raises(SettingsError, match=r"api\.mypurecloud\.ie.*--ca-file"):
        run_virtual(run())


def test_a_certificate_that_fails_later_is_trouble_like_any_other(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """One bad node behind the load balancer must not end a run of hours."""

    async def run() -> OutcomeKind:
        client = make_client(platform)
        await client.call("PATCH", "/api/v2/x", BODY)
        platform.answers = [NoReply("tls", "", sent=False)]
        return (await client.call("PATCH", "/api/v2/x", BODY)).outcome_kind

    assert run_virtual(run()) == OutcomeKind.ACCEPTED


def test_a_token_may_run_out_while_its_window_is_waited_for(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """What is waited for has words at any time: the window first, then the next token."""
    platform.mints = [platform.grant(expires_in=5)]
    platform.answers = [Reply(429, retry_after_s=8.0)]

    async def run() -> tuple[OutcomeKind, list[str | None]]:
        client = make_client(platform)
        calling = asyncio.ensure_future(client.call("PATCH", "/api/v2/x", BODY))
        said = []
        while not (await asyncio.wait([calling], timeout=1))[0]:
            said.append(client.waiting_for)
        return calling.result().outcome_kind, said

    kind, said = run_virtual(run())
    assert kind == OutcomeKind.ACCEPTED
    assert said == [f"the rate limit ({left} s)" for left in range(9, 1, -1)] + [None]


def test_a_token_that_is_minted_while_all_others_are_gone_is_waited_for(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """There is no time to name: only the login host knows it."""
    platform.mints = [platform.grant(expires_in=5), Reply(429, retry_after_s=30.0)]
    platform.answers = [Reply(429, retry_after_s=8.0)]

    async def run() -> str | None:
        client = make_client(platform, tokens=2)
        calling = asyncio.ensure_future(client.call("PATCH", "/api/v2/x", BODY))
        await asyncio.sleep(20)
        said = client.waiting_for
        await calling
        return said

    said = run_virtual(run())
    assert said == "a token: login.mypurecloud.ie limits how many tokens it mints"


@pytest.mark.parametrize("calls", [1, 32])
def test_pages_from_the_first_end_the_run_at_once(
    calls: int, platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """A proxy wants a sign-in first: no row can be sent, and the sentence names the page."""
    platform.answers = [PAGE] * 1000

    async def run() -> float:
        client = make_client(platform)
        with pytest.raises(OutageError, match=r"api\.mypurecloud\.ie: .*Sign in.*--api-url"):
            await asyncio.gather(*(client.call("PATCH", "/api/v2/x", BODY) for _ in range(calls)))
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) < 5
    assert len(platform.times("/api/")) <= calls + 2


def test_a_page_in_the_midst_of_a_run_is_trouble_like_any_other(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """It takes retries, never a token, and in the end nobody knows whether the row was applied."""

    async def run() -> tuple[OutcomeKind, str, int]:
        client = make_client(platform, retries=2)
        await client.call("PATCH", "/api/v2/x", BODY)
        platform.answers = [PAGE] * 3
        answer = await client.call("PATCH", "/api/v2/x", BODY)
        assert answer.failure is not None
        return answer.outcome_kind, answer.failure.code, client.tokens_minted

    assert run_virtual(run()) == (OutcomeKind.UNANSWERED, "not_the_platform", 1)


def test_pages_that_last_are_an_outage_in_their_own_words(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """ "Has answered nothing" would be untrue, and would send people to the wrong place."""

    async def run() -> None:
        client = make_client(platform)
        await client.call("PATCH", "/api/v2/x", BODY)
        platform.answers = [PAGE] * 10_000
        await asyncio.gather(*(client.call("PATCH", "/api/v2/x", BODY) for _ in range(8)))

    with pytest.raises(OutageError, match="Sign in"):
        run_virtual(run())


@pytest.mark.parametrize("retry_after_s", [None, 20.0])
@pytest.mark.parametrize("headers", [None, QuotaHeaders(1, 300, 60)])
def test_one_resource_that_is_refused_for_ever_holds_nobody(
    retry_after_s: float | None,
    headers: QuotaHeaders | None,
    platform: Any,
    make_client: MakeClient,
    run_virtual: RunVirtual,
) -> None:
    """Its call waits by itself, and is `unknown` after so many rounds; the others do not notice."""

    def judge(url: str) -> Reply:
        if url.endswith("/poison"):
            return Reply(429, retry_after_s=retry_after_s)
        return Reply(202, quota=headers)

    platform.judge = judge

    async def run() -> tuple[float, Any]:
        client = make_client(platform, retries=3)
        loop = asyncio.get_running_loop()
        await client.call("PATCH", "/api/v2/first", BODY)
        poisoned = asyncio.ensure_future(client.call("PATCH", "/api/v2/poison", BODY))
        for turn in range(5):
            await asyncio.gather(
                *(client.call("PATCH", f"/api/v2/{turn}/{n}", BODY) for n in range(20))
            )
        others_s = loop.time()
        async with asyncio.timeout(300):
            return others_s, await poisoned

    others_s, answer = run_virtual(run())
    assert others_s < 3
    assert answer.outcome_kind is OutcomeKind.UNANSWERED
    assert (answer.failure.code, answer.attempts) == ("throttled", 4)


def test_a_refusal_that_lasts_ends_the_run_with_the_time(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """A daily limit: hours of silence help nobody, and other tokens are no way around it."""
    platform.answers = [Reply(429, retry_after_s=7200, limit="patches.per.day")] * 9

    async def run() -> None:
        client = make_client(platform, wall_clock=lambda: 1_700_000_000.0, tokens=10)
        await client.call("PATCH", "/api/v2/x", BODY)

    with pytest.raises(OutageError, match=r"2023-11-15 00:13:20 UTC.*patches.per.day.*--max-wait"):
        run_virtual(run())
    assert len(platform.times("/api/")) == 1


def test_a_longer_wait_may_be_asked_for(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """Whoever has the night may let it stand."""
    platform.answers = [Reply(429, retry_after_s=7200)]

    async def run() -> OutcomeKind:
        client = make_client(platform, max_wait_s=10_000)
        return (await client.call("PATCH", "/api/v2/x", BODY)).outcome_kind

    assert run_virtual(run()) is OutcomeKind.ACCEPTED
    assert platform.times("/api/")[-1] > 7200


@pytest.mark.parametrize("retry_after_s", [None, 1.0, 60.0])
def test_refusals_without_end_end_the_run(
    retry_after_s: float | None, platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """Nothing but 429s for a quarter of an hour is no window that resets."""
    platform.answers = [Reply(429, retry_after_s=retry_after_s)] * 100_000

    async def run() -> None:
        client = make_client(platform)
        await asyncio.gather(*(client.call("PATCH", "/api/v2/x", BODY) for _ in range(8)))

    with pytest.raises(OutageError, match=r"refused every request for 9\d\d s \(429\)"):
        run_virtual(run())
    assert 900 < platform.seen[-1][0] < 1000


def test_whatever_is_waited_for_has_words(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """The first token, a slow answer, a pause of its own: a silent screen looks broken."""

    async def run() -> list[str | None]:
        client = make_client(platform, retries=9)
        said = []
        platform.mints = [Reply(503)]
        calling = asyncio.ensure_future(client.call("PATCH", "/api/v2/x", BODY))
        await asyncio.sleep(0.02)
        said.append(client.waiting_for)
        await asyncio.sleep(0.2)
        said.append(client.waiting_for)
        await calling
        said.append(client.waiting_for)
        platform.answers = [Reply(503, retry_after_s=20.0)]
        calling = asyncio.ensure_future(client.call("PATCH", "/api/v2/x", BODY))
        await asyncio.sleep(5)
        said.append(client.waiting_for)
        await calling
        platform.latency_s = 30.0
        calling = asyncio.ensure_future(client.call("PATCH", "/api/v2/x", BODY))
        await asyncio.sleep(0.5)
        said.append(client.waiting_for)
        await asyncio.sleep(11.5)
        said.append(client.waiting_for)
        await calling
        return said

    assert run_virtual(run()) == [
        "a token",
        "a token: login.mypurecloud.ie mints none: status 503",
        None,
        "another try after status 503",
        None,
        "an answer from api.mypurecloud.ie (12 s)",
    ]


@pytest.mark.parametrize(
    "answer", [Reply(429), Reply(400, "invalid_request", "rate limit exceeded")]
)
@pytest.mark.parametrize("heard", [True, False])
def test_a_token_endpoint_that_only_throttles_is_an_outage(
    answer: Reply, heard: bool, platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """Whatever it is that mints without end beside us: `--max-outage` bounds the wait for it."""

    async def run() -> float:
        if heard:
            platform.mints = [platform.grant(expires_in=5)]
        client = make_client(platform, max_outage_s=200)
        if heard:
            await client.call("PATCH", "/api/v2/x", BODY)
            await asyncio.sleep(10)
        began_s = asyncio.get_running_loop().time()
        platform.mints = [answer] * 1000
        with pytest.raises(OutageError, match=r"login\.mypurecloud\.ie limits how many tokens"):
            await asyncio.gather(*(client.call("PATCH", "/api/v2/x", BODY) for _ in range(4)))
        return asyncio.get_running_loop().time() - began_s

    assert 50 <= run_virtual(run()) <= (500 if heard else 300)


@pytest.mark.parametrize("max_outage_s", [20.0, 300.0])
def test_a_503_that_asks_for_an_hour_is_an_outage(
    max_outage_s: float, platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """It is waited out as one, in words, and not longer than the user allows."""

    async def run() -> tuple[float, str | None]:
        client = make_client(platform, max_outage_s=max_outage_s)
        await client.call("PATCH", "/api/v2/x", BODY)
        platform.answers = [Reply(503, retry_after_s=3600.0)] * 10_000
        calls = asyncio.gather(*(client.call("PATCH", "/api/v2/x", BODY) for _ in range(32)))
        await asyncio.sleep(15)
        said = client.waiting_for
        with pytest.raises(OutageError, match="answered nothing"):
            await calls
        return asyncio.get_running_loop().time(), said

    ended_s, said = run_virtual(run())
    assert max_outage_s <= ended_s <= max_outage_s + 65
    assert said is not None


@pytest.mark.parametrize("rows", [1, 2, 32])
@pytest.mark.parametrize("max_outage_s", [3.0, 300.0])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_even_one_call_that_is_put_off_for_an_hour_is_an_outage(
    status: int,
    max_outage_s: float,
    rows: int,
    platform: Any,
    make_client: MakeClient,
    run_virtual: RunVirtual,
) -> None:
    """A few rows at the end of a run were charged for it, and ended as `rejected`."""

    async def run() -> tuple[float, str | None]:
        client = make_client(platform, max_outage_s=max_outage_s)
        await client.call("PATCH", "/api/v2/x", BODY)
        began_s = asyncio.get_running_loop().time()
        platform.answers = [Reply(status, retry_after_s=3600.0)] * 10_000
        calls = asyncio.gather(*(client.call("PATCH", "/api/v2/x", BODY) for _ in range(rows)))
        await asyncio.sleep(1)
        said = client.waiting_for
        with pytest.raises(OutageError, match=f"nothing but status {status}, and asks to wait"):
            await calls
        return asyncio.get_running_loop().time() - began_s, said

    lasted_s, said = run_virtual(run())
    assert max_outage_s <= lasted_s <= max_outage_s + 1
    assert said is not None
    assert "(it asks to wait until " in said


@pytest.mark.parametrize("latency_s", [0.01, 3.0])
def test_one_call_that_is_put_off_while_others_pass_holds_nobody(
    latency_s: float, platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """It is tried again, and ends without an answer: it has not been refused, and may pass yet."""
    platform.latency_s = latency_s
    platform.judge = lambda url: Reply(503, retry_after_s=3600.0) if "bad" in url else Reply(202)

    async def run() -> tuple[Any, float]:
        client = make_client(platform, max_outage_s=60)

        async def others() -> float:
            for _ in range(100):
                await client.call("PATCH", "/api/v2/x", BODY)
            took_s = asyncio.get_running_loop().time()
            while True:  # somebody always passes
                await client.call("PATCH", "/api/v2/x", BODY)
                if client.traffic.requests > 2000:
                    return took_s
                await asyncio.sleep(1)

        beside = asyncio.ensure_future(others())
        answer = await client.call("PATCH", "/api/v2/bad", BODY)
        beside.cancel()
        return answer, float(len(platform.times("/api/v2/x")))

    answer, passed = run_virtual(run())
    assert answer.outcome_kind is OutcomeKind.UNANSWERED
    assert answer.failure is not None
    assert answer.failure.code == "throttled"
    assert "answered 503" in answer.failure.message
    assert passed > 30


@pytest.mark.parametrize("max_outage_s", [12.0, 70.0, 900.0])
def test_refusals_without_a_time_end_the_run_when_the_outage_is_over(
    max_outage_s: float, platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """The last wait is cut to the bound; it once went over it by a whole backoff."""
    platform.answers = [Reply(429)] * 100_000

    async def run() -> float:
        client = make_client(platform, max_outage_s=max_outage_s)
        with pytest.raises(OutageError, match=r"refused every request for \d+ s \(429\)"):
            await asyncio.gather(*(client.call("PATCH", "/api/v2/x", BODY) for _ in range(8)))
        return asyncio.get_running_loop().time()

    assert max_outage_s <= run_virtual(run()) <= max_outage_s + 2


@pytest.mark.parametrize("max_outage_s", [12.0, 200.0, 900.0])
def test_a_token_endpoint_that_only_throttles_is_not_waited_for_longer(
    max_outage_s: float, platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """Each probe of the outage began to be patient anew, so that it lasted twice as long."""

    async def run() -> float:
        platform.mints = [platform.grant(expires_in=5)]
        client = make_client(platform, max_outage_s=max_outage_s)
        await client.call("PATCH", "/api/v2/x", BODY)
        await asyncio.sleep(10)
        began_s = asyncio.get_running_loop().time()
        platform.mints = [Reply(429)] * 1000
        with pytest.raises(OutageError, match=r"login\.mypurecloud\.ie limits how many tokens"):
            await asyncio.gather(*(client.call("PATCH", "/api/v2/x", BODY) for _ in range(4)))
        return asyncio.get_running_loop().time() - began_s

    assert max_outage_s / 2 <= run_virtual(run()) <= max_outage_s + 1


def test_cancelling_at_any_await_leaves_nothing_behind(
    platform: Any,
    make_client: MakeClient,
    run_virtual: RunVirtual,
    cancel_at_each_await: Callable[..., Any],
) -> None:
    """A stop comes when it comes: no lock, no permit, no request in flight may stay."""

    def scene() -> Any:
        platform.mints = [Reply(503)]
        platform.answers = [Reply(503), Reply(401), Reply(429), LOST, Reply(409)]
        client = make_client(platform, rate=DEFAULT_RATE)
        (slot,) = client.limiter.pool.slots
        started_s = asyncio.get_running_loop().time()

        async def check() -> None:
            assert platform.in_flight == 0
            platform.mints, platform.answers = [], []
            async with asyncio.timeout(90):
                await client.call("PATCH", "/api/v2/x", BODY)
            assert client.waiting_for is None
            assert not slot.quota.in_flight
            assert not slot.source._lock.locked()
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert asyncio.get_running_loop().time() > started_s

        return client.call("PATCH", "/api/v2/x", BODY), check

    assert run_virtual(cancel_at_each_await(scene)) >= 15


def test_the_others_go_on_when_one_is_cancelled(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """The cancelled one may be minting for all, or first in the queue for permits."""

    async def run() -> set[OutcomeKind]:
        client = make_client(platform, rate=Rate(100))
        calls = [
            asyncio.ensure_future(client.call("PATCH", f"/api/v2/{n}", BODY)) for n in range(50)
        ]
        for n in range(0, 50, 7):
            await asyncio.sleep(0.03)
            calls[n].cancel()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        return {getattr(answer, "outcome_kind", None) for answer in answers}

    assert run_virtual(run()) == {None, OutcomeKind.ACCEPTED}


def test_a_read_that_verifies_is_not_repeated_for_long(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """It looks again by itself while `--verify-for` lasts; six timeouts would be minutes."""
    platform.answers = [LOST] * 9

    async def run() -> int:
        client = make_client(platform)
        with made_for("verifications"):
            return (await client.call("GET", "/api/v2/conversations/x")).attempts

    assert run_virtual(run()) == 1
