"""Calls during an outage wait, and are not charged for it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from batchpatch.errors import OutageError
from batchpatch.genesys.client import GenesysClient
from batchpatch.genesys.rate_limit.limiter import RateLimiter
from batchpatch.genesys.rate_limit.token_slots import QuotaOptions
from batchpatch.genesys.replies import NoReply, Reply
from batchpatch.genesys.retry import Answer, OutcomeKind
from batchpatch.options.run import RetryPolicy

RunVirtual = Callable[[Any], Any]
MakeClient = Callable[..., GenesysClient]
LOST = NoReply("connection", "nobody is there", sent=False)


@pytest.fixture
def make_client(token_source: Callable[[Any], Any]) -> MakeClient:
    """Makes clients on the scripted platform whose whole patience is two retries."""

    def make(platform: Any, *, max_outage_s: float = 900.0) -> GenesysClient:
        return GenesysClient(
            "https://api.mypurecloud.ie",
            transport=platform,
            limiter=RateLimiter(
                [token_source(platform)],
                QuotaOptions(),
                clock=asyncio.get_running_loop().time,
            ),
            policy=RetryPolicy(retries=2),
            sleep=asyncio.sleep,
            random=lambda: 0.5,
            clock=asyncio.get_running_loop().time,
            max_outage_s=max_outage_s,
        )

    return make


async def call_many(client: GenesysClient, count: int) -> list[Answer]:
    """So many calls at once."""
    calls = (client.call("PATCH", f"/api/v2/{number}", b"{}") for number in range(count))
    return await asyncio.gather(*calls)


@pytest.mark.parametrize("failure", [LOST, Reply(503), Reply(500)])
def test_an_outage_is_waited_out(
    failure: Reply | NoReply, platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """All calls fail, one probes at growing distances, and the first answer lets all go on.

    Two retries would be used up in two seconds; the outage lasts two minutes, and costs no call.
    """

    async def run() -> set[OutcomeKind]:
        client = make_client(platform)
        await client.call("PATCH", "/api/v2/first", b"{}")
        platform.answers = [failure] * 100_000
        asyncio.get_running_loop().call_later(120, platform.answers.clear)
        answers = await call_many(client, 32)
        assert client.waiting_for is None
        return {answer.outcome_kind for answer in answers}

    assert run_virtual(run()) == {OutcomeKind.ACCEPTED}
    times = platform.times("/api/v2")
    probes = [time_s for time_s in times if 10 < time_s < 120]
    pauses = [after - before for before, after in itertools.pairwise(probes)]
    assert 3 <= len(probes) <= 8
    assert pauses == sorted(pauses)
    assert max(pauses) <= 31
    assert len([time_s for time_s in times if time_s > 120]) >= 32
    assert max(times) < 155


def test_what_the_run_waits_for_is_said(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """The progress line names the host, and nothing once it answers."""

    async def run() -> list[str | None]:
        client = make_client(platform)
        before = client.waiting_for
        platform.answers = [LOST] * 1000
        calls = asyncio.ensure_future(call_many(client, 8))
        await asyncio.sleep(10)
        during = client.waiting_for
        platform.answers.clear()
        await calls
        return [before, during, client.waiting_for]

    assert run_virtual(run()) == [None, "api.mypurecloud.ie to answer again", None]


@pytest.mark.parametrize(
    ("max_outage_s", "heard", "wanted_s"), [(300, True, 300), (900, False, 60)]
)
def test_it_gives_up_in_time(
    max_outage_s: float,
    heard: bool,
    wanted_s: float,
    platform: Any,
    make_client: MakeClient,
    run_virtual: RunVirtual,
) -> None:
    """After `--max-outage`; and sooner where nothing ever answered, which is no outage."""

    async def run() -> float:
        client = make_client(platform, max_outage_s=max_outage_s)
        if heard:
            await client.call("PATCH", "/api/v2/first", b"{}")
        platform.answers = [LOST] * 100_000
        with pytest.raises(OutageError, match=r"api\.mypurecloud\.ie has answered nothing for"):
            await call_many(client, 32)
        return asyncio.get_running_loop().time()

    assert wanted_s <= run_virtual(run()) <= wanted_s + 35


def test_a_token_that_expires_in_an_outage_is_part_of_it(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """The login host is down as well: that is waited out like the rest, and costs no call."""

    async def run() -> set[OutcomeKind]:
        platform.mints = [platform.grant(expires_in=100)]
        client = make_client(platform)
        await client.call("PATCH", "/api/v2/first", b"{}")
        platform.answers, platform.mints = [LOST] * 100_000, [LOST] * 100_000
        loop = asyncio.get_running_loop()
        loop.call_later(400, platform.answers.clear)
        loop.call_later(400, platform.mints.clear)
        return {answer.outcome_kind for answer in await call_many(client, 8)}

    assert run_virtual(run()) == {OutcomeKind.ACCEPTED}
    assert max(platform.times("/api/v2")) < 450


@pytest.mark.parametrize("answer", [LOST, Reply(401, "credentials.expired")])
def test_a_login_host_that_stays_down_is_named(
    answer: Reply | NoReply, platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """After the same patience, and in the words that fit: it is not the API that is missing."""

    async def run() -> float:
        platform.mints = [platform.grant(expires_in=100)]
        client = make_client(platform, max_outage_s=300)
        await client.call("PATCH", "/api/v2/first", b"{}")
        platform.answers, platform.mints = [answer] * 100_000, [LOST] * 100_000
        with pytest.raises(OutageError, match=r"login\.mypurecloud\.ie mints no token"):
            await call_many(client, 8)
        return asyncio.get_running_loop().time()

    assert 300 <= run_virtual(run()) <= 400


def test_two_bad_rows_at_the_end_of_a_run_are_rows(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """The platform fails on them every time; the run ends, and says so of each."""

    async def run() -> list[OutcomeKind]:
        client = make_client(platform)
        await call_many(client, 4)
        platform.answers = [Reply(500)] * 1000
        answers = await call_many(client, 2)
        assert [answer.attempts for answer in answers] == [3, 3]
        return [answer.outcome_kind for answer in answers]

    assert run_virtual(run()) == [OutcomeKind.REFUSED] * 2


def test_a_probe_is_answered_with_a_refusal(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """A 404 is an answer as well: the platform is back, and the row was never there."""

    async def run() -> list[OutcomeKind]:
        client = make_client(platform)
        platform.answers = [*[LOST] * 8, Reply(404)]
        return sorted(answer.outcome_kind for answer in await call_many(client, 8))

    assert run_virtual(run()) == [*[OutcomeKind.ACCEPTED] * 7, OutcomeKind.REFUSED]


def test_cancelling_at_any_await_leaves_the_breaker_usable(
    platform: Any,
    make_client: MakeClient,
    run_virtual: RunVirtual,
    cancel_at_each_await: Callable[..., Any],
) -> None:
    """In an outage a call waits for its turn, sleeps, probes and waits again: all can be cut."""

    def scene() -> Any:
        client = make_client(platform)
        breaker = client._breaker
        breaker.answered()
        for _ in range(5):
            breaker.failed(fresh=True, last_try=True)
        platform.answers = [LOST, Reply(503), LOST]

        async def check() -> None:
            assert platform.in_flight == 0
            assert breaker._prober is None
            platform.answers = []
            async with asyncio.timeout(60):
                await call_many(client, 3)
            assert not breaker.is_open
            assert client.waiting_for is None
            assert asyncio.all_tasks() == {asyncio.current_task()}

        return client.call("PATCH", "/api/v2/x", b"{}"), check

    assert run_virtual(cancel_at_each_await(scene)) >= 8


def test_one_thing_that_cannot_be_read_is_no_outage(
    platform: Any, make_client: MakeClient, run_virtual: RunVirtual
) -> None:
    """A verification looks again and again; where it is the last to do so nothing else answers in
    between, and the run would wait for the platform, which is up."""

    async def run() -> tuple[set[OutcomeKind], float]:
        client = make_client(platform)
        await client.call("PATCH", "/api/v2/first", b"{}")
        platform.answers = [LOST] * 100_000
        began_s = asyncio.get_running_loop().time()
        looks = [await client.call("GET", "/api/v2/conversations/1") for _ in range(9)]
        return {one.outcome_kind for one in looks}, asyncio.get_running_loop().time() - began_s

    kinds, lasted_s = run_virtual(run())
    assert kinds == {OutcomeKind.UNANSWERED}
    assert lasted_s < 60
