"""Conversations are read once for all who ask, and a token that may not read says so once."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from batchpatch.errors import AccessError
from batchpatch.genesys.conversations.analytics import DETAILS_PATH
from batchpatch.genesys.conversations.conversation import Conversation
from batchpatch.genesys.conversations.reader import ConversationReads, Unread
from batchpatch.genesys.http import DATA_BODY_BYTES
from batchpatch.genesys.replies import NoReply, Reply
from batchpatch.genesys.retry import Answer, OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable

    RunVirtual = Callable[[Any], Any]

C = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
D = "1b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
LOST = NoReply("timeout", "no answer in time", sent=True)
MISSING = Reply(403, "missing.any.permissions", "You must have ...", "corr-1")
DIVISION = Reply(403, "not.authorized", None, "corr-2")


class FakeCaller:
    """Answers from a script, then as if it knew everything; a second each."""

    def __init__(self, *script: Reply | NoReply) -> None:
        self.script = list(script)
        self.most_ids = 100
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        body_limit_bytes: int = 0,
        policy: Any = None,
    ) -> Answer:
        assert (method, body, body_limit_bytes, policy) == ("GET", None, DATA_BODY_BYTES, None)
        self.asked.append(path)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        answer = self.script.pop(0) if self.script else self._known(path)
        try:
            await asyncio.sleep(1)
        finally:
            self.at_once -= 1
        if isinstance(answer, NoReply):
            return Answer(OutcomeKind.UNANSWERED, None, answer, 1)
        ok = 200 <= answer.status < 300
        return Answer(OutcomeKind.ACCEPTED if ok else OutcomeKind.REFUSED, answer, None, 1)

    def _known(self, path: str) -> Reply:
        if not path.startswith(DETAILS_PATH):
            return Reply(200, body=orjson.dumps({"id": path.rpartition("/")[2]}))
        ids = path.partition("?id=")[2].split("%2C")
        if len(ids) > self.most_ids:
            return Reply(400, "bad.request")
        entries = [{"conversationId": one} for one in ids if "unknown" not in one]
        return Reply(200, body=orjson.dumps({"conversations": entries}))


def reads_of(caller: FakeCaller, **options: Any) -> ConversationReads:
    return ConversationReads(caller, clock=asyncio.get_running_loop().time, **options)


def read_once(run_virtual: RunVirtual, *script: Reply | NoReply) -> tuple[Any, int]:
    """What one read comes to, and the requests that it took."""

    async def scene() -> tuple[Any, int]:
        caller = FakeCaller(*script)
        return await reads_of(caller).read(C), len(caller.asked)

    found: tuple[Any, int] = run_virtual(scene())
    return found


def test_those_who_ask_meanwhile_share_a_read(run_virtual: RunVirtual) -> None:
    """Every request is taken from the writes' allowance."""

    async def scene() -> None:
        caller = FakeCaller()
        reads = reads_of(caller)
        found = await asyncio.gather(*(reads.read(C) for _ in range(3)), reads.read(D))
        assert [one.id for one in found if isinstance(one, Conversation)] == [C, C, C, D]
        assert caller.asked == [f"/api/v2/conversations/{one}" for one in (C, D)]
        await reads.read(C)
        assert len(caller.asked) == 3

    run_virtual(scene())


def test_memory_serves_who_accepts_its_age(run_virtual: RunVirtual) -> None:
    """An age is that of the read's beginning: what was written since is not in it."""

    async def scene() -> None:
        caller = FakeCaller()
        reads = reads_of(caller)
        await reads.read(C)
        await asyncio.sleep(1)
        await reads.read(C, max_age_s=2.1)
        assert len(caller.asked) == 1
        await reads.read(C, max_age_s=1.9)
        assert len(caller.asked) == 2
        await reads.read(C, max_age_s=60, fresh=True)
        assert len(caller.asked) == 3

    run_virtual(scene())


def test_memory_is_bounded(run_virtual: RunVirtual) -> None:
    """A million conversations do not stay."""

    async def scene() -> None:
        caller = FakeCaller()
        reads = reads_of(caller, kept=1)
        for one in (C, D, C):
            await reads.read(one, max_age_s=60)
        assert len(caller.asked) == 3

    run_virtual(scene())


