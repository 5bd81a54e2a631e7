"""Accepted is not yet readable: writes that take effect some time after their 202."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae8"


async def shown(caller: Caller) -> dict[str, Any]:
    """The attributes that a reader sees."""
    _, _, body = await caller.send("GET", f"/api/v2/conversations/{C}")
    return {p["id"]: p["attributes"] for p in orjson.loads(body)["participants"]}


async def test_a_write_can_be_read_after_the_delay(start: Start, clock: ManualClock) -> None:
    """The platform says 202 and not 200: a client that reads back at once must wait, not worry."""
    caller = await start(apply_delay_s=2)
    assert (await caller.patch({"a": "1"}))[0] == 202
    clock.advance(1.9)
    assert (await shown(caller))[P] == {}
    assert (await caller.stats())["late_writes_pending"] == 1
    clock.advance(0.1)
    assert (await shown(caller))[P] == {"a": "1"}
    stats = await caller.stats()
    assert (stats["late_writes_pending"], stats["patches_applied"]) == (0, 1)


async def test_writes_take_effect_in_the_order_of_their_acceptance(
    start: Start, clock: ManualClock
) -> None:
    """The delay is the platform's own, so it must not turn a client's order around."""
    caller = await start(apply_delay_s=1)
    for n in range(4):
        await caller.patch({"a": str(n), f"n{n}": ""})
        await caller.patch({"b": str(n)}, participant=OTHER)
        clock.advance(0.3)
    clock.advance(0.3)  # 1.5 s: the first two of each are due
    assert await caller.stored() == {P: {"a": "1", "n0": "", "n1": ""}, OTHER: {"b": "1"}}
    clock.advance(1)
    assert await caller.stored() == {
        P: {"a": "3", "n0": "", "n1": "", "n2": "", "n3": ""},
        OTHER: {"b": "3"},
    }
    log = [(w.number, w.applied) for w in caller.state.writes.entries()]
    assert log == [(n, n) for n in range(1, 9)]


async def test_timers_that_fire_out_of_order_do_not_turn_writes_around(
    start: Start, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event loop promises no order among timers that are due at the same time."""
    caller = await start(apply_delay_s=1)
    timers: list[Callable[[], None]] = []
    monkeypatch.setattr(clock, "call_later", lambda _, callback: timers.append(callback))
    for n in range(3):
        await caller.patch({"a": str(n)})
    for callback in reversed(timers):
        callback()
    assert await caller.stored() == {P: {"a": "2"}}


async def test_a_late_write_is_accepted_when_it_arrives(start: Start, clock: ManualClock) -> None:
    """It comes on top: the network held the request back, then the platform takes its time."""
    caller = await start(apply_delay_s=2, faults=(parse_fault("kind=late,ms=3000,times=1"),))
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await caller.patch({"a": "old"})
    await caller.patch({"a": "new"})
    seen = []
    for wait_s in (2, 1, 2):
        clock.advance(wait_s)
        seen.append((await shown(caller))[P]["a"])
    assert seen == ["new", "new", "old"]


async def test_what_is_refused_is_refused_at_once(start: Start) -> None:
    """A 404 is told by the answer; a client must not find out by reading back."""
    caller = await start(strict=True, apply_delay_s=2)
    assert (await caller.patch({"a": "1"}))[0] == 404
    assert (await caller.stats())["late_writes_pending"] == 0


async def test_after_a_reset_nothing_arrives_from_before(start: Start, clock: ManualClock) -> None:
    """The next run must begin with nothing, and its own writes must still arrive."""
    caller = await start(apply_delay_s=2)
    await caller.patch({"a": "before"})
    clock.advance(1)
    await caller.send("POST", "/sandbox/reset")
    await caller.patch({"b": "after"})
    clock.advance(1)
    assert await caller.stored() == {}
    assert (await caller.stats())["late_writes_pending"] == 1
    clock.advance(1)
    assert await caller.stored() == {P: {"b": "after"}}
