"""How a patcher ends: drained, left by an error, refused, cut off; and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch import ConnectOptions, Outcome, Patcher, Settings
from batchpatch.errors import AccessError, InputError, SettingsError
from batchpatch.options.run import Safeguards
from batchpatch.testing import open_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchpatch.model import RowResult
    from batchpatch.testing import Sandbox

    Ids = Callable[[int], tuple[str, str]]
    MakePatcher = Callable[..., Patcher]
    StartSandbox = Callable[..., Sandbox]

pytestmark = pytest.mark.asyncio


def write(patcher: Patcher, who: tuple[str, str], **row: str) -> asyncio.Task[RowResult]:
    """A call that goes on by itself."""
    return asyncio.create_task(patcher.patch(who[0], row, participant=who[1]))


async def in_flight(sandbox: Sandbox, count: int) -> None:
    """Return once so many requests are under way."""
    async with asyncio.timeout(20):
        while (await asyncio.to_thread(sandbox.stats))["in_flight"] < count:
            pass


async def test_leaving_the_block_drains(
    make_patcher: MakePatcher, sandbox: Sandbox, ids: Ids
) -> None:
    """A service that shuts down in order has written what it has taken."""
    sandbox.set_faults("kind=latency,ms=50")
    async with make_patcher() as patcher:
        calls = [write(patcher, ids(number), n="1") for number in range(200)]
        await asyncio.sleep(0)
    assert {(await call).outcome for call in calls} == {Outcome.UPDATED}
    assert patcher.summary is not None
    assert (patcher.summary.rows, patcher.summary.exit_code) == (200, 0)
    assert sandbox.stats()["revoked"] == 1


async def test_left_by_an_error_what_is_in_flight_is_settled(
    start_sandbox: StartSandbox, ids: Ids
) -> None:
    """A service that breaks must not go on writing for an hour, and no caller may hang."""
    sandbox = start_sandbox("--allowed", "20", "--rate-window-s", "30")
    sandbox.set_faults("kind=latency,ms=500")
    patcher = await Patcher(account=sandbox.account).__aenter__()
    calls = [write(patcher, ids(number), n="1") for number in range(200)]
    await in_flight(sandbox, 5)
    await patcher.__aexit__(ZeroDivisionError, ZeroDivisionError(), None)
    results = await asyncio.wait_for(asyncio.gather(*calls), 10)
    updated = {one.row for one in results if one.outcome is Outcome.UPDATED}
    assert 5 <= len(updated) <= 20
    assert {one.code for one in results if one.row not in updated} == {"closed"}
    assert len(sandbox.participants()) == len(updated)


async def test_whoever_closes_it_may_lose_patience(start_sandbox: StartSandbox, ids: Ids) -> None:
    """A service has seconds to end in; its callers are told, and not by an error of ours."""
    sandbox = start_sandbox("--allowed", "1", "--rate-window-s", "3600")
    patcher = await Patcher(account=sandbox.account).__aenter__()
    calls = [write(patcher, ids(number), n="1") for number in range(5)]
    await asyncio.sleep(0)  # they are put in before it is closed, whatever `wait_for` begins with
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(patcher.aclose(), 0.1)
    results = await asyncio.wait_for(asyncio.gather(*calls), 10)
    assert {one.code for one in results if one.outcome is not Outcome.UPDATED} == {"closed"}
    assert sandbox.stats()["revoked"] == 1


async def test_a_call_without_a_result_is_told_whose_it_was(
    start_sandbox: StartSandbox, ids: Ids
) -> None:
    """Whoever sends it again has to know what: a result bears the sender's id in any case."""
    sandbox = start_sandbox("--allowed", "1", "--rate-window-s", "3600")
    patcher = await Patcher(account=sandbox.account).__aenter__()
    conversation, participant = ids(1)
    row = {"conversationId": conversation, "participantId": participant, "attributes": {"n": 1}}
    text = json.dumps({**row, "id": 7}).encode()
    named = {**row, "participantId": None, "purpose": "customer", "id": 8}
    rows = ({**row, "id": "six"}, text, named)
    calls = [asyncio.create_task(patcher.submit(one)) for one in rows]
    await asyncio.sleep(0)
    await patcher.aclose(now=True)
    results = [await call for call in calls]
    assert [(one.id, one.code) for one in results] == [(n, "closed") for n in ("six", "7", "8")]
    assert {one.conversation_id for one in results} == {conversation}
    assert [one.participant_id for one in results] == [participant, participant, None]