def test_a_fresh_read_does_not_join_an_older_one(run_virtual: RunVirtual) -> None:
    """Verification wants what is there after the write, and the older read began before it."""

    async def scene() -> None:
        caller = FakeCaller()
        reads = reads_of(caller)
        older = asyncio.ensure_future(reads.read(C))
        await asyncio.sleep(0.5)
        await reads.read(C, fresh=True)
        assert older.done()
        assert len(caller.asked) == 2

    run_virtual(scene())


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(404, "not.found", "No such thing", "corr"), "unknown_conversation"),
        (Reply(400, "invalid.value", "The value", "corr"), "unknown_conversation"),
        (Reply(500, "internal.server.error", None, "corr"), "unreadable"),
        (Reply(200, None, None, "corr", body=b"<html>"), "unreadable"),
        (Reply(200, None, None, "corr", body=b'{"id":"another"}'), "unreadable"),
        (Reply(302, None, None, "corr"), "unreadable"),
    ],
)
def test_a_final_no_is_a_value(run_virtual: RunVirtual, reply: Reply, code: str) -> None:
    """One conversation that cannot be read does not stop the others."""
    unread, requests = read_once(run_virtual, reply)
    assert isinstance(unread, Unread)
    assert (unread.code, unread.status, unread.correlation_id) == (code, reply.status, "corr")
    assert unread.message
    assert unread.hint
    assert requests == 1


def test_no_answer_is_a_value(run_virtual: RunVirtual) -> None:
    """It may be read another time, and the hint says so."""
    unread, _ = read_once(run_virtual, LOST)
    assert (unread.code, unread.status) == ("no_answer", None)
    assert unread.message == LOST.message
    assert "again" in unread.hint


def test_half_an_answer_is_asked_for_again(run_virtual: RunVirtual) -> None:
    """The client takes a status for an answer, but here it is the body that counts."""
    broken = Reply(200, body=b'{"id":', whole=False)
    found, requests = read_once(run_virtual, broken, broken)
    assert (found.id, requests) == (C, 3)
    unread, requests = read_once(run_virtual, broken, broken, broken, broken)
    assert (unread.code, requests) == ("no_answer", 3)


def test_what_is_too_large_is_not_asked_for_again(run_virtual: RunVirtual) -> None:
    """It would be as large the next time."""
    huge = Reply(200, body=b" " * DATA_BODY_BYTES, whole=False)
    unread, requests = read_once(run_virtual, huge)
    assert (unread.code, requests) == ("unreadable", 1)
    assert "too large" in unread.message


def test_a_token_that_may_not_read_is_one_sentence(run_virtual: RunVirtual) -> None:
    """It is the whole run's business, and the way out is named; no request follows."""

    async def scene() -> None:
        caller = FakeCaller(MISSING)
        reads = reads_of(caller)
        with pytest.raises(AccessError) as caught:
            await reads.read(C)
        text = str(caught.value)
        for word in ("conversation:communication:view", "by id", "--verify", "--keep-before"):
            assert word in text
        assert "--guard" in text
        assert "--skip-unchanged" in text
        assert text.count(". ") == 0
        with pytest.raises(AccessError):
            await reads.read(D, max_age_s=60)
        assert len(caller.asked) == 1

    run_virtual(scene())


def test_a_token_that_is_not_accepted_stops_it_too(run_virtual: RunVirtual) -> None:
    """The client has tried others by then."""
    with pytest.raises(AccessError, match="401"):
        read_once(run_virtual, Reply(401, "bad.credentials"))


@pytest.mark.parametrize("first", [Reply(200, body=b"{}"), Reply(404)])
def test_once_one_was_allowed_a_denial_is_its_own(run_virtual: RunVirtual, first: Reply) -> None:
    """A role may cover some divisions and not others: those rows fail, and no more."""

    async def scene() -> None:
        reads = reads_of(FakeCaller(first, MISSING))
        await reads.read(C)
        unread = await reads.read(D)
        assert isinstance(unread, Unread)
        assert (unread.code, unread.status, unread.correlation_id) == ("unreadable", 403, "corr-1")
        assert "division" in unread.hint

    run_virtual(scene())


def test_a_denial_that_names_no_permission_may_be_of_one_division(run_virtual: RunVirtual) -> None:
    """Else a run whose first row is of a foreign division could never begin; five are enough."""

    async def scene() -> None:
        reads = reads_of(FakeCaller(*[DIVISION] * 5))
        for _ in range(4):
            unread = await reads.read(C)
            assert isinstance(unread, Unread)
            assert "not.authorized" in unread.message
        with pytest.raises(AccessError):
            await reads.read(C)

    run_virtual(scene())


def test_a_failure_is_not_remembered(run_virtual: RunVirtual) -> None:
    """The next one to ask may have more luck."""

    async def scene() -> None:
        reads = reads_of(FakeCaller(LOST))
        assert isinstance(await reads.read(C, max_age_s=60), Unread)
        assert isinstance(await reads.read(C, max_age_s=60), Conversation)

    run_virtual(scene())


