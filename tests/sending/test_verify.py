"""Whether an accepted write is stored: few reads, none too old, and nothing left behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reads_doubles import LOST, UNKNOWN, UPDATED, ScriptedReads, patch_of

from batchpatch.errors import AccessError, OutageError, SettingsError
from batchpatch.model import Outcome, Patch, PatchOutcome
from batchpatch.options.run import VerifyOptions
from batchpatch.options.spelling import parse_verify
from batchpatch.sending.verify import Verifier
from batchpatch.writes.attributes import ROUTES
from batchpatch.writes.registry import find_route

if TYPE_CHECKING:
    from batchpatch.sending.compare import Reads

RunVirtual = Callable[[Any], Any]
UNHURRIED = settings(deadline=None)
VERIFIED = UPDATED._replace(verified=True)
LOOKS = 7
"""In 30 s: after 0.5, 1, 2, 4, 8 and 8 s more, and when the time is over."""


def make_verifier(
    reads: Reads,
    *,
    for_s: float = 30.0,
    route: str = "attributes",
    concurrency: int = 8,
    **more: float,
) -> Verifier:
    """One that reads back everything."""
    options = VerifyOptions(share=1.0, for_s=for_s)
    return Verifier(reads, options, route=find_route(route), concurrency=concurrency, **more)


async def verify_at(verifier: Verifier, at_s: float, patch: Patch) -> PatchOutcome:
    """Verify a patch that is accepted then."""
    await asyncio.sleep(at_s - now_s())
    return await verifier.verify(patch, UPDATED)


def now_s() -> float:
    """The loop's clock."""
    return asyncio.get_running_loop().time()


ACCEPTED = st.lists(
    st.tuples(st.integers(1, 3), st.floats(0, 20), st.floats(0, 60)), min_size=1, max_size=15
)


@UNHURRIED
@given(ACCEPTED, st.floats(0, 3), st.integers(1, 8))
def test_the_verdict_is_that_of_the_last_look(
    run_virtual: RunVirtual,
    accepted: list[tuple[int, float, float]],
    latency_s: float,
    concurrency: int,
) -> None:
    """What is stored in time is verified and what is not is lost, whoever shares whose reads.

    Reads wait for each other where few may be made at once, so a look may come late, and then
    may find what was stored late: that is no reason to call it lost.
    """
    reads = ScriptedReads(latency_s=latency_s)
    verifier = make_verifier(reads, concurrency=concurrency)
    patches = []
    for who, (conversation, at_s, stored_after_s) in enumerate(accepted):
        patch = patch_of(who, conversation=conversation, stage="done")
        reads.put(patch, at_s=at_s + stored_after_s)
        patches.append(patch)

    async def run() -> list[PatchOutcome]:
        return await asyncio.gather(
            *(
                verify_at(verifier, at_s, patch)
                for patch, (_, at_s, _) in zip(patches, accepted, strict=True)
            )
        )

    found = run_virtual(run())
    queueing_s = 4 * latency_s
    for outcome, (_, _, stored_after_s) in zip(found, accepted, strict=True):
        if stored_after_s < 30:
            assert outcome == VERIFIED
        elif stored_after_s > 30.01 + queueing_s:
            assert (outcome.outcome, outcome.verified) == (Outcome.NOT_STORED, False)
    assert verifier._groups == {}
    assert reads.most <= concurrency
    assert all(read.fresh for read in reads.made)


def test_one_read_serves_all_rows_of_a_conversation(run_virtual: RunVirtual) -> None:
    """The number of reads goes by conversation and round, not by patch."""
    reads = ScriptedReads(latency_s=0.1)
    verifier = make_verifier(reads)
    patches = [patch_of(who, stage="done") for who in range(200)]
    for patch in patches[:-1]:
        reads.put(patch)
    reads.list_only(patches[-1])

    async def run() -> list[PatchOutcome]:
        return await asyncio.gather(*(verifier.verify(patch, UPDATED) for patch in patches))

    found = run_virtual(run())
    assert found[:-1] == [VERIFIED] * 199
    assert found[-1].outcome is Outcome.NOT_STORED
    assert len(reads.made) == LOOKS