@pytest.mark.parametrize("left_by", ["its end", "an error"])
async def test_a_record_is_a_run_s_directory(
    sandbox: Sandbox, ids: Ids, tmp_path: Path, left_by: str
) -> None:
    """What a service has written can be finished and taken back as that of a run can."""
    sandbox.set_faults("kind=latency,ms=50")
    for number in range(30):
        sandbox.know(*ids(number), attributes={"n": "before"})
    record, settings = (
        tmp_path / "run",
        Settings(safeguards=Safeguards(keep_before=True), connect=ConnectOptions(concurrency=4)),
    )
    calls: list[asyncio.Task[RowResult]] = []
    with suppress(ZeroDivisionError):
        async with Patcher(account=sandbox.account, record=record, settings=settings) as patcher:
            calls += [write(patcher, ids(number), n="after") for number in range(30)]
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            if left_by == "an error":
                raise ZeroDivisionError
    results = await asyncio.gather(*calls)
    whole = all(one.outcome is Outcome.UPDATED for one in results)
    assert whole == (left_by == "its end")
    values = [sandbox.stored(*ids(number))["n"] for number in range(30)]
    assert values.count("after") >= sum(one.outcome is Outcome.UPDATED for one in results)

    reported = await _command(sandbox, "report", str(record))
    assert reported.returncode == 0, reported.stderr
    resumed = await _command(sandbox, "resume", str(record), "--api-url", sandbox.url)
    assert resumed.returncode == 0, resumed.stderr
    assert {sandbox.stored(*ids(number))["n"] for number in range(30)} == {"after"}
    out = ("--out", str(tmp_path / "undone"), "--api-url", sandbox.url)
    undone = await _command(sandbox, "undo", str(record), *out)
    assert undone.returncode == 0, undone.stderr
    assert {sandbox.stored(*ids(number))["n"] for number in range(30)} == {"before"}


async def _command(sandbox: Sandbox, *words: str) -> subprocess.CompletedProcess[str]:
    """The program, run to its end."""
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "batchpatch", *words],
        env=sandbox.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


async def test_wrong_credentials_are_told_to_all(
    make_patcher: MakePatcher, sandbox: Sandbox, ids: Ids
) -> None:
    """They will never work: every caller must hear of it, those of the future at once."""
    sandbox.set_faults("status=401,on=token,times=always")
    patcher = await make_patcher().__aenter__()
    calls = [write(patcher, ids(number), n="1") for number in range(50)]
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in errors} == {AccessError}
    assert patcher.waiting == 0
    asked = sandbox.stats()["mints_refused"]
    with pytest.raises(AccessError):
        await write(patcher, ids(1), n="1")
    assert sandbox.stats()["mints_refused"] == asked
    with pytest.raises(AccessError):
        await patcher.aclose()


async def test_the_platform_goes_and_comes_back(ids: Ids) -> None:
    """A service outlives an outage: rows wait, those with a deadline no longer than that."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with open_sandbox("--port", port) as sandbox:
        patcher = await Patcher(account=sandbox.account).__aenter__()
        assert (await write(patcher, ids(0), n="1")).outcome is Outcome.UPDATED
    calls = [write(patcher, ids(number), n="1") for number in range(1, 30)]
    hasty = await patcher.patch(ids(99)[0], {"n": "1"}, participant=ids(99)[1], deadline_s=0.3)
    assert hasty.outcome in (Outcome.REJECTED, Outcome.UNKNOWN)
    assert not any(call.done() for call in calls)
    with open_sandbox("--port", port) as sandbox:
        results = await asyncio.gather(*calls)
        assert {result.outcome for result in results} == {Outcome.UPDATED}
        assert len(sandbox.participants()) >= 29
        await patcher.aclose()


async def test_it_is_used_within_its_block(make_patcher: MakePatcher, ids: Ids) -> None:
    """A sentence says what is wrong, where silence would be a row that is lost."""
    patcher = make_patcher()
    with pytest.raises(InputError, match="not open: use it within `async with`"):
        await write(patcher, ids(1), n="1")
    async with patcher:
        with pytest.raises(SettingsError, match="open already"):
            await patcher.__aenter__()
        await write(patcher, ids(1), n="1")
    with pytest.raises(InputError, match="not open"):
        await write(patcher, ids(1), n="1")
    async with patcher:  # once more is fine: a token of its own
        assert (await write(patcher, ids(1), n="1")).outcome is Outcome.UPDATED
    await patcher.aclose()  # and so is closing what is closed


async def test_another_event_loop_is_told_so(make_patcher: MakePatcher, ids: Ids) -> None:
    """What is put in from elsewhere wakes nobody: such a call hung, and so did closing."""
    row = {"conversationId": ids(1)[0], "participantId": ids(1)[1], "attributes": {"a": "b"}}

    def refused(call: Callable[[], Any]) -> bool:
        with pytest.raises(InputError, match="belongs to the event loop that it was opened on"):
            asyncio.run(asyncio.wait_for(call(), 5))
        return True

    async with make_patcher() as patcher:
        calls = (lambda: patcher.submit(row), patcher.aclose, patcher.identity)
        assert [await asyncio.to_thread(refused, call) for call in calls] == [True] * 3
        with pytest.raises(InputError, match="opened on"):
            await asyncio.to_thread(patcher.put, row)
        assert (await patcher.submit(row)).outcome is Outcome.UPDATED


async def test_an_unusable_row_is_refused_before_it_is_taken(
    make_patcher: MakePatcher, ids: Ids
) -> None:
    """What JSON cannot hold is a mistake of the program, not of its data."""
    async with make_patcher() as patcher:
        with pytest.raises(InputError, match="JSON cannot hold"):
            await patcher.patch(ids(1)[0], {"n": object()}, participant=ids(1)[1])
        assert patcher.waiting == 0


async def test_a_record_needs_a_directory_of_its_own(
    make_patcher: MakePatcher, tmp_path: Path
) -> None:
    """Two runs in one directory would each disown the other's lines."""
    async with make_patcher(record=tmp_path / "run"):
        with pytest.raises(SettingsError, match="run"):
            await make_patcher(record=tmp_path / "run").__aenter__()
