"""What goes to a communication finds it first, by a read, or is settled without being sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sending_doubles import CONVERSATION, make_patch

from batchpatch.errors import AccessError
from batchpatch.genesys.conversations.conversation import Communication, Conversation, Participant
from batchpatch.genesys.conversations.reader import Unread
from batchpatch.genesys.replies import Reply
from batchpatch.genesys.retry import Answer, OutcomeKind
from batchpatch.model import Outcome, PatchOutcome
from batchpatch.sending.sender import sender_for
from batchpatch.writes.registry import KINDS

KIND = KINDS["wrapup"]
ROUTE = KIND.find_route("communication")
PATCH = make_patch(code="x", tags='["a"]')
CALL, EMAIL = Communication("calls", "c1"), Communication("emails", "e 1")


class Caller:
    """In the client's place: remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes | None]] = []

    async def call(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """It is accepted."""
        self.sent.append((method, path, body))
        return Answer(OutcomeKind.ACCEPTED, Reply(202), None, 1)


class Reads:
    """In the place of reads: one answer."""

    def __init__(self, found: Conversation | Unread | AccessError) -> None:
        self._found = found

    async def read(self, key: str, /, **_: object) -> Conversation | Unread:
        """That one."""
        assert key == CONVERSATION
        if isinstance(self._found, AccessError):
            raise self._found
        return self._found


def talk(*communications: Communication, who: str = PATCH.participant_id) -> Conversation:
    one = Participant(who, "agent", "", "", (), {}, left=True, communications=communications)
    return Conversation(CONVERSATION, (one,), ended=True)


def send(found: Any) -> tuple[PatchOutcome, list[tuple[str, str, bytes | None]]]:
    """The outcome, and what was sent."""
    caller = Caller()
    sender = sender_for(caller, ROUTE, KIND, conversations=Reads(found))
    return asyncio.run(sender.send(PATCH)), caller.sent


def test_it_goes_to_the_latest_communication() -> None:
    """Its media and id are in the path, and the body is the wrap-up without a key."""
    outcome, sent = send(talk(CALL, EMAIL))
    assert outcome.outcome is Outcome.UPDATED
    path = f"/api/v2/conversations/emails/{CONVERSATION}/participants/{PATCH.participant_id}"
    assert sent == [("POST", f"{path}/communications/e%201/wrapup", b'{"code":"x","tags":["a"]}')]


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (talk(), "no_communication"),
        (talk(CALL, who="another"), "participant_not_in_conversation"),
        (Unread("x", 404, "m", "h", is_unknown=True), "unknown_conversation"),
        (Unread("no_answer", None, "m", "h"), "not_read"),
    ],
)
def test_without_one_nothing_is_sent(found: Any, code: str) -> None:
    """There is no path to guess: a participant's own id is none of a communication."""
    outcome, sent = send(found)
    assert (outcome.code, sent) == (code, [])


def test_who_may_not_read_is_told_of_the_other_route() -> None:
    """A token may set codes and read no conversation; the usual route asks for no read."""
    with pytest.raises(AccessError, match="--route participant does not"):
        send(AccessError("This token may not read conversations."))


def test_the_route_survives_a_run_s_record() -> None:
    """A run keeps the template of its route, with gaps that no route of a user's may have."""
    assert KIND.find_route(ROUTE.template) == ROUTE
    assert ROUTE.permission == "conversation:participant:wrapup"
