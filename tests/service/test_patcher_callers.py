"""Callers of a patcher that give up, are in a hurry, or come too late."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch import Outcome, Patcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.model import RowResult
    from batchpatch.testing import Sandbox

    Ids = Callable[[int], tuple[str, str]]
    MakePatcher = Callable[..., Patcher]
    StartSandbox = Callable[..., Sandbox]

pytestmark = pytest.mark.asyncio

PARTICIPANTS = 40


@pytest.mark.parametrize("seed", range(3))
async def test_a_thousand_callers_are_cancelled_at_random_moments(
    start_sandbox: StartSandbox, ids: Ids, seed: int
) -> None:
    """A cancelled call is not sent, or has been. What was answered is there, in the order of the
    calls; no participant waits for a caller that is gone, and nothing of one is kept."""
    chance = random.Random(seed)  # noqa: S311 - a test that repeats
    limits = () if seed == 0 else ("--allowed", "120", "--rate-window-s", "2")
    sandbox = start_sandbox("--fault", "kind=latency,ms=20", "--seed", str(seed), *limits)
    for number in range(PARTICIPANTS):
        sandbox.know(*ids(number), purpose="customer")

    async def call(number: int) -> RowResult:
        conversation, participant = ids(number % PARTICIPANTS)
        named = participant if chance.random() < 0.7 else "customer"
        row = {"last": number, f"of-{number}": "here"}
        return await patcher.patch(conversation, row, participant=named)

    loop = asyncio.get_running_loop()
    async with Patcher(account=sandbox.account) as patcher:
        tasks = [asyncio.create_task(call(number)) for number in range(1000)]
        for task in chance.sample(tasks, 800):
            loop.call_later(chance.expovariate(3), task.cancel)
        await asyncio.wait(tasks)
        assert patcher.waiting == 0
        again = [call(1000 + number) for number in range(PARTICIPANTS)]
        results = await asyncio.wait_for(asyncio.gather(*again), 60)
        assert {result.outcome for result in results} == {Outcome.UPDATED}
        engine = patcher._open
    assert engine is not None
    assert engine._rows._withdrawn == set()

    answered = {number for number, task in enumerate(tasks) if not task.cancelled()}
    assert {tasks[number].result().outcome for number in answered} == {Outcome.UPDATED}
    written = {one["participantId"]: one["attributes"] for one in sandbox.participants()}
    for number in range(PARTICIPANTS):
        there = written[ids(number)[1]]
        sent = {int(name.removeprefix("of-")) for name in there if name.startswith("of-")}
        assert {one for one in answered if one % PARTICIPANTS == number} <= sent
        assert there["last"] == str(1000 + number)
    assert sandbox.stats()["overlaps"] == 0
    assert len(answered) < 1000  # or nothing of it was tried


async def test_callers_who_give_up_in_an_outage_leave_nothing_behind(
    sandbox: Sandbox, ids: Ids
) -> None:
    """Each hangs up after a moment and another one comes, for hours: what waits must be what
    somebody waits for. When the platform is back, it is theirs."""
    sandbox.set_faults("kind=reset_before,on=any,times=always")
    chance = random.Random(1)  # noqa: S311 - a test that repeats

    def call(number: int) -> asyncio.Task[RowResult]:
        conversation, participant = ids(number)
        named = participant if number % 2 else "customer"
        return asyncio.create_task(patcher.patch(conversation, {"n": number}, participant=named))

    async def settled_but(most: int) -> None:
        while patcher.unsettled > most:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)

    for number in range(3100):
        sandbox.know(*ids(number), purpose="customer")
    async with Patcher(account=sandbox.account) as patcher:
        first = [call(number) for number in range(40)]
        await asyncio.wait(first, timeout=0.1)
        for wave in range(3):
            calls = [call(number) for number in range(100 + 1000 * wave, 1100 + 1000 * wave)]
            await asyncio.wait(calls, timeout=0.05)
            chance.shuffle(calls)
            for one in calls:
                one.cancel()
            await asyncio.wait_for(settled_but(len(first) + 16), 30)
        sandbox.set_faults()
        results = await asyncio.wait_for(asyncio.gather(*first), 60)
    assert {result.outcome for result in results} == {Outcome.UPDATED}
    assert patcher.summary is not None
    assert patcher.summary.unattempted == 0


async def test_the_order_of_calls_survives_cancelled_ones(sandbox: Sandbox, ids: Ids) -> None:
    """The values that take effect are those of calls in their order, whoever gave up between."""
    chance = random.Random(7)  # noqa: S311 - a test that repeats
    sandbox.set_faults("kind=latency,ms=30")
    conversation, participant = ids(1)
    seen: list[int] = []

    async def call(number: int) -> None:
        await patcher.patch(conversation, {"last": number}, participant=participant)
        seen.append(number)

    loop = asyncio.get_running_loop()
    async with Patcher(account=sandbox.account) as patcher:
        tasks = []
        for number in range(60):
            tasks.append(asyncio.create_task(call(number)))
            if chance.random() < 0.5:
                loop.call_later(chance.random() / 10, tasks[-1].cancel)
            if number % 10 == 0:
                await asyncio.wait(tasks[-1:])
        await asyncio.wait(tasks)
    assert seen == sorted(seen)
    assert int(sandbox.stored(conversation, participant)["last"]) >= seen[-1]


async def test_a_row_that_is_too_late_is_not_sent(sandbox: Sandbox, ids: Ids) -> None:
    """Routing has looked by then: the write would cost a request, and change what is newer."""
    conversation, participant = ids(1)

    def write(row: dict[str, Any], **more: Any) -> asyncio.Task[RowResult]:
        call = patcher.patch(conversation, row, participant=participant, **more)
        return asyncio.create_task(call)

    sandbox.set_faults("kind=latency,ms=600,times=1")
    async with Patcher(account=sandbox.account, deadline_s=60) as patcher:
        first = write({"a": 1})
        await asyncio.sleep(0)
        late, patient = write({"b": 1}, deadline_s=0.2), write({"c": 1})
        result = await late
        assert not first.done()  # whoever is too late hears of it then, and not in the end
        assert (result.outcome, result.code) == (Outcome.REJECTED, "deadline")
        assert (await first).outcome is (await patient).outcome is Outcome.UPDATED
    assert sandbox.stored(conversation, participant) == {"a": "1", "c": "1"}


async def test_urgent_rows_of_others_go_first(start_sandbox: StartSandbox, ids: Ids) -> None:
    """Hundreds of rows of a campaign are before it, and a call is waiting."""
    sandbox = start_sandbox("--allowed", "60", "--rate-window-s", "2")

    def write(number: int, *, urgent: bool = False) -> asyncio.Task[RowResult]:
        conversation, participant = ids(number)
        call = patcher.patch(conversation, {"n": number}, participant=participant, urgent=urgent)
        return asyncio.create_task(call)

    async with Patcher(account=sandbox.account) as patcher:
        campaign = [write(number) for number in range(800)]
        done, _ = await asyncio.wait(campaign, return_when=asyncio.FIRST_COMPLETED)
        assert done
        result = await write(5000, urgent=True)
        assert result.outcome is Outcome.UPDATED
        assert sum(task.done() for task in campaign) < 200
        for task in campaign:
            task.cancel()
    conversation, participant = ids(5000)
    assert sandbox.stored(conversation, participant) == {"n": "5000"}


async def test_an_urgent_row_lifts_the_earlier_ones_of_its_participant(
    start_sandbox: StartSandbox, ids: Ids
) -> None:
    """Order within a participant is never broken, not by what is urgent either."""
    sandbox = start_sandbox("--allowed", "60", "--rate-window-s", "2")
    conversation, participant = ids(799)

    async with Patcher(account=sandbox.account) as patcher:
        for number in range(800):
            who = ids(number)
            asyncio.create_task(patcher.patch(who[0], {"n": number}, participant=who[1]))  # noqa: RUF006
        await asyncio.sleep(0)
        result = await patcher.patch(
            conversation, {"m": "now"}, participant=participant, urgent=True
        )
        assert result.outcome is Outcome.UPDATED
        assert sandbox.stored(conversation, participant) == {"n": "799", "m": "now"}
        assert len(sandbox.participants()) < 200
        await patcher.aclose(now=True)
