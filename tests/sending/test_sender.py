"""What the platform says becomes an outcome that a user can act on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from reads_doubles import LOST, UNKNOWN, Read, ScriptedReads, participant, patch_of
from sending_doubles import ScriptedCaller, make_patch

from batchpatch.errors import AccessError, OutageError
from batchpatch.genesys.conversations.conversation import Conversation
from batchpatch.genesys.replies import NoReply, Reply
from batchpatch.model import Outcome, Patch, PatchOutcome
from batchpatch.sending.outcomes import diagnose
from batchpatch.sending.sender import ENOUGH, Explainer, Sender
from batchpatch.writes.registry import find_route

if TYPE_CHECKING:
    from batchpatch.genesys.conversations.reader import Unread
    from batchpatch.genesys.retry import Answer


ROUTE = find_route()


def send(caller: Any, patch: Patch) -> PatchOutcome:
    """Send one patch."""
    return asyncio.run(Sender(caller, ROUTE).send(patch))


def test_an_accepted_patch() -> None:
    """The report keeps the platform's correlation id: support asks for it."""
    outcome = send(ScriptedCaller(lambda _: Reply(202, correlation_id="abc-1")), make_patch())
    assert outcome._replace(elapsed_s=0.0) == PatchOutcome(
        Outcome.UPDATED, status=202, correlation_id="abc-1", attempts=1
    )


def test_a_refused_patch() -> None:
    """Status, code, words and correlation id are the platform's; the hint is ours."""
    refusal = Reply(404, "not.found", "no such participant", "abc-2")
    outcome = send(ScriptedCaller(lambda _: refusal), make_patch())
    assert outcome[:4] == (Outcome.REJECTED, 404, "not.found", "no such participant")
    assert (outcome.correlation_id, outcome.attempts) == ("abc-2", 1)
    assert outcome.hint


@pytest.mark.parametrize("kind", ["timeout", "connection", "tls"])
def test_a_patch_that_nobody_answered(kind: Any) -> None:
    """Nobody knows whether it took effect, so it is not called rejected."""
    outcome = send(
        ScriptedCaller(lambda _: NoReply(kind, "no answer in time", sent=True)), make_patch()
    )
    assert outcome[:4] == (Outcome.UNKNOWN, None, f"no_answer.{kind}", "no answer in time")
    assert outcome.attempts == 6
    assert outcome.correlation_id is None


def test_the_body_holds_attributes_and_nothing_else() -> None:
    """A participant's state or wrap-up code in the body would change the call itself."""
    seen: list[tuple[str, str, bytes | None]] = []

    class Recorder(ScriptedCaller):
        async def call(self, method: str, path: str, body: bytes | None = None) -> Answer:
            seen.append((method, path, body))
            return await super().call(method, path, body)

    patch = make_patch(state="disconnected")
    send(Recorder(), patch)
    who = f"conversations/{patch.conversation_id}/participants/{patch.participant_id}"
    body = b'{"attributes":{"state":"disconnected"}}'
    assert seen == [("PATCH", f"/api/v2/{who}/attributes", body)]


def test_what_ends_the_run_is_not_an_outcome() -> None:
    """The patch is then not settled, and resuming sends it again."""

    def refuse(_: dict[str, str]) -> Reply:
        raise AccessError("the token is gone")

    with pytest.raises(AccessError, match="the token is gone"):
        send(ScriptedCaller(refuse), make_patch())


PATCH = patch_of(1, a="1")
NOT_FOUND = PatchOutcome(
    Outcome.REJECTED, 404, "not.found", "says the platform", "Check it.", "abc-1", 1, 0.5
)
CONFLICT = NOT_FOUND._replace(status=409, code=None)


def conversation(*, listed: bool = True, left: bool = False) -> Conversation:
    """One that the patch's participant is in, was in, or never was in."""
    who = PATCH.participant_id if listed else "22222222-2222-4222-8222-000000000009"
    return Conversation(PATCH.conversation_id, (participant(who, left=left),), ended=False)


@pytest.mark.parametrize(
    ("status", "found", "code"),
    [
        (404, UNKNOWN, "unknown_conversation"),
        (404, conversation(listed=False), "participant_not_in_conversation"),
        (404, conversation(), None),
        (404, conversation(left=True), None),
        (404, LOST, None),
        (409, conversation(left=True), "participant_has_left"),
        (409, conversation(), None),
        (409, conversation(listed=False), None),
        (409, UNKNOWN, None),
    ],
)
def test_what_a_look_explains(status: int, found: Conversation | Unread, code: str | None) -> None:
    """Only what the read shows is said; where it shows nothing, the platform's words stay."""
    verdict = diagnose(PATCH, status, found)
    assert (verdict.code if verdict else None) == code
    if verdict is not None:
        assert verdict.outcome is Outcome.REJECTED
        assert verdict.message
        assert verdict.hint


def test_the_platforms_answer_stays_what_it_was() -> None:
    """Status, correlation id and attempts are those of the PATCH: support asks for them."""
    reads = ScriptedReads()
    reads.fails = lambda _: UNKNOWN
    found = asyncio.run(Explainer(reads).explain(PATCH, NOT_FOUND))
    assert found.code == "unknown_conversation"
    assert found.hint != NOT_FOUND.hint
    assert found._replace(code="", message="", hint="") == NOT_FOUND._replace(
        code="", message="", hint=""
    )
    assert [read[1:] for read in reads.made] == [Read(0, PATCH.conversation_id, False, 60)[1:]]


@pytest.mark.parametrize("status", [202, 400, 403, 500, None])
def test_other_answers_are_clear(status: int | None) -> None:
    """They cost no read."""
    reads = ScriptedReads()
    outcome = NOT_FOUND._replace(status=status)
    assert asyncio.run(Explainer(reads).explain(PATCH, outcome)) == outcome
    assert reads.made == []


def test_who_may_not_read_is_asked_once() -> None:
    """A token that may write and not read still does its job, without the explanations."""
    reads = ScriptedReads()
    reads.fails = lambda _: AccessError("may not read")

    async def run() -> list[PatchOutcome]:
        explainer = Explainer(reads)
        return [await explainer.explain(PATCH, NOT_FOUND) for _ in range(3)]

    assert asyncio.run(run()) == [NOT_FOUND] * 3
    assert len(reads.made) == 1


def test_a_path_that_does_not_exist_is_not_asked_about_for_ever() -> None:
    """It answers 404 to everything, and reading each conversation would double the requests."""
    reads = ScriptedReads()
    reads.list_only(PATCH)
    stranger = patch_of(2, a="1")

    async def run(*patches: object) -> None:
        explainer = Explainer(reads)
        for patch in patches:
            await explainer.explain(patch, NOT_FOUND)  # type: ignore[arg-type]

    asyncio.run(run(*[PATCH] * 50))
    assert len(reads.made) == ENOUGH
    reads.made.clear()
    asyncio.run(run(*[PATCH, stranger] * 25))
    assert len(reads.made) == 50


def test_what_ends_the_run_is_no_explanation() -> None:
    """An outage is not kept quiet."""
    reads = ScriptedReads()
    reads.fails = lambda _: OutageError("is down")
    with pytest.raises(OutageError):
        asyncio.run(Explainer(reads).explain(PATCH, CONFLICT))