def ids(count: int) -> list[str]:
    return [f"id-{number}" for number in range(count)]


def sizes(caller: FakeCaller) -> list[int]:
    return [path.count("%2C") + 1 for path in caller.asked]


def test_many_are_looked_up_at_once(run_virtual: RunVirtual) -> None:
    """A hundredth of the requests; each id once, and never more than four requests at a time."""

    async def scene() -> None:
        caller = FakeCaller()
        found = await reads_of(caller).look_up([*ids(650), "id-0"])
        assert sorted(found) == sorted(ids(650))
        assert sizes(caller) == [100] * 6 + [50]
        assert caller.most_at_once == 4
        assert caller.asked[-1].startswith(f"{DETAILS_PATH}?id=id-600%2Cid-601%2C")

    run_virtual(scene())


def test_the_unknown_and_the_unasked_are_left_out(run_virtual: RunVirtual) -> None:
    """The answer holds what was asked for, and may hold less."""

    async def scene() -> None:
        entries = [{"conversationId": one} for one in ("a", "z")]
        caller = FakeCaller(Reply(200, body=orjson.dumps({"conversations": entries})))
        reads = reads_of(caller)
        assert list(await reads.look_up(["a", "b"])) == ["a"]
        assert await reads.look_up(["unknown"]) == {}
        assert await reads.look_up([]) == {}
        assert len(caller.asked) == 2

    run_virtual(scene())


def test_too_many_are_halved_until_they_are_not(run_virtual: RunVirtual) -> None:
    """The true maximum is unknown, and is learned once for the run."""

    async def scene() -> None:
        caller = FakeCaller()
        caller.most_ids = 30
        reads = reads_of(caller)
        assert len(await reads.look_up(ids(100))) == 100
        assert sizes(caller) == [100, 50, 25, 25, 25, 25]
        caller.asked.clear()
        assert len(await reads.look_up(ids(60))) == 60
        assert sizes(caller) == [25, 25, 10]

    run_virtual(scene())


def test_those_refused_together_are_halved_once(run_virtual: RunVirtual) -> None:
    """Four requests that are refused at one moment tell one thing."""

    async def scene() -> None:
        caller = FakeCaller()
        caller.most_ids = 50
        assert len(await reads_of(caller).look_up(ids(400))) == 400
        assert sorted(sizes(caller)) == [50] * 8 + [100] * 4

    run_virtual(scene())


def test_an_answer_that_is_too_large_is_halved_too(run_virtual: RunVirtual) -> None:
    """Details hold every segment of every session."""

    async def scene() -> None:
        caller = FakeCaller(Reply(200, body=b" " * DATA_BODY_BYTES, whole=False))
        assert len(await reads_of(caller).look_up(ids(100))) == 100
        assert sizes(caller) == [100, 50, 50]

    run_virtual(scene())


def test_where_even_one_is_refused_it_is_given_up(
    run_virtual: RunVirtual, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise each conversation would cost two requests from then on."""

    async def scene() -> None:
        caller = FakeCaller()
        caller.most_ids = 0
        reads = reads_of(caller, lookup_batch=4)
        assert await reads.look_up(ids(4)) == {}
        assert await reads.look_up(ids(4)) == {}
        assert sizes(caller) == [4, 2, 1]

    run_virtual(scene())
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize(
    "answer", [Reply(500), LOST, Reply(200, body=b"<html>"), Reply(400, "invalid.value")]
)
def test_other_failures_are_of_one_request(
    run_virtual: RunVirtual, answer: Reply | NoReply
) -> None:
    """The single reads answer then; the next look-up is tried all the same."""

    async def scene() -> None:
        caller = FakeCaller(answer)
        reads = reads_of(caller)
        assert len(await reads.look_up(ids(150))) == 50
        assert sizes(caller) == [100, 50]
        assert len(await reads.look_up(ids(150))) == 150

    run_virtual(scene())


def test_analytics_that_is_denied_is_left_alone(
    run_virtual: RunVirtual, caplog: pytest.LogCaptureFixture
) -> None:
    """It takes a permission of its own; the run goes on at the price of a read each."""

    async def scene() -> None:
        caller = FakeCaller(MISSING, MISSING, MISSING, MISSING)
        reads = reads_of(caller)
        assert await reads.look_up(ids(900)) == {}
        assert await reads.look_up(ids(900)) == {}
        assert len(caller.asked) == 4
        assert isinstance(await reads.read(C), Conversation)

    run_virtual(scene())
    (record,) = caplog.records
    assert record.name == "batchpatch.genesys.conversations.analytics"
    assert "analytics:conversationDetail:view" in record.getMessage()
