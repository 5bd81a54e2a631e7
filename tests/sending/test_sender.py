"""What the platform says becomes an outcome that a user can act on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sending_doubles import ScriptedCaller, make_patch

from batchpatch.errors import AccessError
from batchpatch.genesys.replies import NoReply, Reply
from batchpatch.model import Outcome, Patch, PatchOutcome
from batchpatch.sending.sender import Sender
from batchpatch.writes.registry import find_route

if TYPE_CHECKING:
    from batchpatch.genesys.client import Answer

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
