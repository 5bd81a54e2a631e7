"""Patcher, as a service uses it: many callers, one token, order, results as values."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from batchpatch import InputError, Outcome, Patcher, Settings, SettingsError, VerifyOptions
from batchpatch.options.run import Safeguards
from batchpatch.service.streaming import each_settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from batchpatch.testing import Sandbox

    Ids = Callable[[int], tuple[str, str]]
    MakePatcher = Callable[..., Patcher]
    StartSandbox = Callable[..., Sandbox]

pytestmark = pytest.mark.asyncio


async def test_a_service_has_its_ids_as_uuid_objects(
    make_patcher: MakePatcher, sandbox: Sandbox, ids: Ids
) -> None:
    """As its database gives them; whoever passes one of the two gets the other right as well."""
    conversation, participant = ids(1)
    one: Any = UUID(conversation)
    other: Any = UUID(participant)
    async with make_patcher() as patcher:
        result = await patcher.patch(one, {"a": "b"}, participant=other)
    assert result.outcome == Outcome.UPDATED
    assert sandbox.stored(conversation, participant) == {"a": "b"}


@pytest.mark.parametrize(
    ("attributes", "who", "words"),
    [({"a": "b"}, 5, "participant is of the type int"), ("tier", "customer", "of the type str")],
)
async def test_an_argument_of_another_type_is_refused_in_a_sentence(
    attributes: Any, who: Any, words: str, make_patcher: MakePatcher, ids: Ids
) -> None:
    """`'int' object has no attribute 'lower'` does not say what was wrong with the call."""
    async with make_patcher() as patcher:
        with pytest.raises(InputError, match=words):
            await patcher.patch(ids(1)[0], attributes, participant=who)


async def test_thousands_of_callers_share_one_token(
    make_patcher: MakePatcher, sandbox: Sandbox, ids: Ids
) -> None:
    """A webhook receiver that minted a token an event is what this is there to end."""

    async def call(number: int) -> Outcome:
        conversation, participant = ids(number)
        result = await patcher.patch(conversation, {"n": number}, participant=participant)
        return result.outcome

    async with make_patcher() as patcher:
        outcomes = await asyncio.gather(*map(call, range(3000)))
        assert patcher.waiting == 0
    assert Counter(outcomes) == {Outcome.UPDATED: 3000}
    stats = sandbox.stats()
    assert (stats["mints"], stats["revoked"], stats["overlaps"]) == (1, 1, 0)
    assert {one["attributes"]["n"] for one in sandbox.participants()} == set(map(str, range(3000)))


async def test_callers_share_one_quota(start_sandbox: StartSandbox, ids: Ids) -> None:
    """What is refused was wasted, and counts against the token all the same."""
    sandbox = start_sandbox("--allowed", "50", "--rate-window-s", "2")

    async def call(number: int) -> None:
        conversation, participant = ids(number)
        await patcher.patch(conversation, {"n": number}, participant=participant)

    async with Patcher(account=sandbox.account) as patcher:
        await asyncio.gather(*map(call, range(80)))
    stats = sandbox.stats()
    assert (stats["patches_applied"], stats["mints"], stats["refused_by_token"]) == (80, 1, 0)


async def test_a_participant_has_the_order_of_the_calls(
    make_patcher: MakePatcher, sandbox: Sandbox, ids: Ids
) -> None:
    """A status that overtakes its successor stays wrong, and no answer says so."""
    sandbox.set_faults("kind=latency,ms=30,rate=0.5", "status=503,rate=0.1")

    async def call(number: int) -> Outcome:
        conversation, participant = ids(number % 10)
        row = {"last": number, f"of-{number}": "here"}
        return (await patcher.patch(conversation, row, participant=participant)).outcome

    async with make_patcher() as patcher:
        outcomes = await asyncio.gather(*map(call, range(500)))
    assert Counter(outcomes) == {Outcome.UPDATED: 500}
    assert {one["attributes"]["last"] for one in sandbox.participants()} == set(
        map(str, range(490, 500))
    )
    assert sandbox.stats()["overlaps"] == 0


async def test_a_small_allowance_merges(start_sandbox: StartSandbox, ids: Ids) -> None:
    """Where requests are few, the rows that wait for one and the same participant share it."""
    sandbox = start_sandbox("--allowed", "10", "--rate-window-s", "2")

    async def call(number: int) -> Outcome:
        conversation, participant = ids(number % 5)
        row = {"last": number}
        return (await patcher.patch(conversation, row, participant=participant)).outcome

    async with Patcher(account=sandbox.account) as patcher:
        outcomes = Counter(await asyncio.gather(*map(call, range(300))))
    stats = sandbox.stats()
    assert outcomes[Outcome.UPDATED] + outcomes[Outcome.SUPERSEDED] == 300
    assert stats["patches"] <= 30
    assert stats["refused_by_token"] == 0
    last = {one["attributes"]["last"] for one in sandbox.participants()}
    assert last == {"295", "296", "297", "298", "299"}


async def test_what_is_wrong_with_a_row_is_its_result(
    make_patcher: MakePatcher, sandbox: Sandbox, ids: Ids
) -> None:
    """An exception for each of them would make every caller write what the result says."""
    conversation, participant = ids(1)
    async with make_patcher() as patcher:
        bad = await patcher.patch("A91", {"a": "b"}, participant=participant, id="call-1")
        nobody = await patcher.patch(conversation, {"a": "b"})
        nested = await patcher.patch(conversation, {"a": {"b": 1}}, participant=participant)
        empty = await patcher.patch(conversation, {}, participant=participant)
        with sandbox.failing("status=404"):
            gone = await patcher.patch(conversation, {"a": "b"}, participant=participant)
        good = await patcher.patch(conversation, {"a": "b"}, participant=participant)
    assert (bad.outcome, bad.code, bad.id) == (Outcome.INVALID, "bad_conversation_id", "call-1")
    assert bad.hint is not None
    assert (nobody.outcome, nobody.code) == (Outcome.INVALID, "unmapped")
    assert nested.outcome is Outcome.INVALID
    assert (empty.outcome, empty.code) == (Outcome.UNCHANGED, "nothing_to_set")
    assert (gone.outcome, gone.status) == (Outcome.REJECTED, 404)
    assert (good.outcome, good.status) == (Outcome.UPDATED, 202)
    assert sandbox.stored(conversation, participant) == {"a": "b"}


async def test_a_participant_is_found_and_read_back(
    make_patcher: MakePatcher, sandbox: Sandbox, ids: Ids
) -> None:
    """An event names an order and no participant; and its sender wants to know that it is there."""
    conversation, participant = ids(1)
    sandbox.know(conversation, participant, purpose="customer", attributes={"orderId": "4711"})
    verified = Settings(safeguards=Safeguards(verify=VerifyOptions(share=1)))
    async with make_patcher(settings=verified) as patcher:
        found = await patcher.patch(
            conversation, {"paid": "yes"}, participant={"match.orderId": "4711"}
        )
        other = await patcher.patch(conversation, {"paid": "yes"}, participant="match.orderId=1")
    assert (found.outcome, found.verified) == (Outcome.UPDATED, True)
    assert found.participant_id == participant
    assert other.outcome is Outcome.INVALID
    assert sandbox.stored(conversation, participant) == {"orderId": "4711", "paid": "yes"}


async def test_a_wrapup_code_is_a_write_like_any_other(
    make_patcher: MakePatcher, sandbox: Sandbox, ids: Ids
) -> None:
    """The kinds of write are those of a run."""
    conversation, participant = ids(1)
    sandbox.know(conversation, participant, purpose="agent")
    async with make_patcher(write="wrapup") as patcher:
        result = await patcher.patch(
            conversation, {"code": ids(7)[0], "notes": "by phone"}, participant=participant
        )
    assert result.outcome in (Outcome.UPDATED, Outcome.REJECTED)
    assert sandbox.writes()[0]["keys"] == ["code", "notes"]


async def test_a_stream_hides_no_error() -> None:
    """Whatever settling a row raises reaches the consumer: a row less in the end tells nobody."""

    async def settle(row: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async for _ in each_settled(settle, [{"id": "1"}], at_once=1):
            pass


async def test_a_stream_ends_where_its_rows_are_cancelled(ids: Ids) -> None:
    """Rows that wait for a task of the program's own, which is cancelled: nothing more comes, and
    whoever takes the results would wait for ever."""

    async def settle(row: Any) -> Any:
        return row

    async def rows() -> AsyncIterator[dict[str, Any]]:
        yield {"id": "1"}
        raise asyncio.CancelledError

    results = each_settled(settle, rows(), at_once=1)
    async with asyncio.timeout(5):
        assert await anext(results) == {"id": "1"}
        with pytest.raises(asyncio.CancelledError):
            await anext(results)


@pytest.mark.parametrize("at_once", [0, -1, "5", 1.5])
async def test_a_stream_that_could_take_no_row_is_refused(
    at_once: Any, make_patcher: MakePatcher
) -> None:
    """None at once hung for ever, and less was an error of a semaphore nobody has heard of."""
    async with make_patcher() as patcher:
        async with asyncio.timeout(5):
            with pytest.raises(SettingsError, match=f"at_once is {at_once!r}: give a whole"):
                await anext(patcher.stream([{}], at_once=at_once))


@pytest.mark.parametrize("rows", [None, 5, {"id": "1"}, b"{}", "{}"])
async def test_what_is_no_iterable_of_rows_is_refused(rows: Any, make_patcher: MakePatcher) -> None:
    """One row in the place of many was taken apart into its keys, and these were no rows."""
    async with make_patcher() as patcher:
        with pytest.raises(InputError, match=f"rows are of the type {type(rows).__name__}"):
            await anext(patcher.stream(rows))


async def test_a_deadline_that_is_no_number_is_no_deadline_by_accident(
    make_patcher: MakePatcher, ids: Ids
) -> None:
    """JSON has no word for it, so the row went without one: it was then sent however late."""
    conversation, participant = ids(1)
    async with make_patcher() as patcher:
        with pytest.raises(InputError, match="deadline_s is not a number"):
            await patcher.patch(
                conversation, {"a": "b"}, participant=participant, deadline_s=float("nan")
            )
        result = await patcher.patch(
            conversation, {"a": "b"}, participant=participant, deadline_s=float("inf")
        )
    assert result.outcome is Outcome.UPDATED


async def test_a_stream_takes_rows_as_fast_as_results_are_taken(
    make_patcher: MakePatcher, ids: Ids
) -> None:
    """Rows that pile up behind a slow consumer are memory, and too old when they are sent."""
    taken = 0

    async def rows() -> AsyncIterator[dict[str, Any]]:
        nonlocal taken
        for number in range(200):
            taken += 1
            conversation, participant = ids(number)
            yield {
                "conversationId": conversation,
                "participantId": participant,
                "attributes": {"n": number},
                "id": str(number),
            }

    ahead, seen = 0, []
    async with make_patcher() as patcher:
        async for result in patcher.stream(rows(), at_once=10):
            seen.append(result.id)
            ahead = max(ahead, taken - len(seen))
    assert sorted(seen, key=int) == [str(number) for number in range(200)]
    assert ahead <= 11
