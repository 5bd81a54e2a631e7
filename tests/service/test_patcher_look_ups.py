"""Callers that name no participant: a read comes before their patch, and keeps what is promised."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch import Outcome, Patcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.model import RowResult
    from batchpatch.testing import Sandbox

    Ids = Callable[[int], tuple[str, str]]
    StartSandbox = Callable[..., Sandbox]

pytestmark = pytest.mark.asyncio

MANY = 120


def writing(patcher: Patcher, ids: Ids) -> Callable[..., asyncio.Task[RowResult]]:
    """Begins a call for the customer of a conversation."""

    def write(number: int, **more: Any) -> asyncio.Task[RowResult]:
        call = patcher.patch(ids(number)[0], {"n": number}, participant="customer", **more)
        return asyncio.create_task(call)

    return write


async def test_what_is_urgent_is_looked_up_first_too(start_sandbox: StartSandbox, ids: Ids) -> None:
    """A call is waiting: the reads for the rows of a campaign are as little before it as these."""
    async with Patcher(account=start_sandbox().account, rate="40/s") as patcher:
        write = writing(patcher, ids)
        campaign = [write(number) for number in range(MANY)]
        await asyncio.sleep(0)
        result = await write(5000, urgent=True)
        assert result.outcome is Outcome.UPDATED
        assert patcher.progress().requests < MANY / 3
        for task in campaign:
            task.cancel()


async def test_who_is_too_late_is_told_while_others_are_looked_up(
    start_sandbox: StartSandbox, ids: Ids
) -> None:
    """At that moment, and not when the read of its conversation has had its turn."""
    sandbox = start_sandbox()
    async with Patcher(account=sandbox.account, rate="10/s") as patcher:
        write = writing(patcher, ids)
        campaign = [write(number) for number in range(MANY)]
        result = await write(5000, deadline_s=0.2)
        assert (result.outcome, result.code) == (Outcome.REJECTED, "deadline")
        assert patcher.progress().requests < MANY / 4
        for task in campaign:
            task.cancel()


async def test_nothing_is_looked_up_for_who_has_given_up(
    start_sandbox: StartSandbox, ids: Ids
) -> None:
    """Each read is a request of the quota, and closing waited until all of them had been made."""
    sandbox = start_sandbox()
    async with Patcher(account=sandbox.account, rate="40/s") as patcher:
        campaign = [writing(patcher, ids)(number) for number in range(MANY)]
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await asyncio.wait(campaign)
        for task in campaign:
            task.cancel()
    assert sandbox.stats()["reads"] < MANY / 2