def test_thousands_may_wait_at_once(run_virtual: RunVirtual) -> None:
    """Nothing runs but the callers, and no more reads are under way than may be."""
    reads = ScriptedReads(latency_s=0.05)
    verifier = make_verifier(reads, concurrency=8)
    patches = [patch_of(who, conversation=who // 2, stage="done") for who in range(5000)]
    for patch in patches:
        reads.put(patch)
    tasks = []

    async def run() -> list[PatchOutcome]:
        callers = asyncio.gather(*(verifier.verify(patch, UPDATED) for patch in patches))
        await asyncio.sleep(1)
        tasks.append(len(asyncio.all_tasks()))
        return await callers

    assert run_virtual(run()) == [VERIFIED] * 5000
    assert set(Counter(read.conversation_id for read in reads.made).values()) == {1}
    assert reads.most == 8
    assert tasks[0] <= 5001


def test_a_read_that_began_before_the_write_proves_nothing(run_virtual: RunVirtual) -> None:
    """It may show the same value from before somebody else has changed it."""
    reads = ScriptedReads(latency_s=5)
    verifier = make_verifier(reads)
    first, second = patch_of(1, stage="done"), patch_of(2, stage="done")
    reads.put(first, at_s=3)
    reads.put(second)
    reads.put(second, at_s=0.9, stage="other")

    async def run() -> list[PatchOutcome]:
        return await asyncio.gather(verify_at(verifier, 0, first), verify_at(verifier, 1, second))

    verified, overwritten = run_virtual(run())
    assert verified == VERIFIED
    assert overwritten.outcome is Outcome.NOT_STORED


def test_who_joins_later_is_looked_for_as_soon(run_virtual: RunVirtual) -> None:
    """A patch that never shows up must not keep its neighbours waiting for their first look."""
    reads = ScriptedReads()
    verifier = make_verifier(reads)
    lost, quick = patch_of(1, stage="done"), patch_of(2, stage="done")
    reads.put(quick)

    async def run() -> float:
        waiting = asyncio.create_task(verifier.verify(lost, UPDATED))
        await verify_at(verifier, 16, quick)
        at_s = now_s()
        assert (await waiting).outcome is Outcome.NOT_STORED
        return at_s

    assert run_virtual(run()) == pytest.approx(16.5, abs=0.01)


def test_the_last_look_is_at_the_end_of_the_time(run_virtual: RunVirtual) -> None:
    """A write that becomes readable in the last second is not lost; one look is the least."""
    reads = ScriptedReads()
    patch = patch_of(1, stage="done")
    reads.put(patch, at_s=29.9)
    verify = make_verifier(reads).verify
    assert run_virtual(verify(patch, UPDATED)) == VERIFIED

    reads = ScriptedReads()
    outcome = run_virtual(make_verifier(reads, for_s=0).verify(patch, UPDATED))
    assert (outcome.outcome, len(reads.made)) == (Outcome.NOT_STORED, 1)


@UNHURRIED
@given(st.integers(1, 60), st.floats(0.1, 10), st.floats(0.1, 40), st.booleans())
def test_slow_reads_last_no_longer_than_the_time_and_one_of_them(
    run_virtual: RunVirtual, rows: int, for_s: float, read_s: float, lost: bool
) -> None:
    """Reads that time out, each after the other, once held a run up for minutes beyond its time.

    Where they are answered after all, those that wait for a place among eight are looked for.
    """
    reads = ScriptedReads(latency_s=read_s)
    patches = [patch_of(who, conversation=who, stage="done") for who in range(rows)]
    for patch in patches:
        reads.list_only(patch)
    if lost:
        reads.fails = lambda _: LOST
    verifier = make_verifier(reads, for_s=for_s, read_s=read_s)

    async def run() -> float:
        found = await asyncio.gather(*(verifier.verify(patch, UPDATED) for patch in patches))
        for outcome in found:
            assert (outcome.unverified is not None) is lost
            assert (outcome.outcome is Outcome.NOT_STORED) is not lost
        return now_s()

    rounds = 1 if lost else -(-rows // 8)
    assert run_virtual(run()) <= for_s + rounds * read_s + 0.01


def test_not_stored_says_what_and_never_a_value(run_virtual: RunVirtual) -> None:
    """Whoever reads the report learns which attributes; their values stay out of it."""
    reads = ScriptedReads()
    patch = patch_of(1, stage="secret-1", note="secret-2", kept="secret-3", blank="")
    reads.put(patch, kept="secret-3", note="secret-4")
    outcome = run_virtual(make_verifier(reads).verify(patch, UPDATED))
    assert outcome._replace(hint=None) == UPDATED._replace(
        outcome=Outcome.NOT_STORED,
        code="not_stored",
        message="accepted, but read back 30 s later: missing: stage, blank; differs: note",
        verified=False,
    )
    assert "secret" not in repr(outcome)


def test_a_participant_that_is_not_listed(run_virtual: RunVirtual) -> None:
    """Its attributes are missing because it is."""
    outcome = run_virtual(make_verifier(ScriptedReads()).verify(patch_of(1, a="1"), UPDATED))
    assert "does not list the participant" in outcome.message


@pytest.mark.parametrize(
    ("route", "told"),
    [
        *((route.name, "--route attributes") for route in ROUTES if route.otherwise),
        ("/x/{conversation_id}/{participant_id}", "--route attributes"),
        ("attributes", "sending the row again is safe"),
    ],
)
def test_the_hint_knows_the_route(route: str, told: str, run_virtual: RunVirtual) -> None:
    """Attributes that were sent where nothing is stored: the right route is named."""
    verifier = make_verifier(ScriptedReads(), route=route)
    outcome = run_virtual(verifier.verify(patch_of(1, a="1"), UPDATED))
    assert told in outcome.hint
    assert ("--route" in outcome.hint) == (route != "attributes")


@pytest.mark.parametrize("unread", [LOST, UNKNOWN])
def test_what_could_never_be_read_stays_updated(unread: Any, run_virtual: RunVirtual) -> None:
    """The write was accepted, and nobody has looked: it is called neither lost nor verified."""
    reads = ScriptedReads()
    reads.fails = lambda _: unread
    outcome = run_virtual(make_verifier(reads).verify(patch_of(1, a="1"), UPDATED))
    assert outcome._replace(hint=None, unverified=None) == UPDATED
    assert outcome.unverified == unread.message
    assert outcome.hint == f"It could not be read back: {unread.message}."
    assert len(reads.made) == LOOKS


def test_a_read_that_fails_is_tried_again(run_virtual: RunVirtual) -> None:
    """One lost answer says nothing about the write."""
    reads = ScriptedReads()
    patch = patch_of(1, a="1")
    reads.put(patch)
    reads.fails = lambda at_s: LOST if at_s < 10 else None
    assert run_virtual(make_verifier(reads).verify(patch, UPDATED)) == VERIFIED


def test_the_last_read_that_succeeded_counts(run_virtual: RunVirtual) -> None:
    """Later ones failed, but it was seen that the value was not there, and when that was."""
    reads = ScriptedReads()
    reads.fails = lambda at_s: LOST if at_s > 10 else None
    outcome = run_virtual(make_verifier(reads).verify(patch_of(1, a="1"), UPDATED))
    assert outcome.outcome is Outcome.NOT_STORED
    assert "8 s later" in outcome.message


@pytest.mark.parametrize("error", [AccessError("may not read"), OutageError("is down")])
def test_what_ends_the_run_reaches_all_at_once(error: Exception, run_virtual: RunVirtual) -> None:
    """One refusal is enough: it is not asked again for each of those who wait."""
    reads = ScriptedReads(latency_s=0.1)
    reads.fails = lambda _: error
    verifier = make_verifier(reads)

    async def run() -> list[Any]:
        callers = (verifier.verify(patch_of(who, a="1"), UPDATED) for who in range(5))
        return await asyncio.gather(*callers, return_exceptions=True)

    assert run_virtual(run()) == [error] * 5
    assert (len(reads.made), verifier._groups) == (1, {})


def test_a_mistake_in_reading_leaves_nobody_waiting(run_virtual: RunVirtual) -> None:
    """An error that nobody has thought of is raised, not waited for without end."""
    reads = ScriptedReads()
    reads.fails = lambda _: TimeoutError("unforeseen")
    verifier = make_verifier(reads)

    async def run() -> list[Any]:
        callers = (verifier.verify(patch_of(who, a="1"), UPDATED) for who in range(3))
        return await asyncio.gather(*callers, return_exceptions=True)

    assert [type(error) for error in run_virtual(run())] == [TimeoutError] * 3


def test_a_cancelled_caller_leaves_nothing_behind(
    run_virtual: RunVirtual, cancel_at_each_await: Callable[..., Any]
) -> None:
    """Whichever of its awaits it is cancelled at, its neighbours get their verdicts."""

    def scene() -> tuple[Any, Any]:
        reads = ScriptedReads(latency_s=0.1)
        verifier = make_verifier(reads, concurrency=1)
        patches = [patch_of(who, stage="done") for who in range(3)]
        for patch in patches:
            reads.put(patch, at_s=now_s() + 2)
        before = asyncio.all_tasks()
        others: list[asyncio.Task[PatchOutcome]] = []

        async def lead() -> None:
            await verifier.verify(patches[0], UPDATED)

        async def join() -> PatchOutcome:
            await asyncio.sleep(0)
            return await verifier.verify(patches[1], UPDATED)

        async def cancelled() -> None:
            others.append(asyncio.create_task(join()))
            await lead()

        async def check() -> None:
            assert await asyncio.gather(*others) == [VERIFIED]
            assert (reads.now, verifier._groups) == (0, {})
            assert asyncio.all_tasks() - set(others) <= before
            assert await verifier.verify(patches[2], UPDATED) == VERIFIED

        return cancelled(), check

    assert run_virtual(cancel_at_each_await(scene)) > 3


def test_no_read_goes_on_that_nobody_waits_for(run_virtual: RunVirtual) -> None:
    """A request that is of use to no one would cost the others a part of the quota."""
    reads = ScriptedReads(latency_s=10)
    verifier = make_verifier(reads)

    async def run() -> int:
        caller = asyncio.create_task(verifier.verify(patch_of(1, a="1"), UPDATED))
        await asyncio.sleep(1)
        assert reads.now == 1
        caller.cancel()
        await asyncio.wait([caller])
        return reads.now

    assert run_virtual(run()) == 0


@pytest.mark.parametrize("at_s", [0.1, 0.55, 1.2, 5.0])
def test_closing_ends_all_waiting_at_once(at_s: float, run_virtual: RunVirtual) -> None:
    """On a stop: what was accepted stays accepted, and nobody says that it was looked for."""
    reads = ScriptedReads(latency_s=0.3)
    verifier = make_verifier(reads, concurrency=2)
    patches = [patch_of(who, conversation=who % 5, a="1") for who in range(20)]

    async def run() -> float:
        callers = asyncio.gather(*(verifier.verify(patch, UPDATED) for patch in patches))
        await asyncio.sleep(at_s)
        verifier.close()
        assert await callers == [UPDATED] * 20
        assert await verifier.verify(patches[0], UPDATED) == UPDATED
        assert (reads.now, verifier._groups) == (0, {})
        verifier.close()
        return now_s()

    assert run_virtual(run()) == pytest.approx(at_s, abs=0.001)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_a_sample_is_a_share_of_the_participants(share: float) -> None:
    """All of none and all of all; between them about as many as were asked for."""
    verifier = Verifier(ScriptedReads(), VerifyOptions(share=share), route=find_route())
    chosen = sum(verifier.wanted(patch_of(who, a="1")) for who in range(4000))
    assert chosen == pytest.approx(4000 * share, abs=150 if 0 < share < 1 else 0)


def test_of_a_few_participants_the_first_is_looked_at() -> None:
    """Whoever asks for a sample of two rows has asked whether they are stored."""
    reads: Any = ScriptedReads()
    few = [patch_of(who, a="1") for who in range(3)]
    verifier = Verifier(reads, VerifyOptions(share=1e-9), route=find_route())
    assert [verifier.wanted(patch) for patch in few] == [False] * 3
    assert [verifier.takes(patch) for patch in few] == [True, False, False]
    verifier = Verifier(reads, VerifyOptions(), route=find_route())
    assert [verifier.takes(patch) for patch in few] == [False] * 3


def test_a_sample_stays_the_same() -> None:
    """A resumed run, and the same participant's next patch, go on with it."""
    verifiers = [
        Verifier(ScriptedReads(), VerifyOptions(share=0.05), route=find_route()) for _ in range(2)
    ]
    chosen = [
        [who for who in range(200) if verifier.wanted(patch_of(who, **{name: "1"}))]
        for verifier, name in zip(verifiers, ("a", "b"), strict=True)
    ]
    assert chosen[0] == chosen[1] == [23, 43, 48, 107, 140, 147]


@pytest.mark.parametrize(
    ("text", "share"),
    [("5%", 0.05), ("100%", 1.0), (" 2.5 % ", 0.025), ("0%", 0.0), ("0.05", 0.05)],
)
def test_a_share_is_written_in_percent_or_as_a_part(text: str, share: float) -> None:
    """As people say it, and as its twin --share is written."""
    assert parse_verify(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "%", "5", "101%", "-1%", "nan%", "inf%", "all"])
def test_what_is_no_share_is_refused(text: str) -> None:
    """A 5 could be a percentage or five times all; guessing could cost a day of reads."""
    with pytest.raises(SettingsError, match="--verify"):
        parse_verify(text)
