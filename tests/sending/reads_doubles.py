"""Stands in for what reads conversations: participants whose attributes change as time passes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.genesys.conversations.conversation import Conversation, Participant
from batchpatch.genesys.conversations.reader import Unread
from batchpatch.model import Outcome, Patch, PatchOutcome, Row

if TYPE_CHECKING:
    from collections.abc import Callable

UPDATED = PatchOutcome(Outcome.UPDATED, status=202, correlation_id="abc-1", attempts=1)
LOST = Unread("no_answer", None, "no answer in time", "Send it again later.")
UNKNOWN = Unread("unknown_conversation", 404, "not known here", "Check the id.", "abc-2", True)


class Read(NamedTuple):
    """A read that was made."""

    at_s: float
    conversation_id: str
    fresh: bool
    max_age_s: float | None


class ScriptedReads:
    """Conversations on the loop's clock; a read shows them as they were when it began."""

    def __init__(self, *, latency_s: float = 0.0) -> None:
        self.latency_s = latency_s
        self.made: list[Read] = []
        self.now = self.most = 0
        """Reads under way, and the most there ever were."""
        self.fails: Callable[[float], Unread | Exception | None] = lambda _: None
        """What a read that begins then fails with."""
        self._states: dict[str, dict[str, list[tuple[float, dict[str, str]]]]] = {}

    def put(self, patch: Patch, *, at_s: float = 0.0, **attributes: str) -> None:
        """From then on the participant has these attributes, of the patch where none are given."""
        who = self._states.setdefault(patch.conversation_id, {})
        states = who.setdefault(patch.participant_id, [])
        states.append((at_s, attributes or patch.attributes))

    def list_only(self, patch: Patch) -> None:
        """The participant is there, and has no attributes."""
        who = self._states.setdefault(patch.conversation_id, {})
        who.setdefault(patch.participant_id, [])

    async def read(
        self, conversation_id: str, *, max_age_s: float | None = None, fresh: bool = False
    ) -> Conversation | Unread:
        """As the real one does."""
        at_s = asyncio.get_running_loop().time()
        self.made.append(Read(at_s, conversation_id, fresh, max_age_s))
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.latency_s)
        finally:
            self.now -= 1
        failure = self.fails(at_s)
        if isinstance(failure, Exception):
            raise failure
        return failure or self._as_of(conversation_id, at_s)

    def _as_of(self, conversation_id: str, at_s: float) -> Conversation:
        participants = tuple(
            participant(who, next((has for since, has in states[::-1] if since <= at_s), {}))
            for who, states in self._states.get(conversation_id, {}).items()
        )
        return Conversation(conversation_id, participants, ended=False)


def participant(
    participant_id: str, attributes: dict[str, str] | None = None, *, left: bool = False
) -> Participant:
    """One that nothing is known of but this."""
    return Participant(participant_id, "customer", "", "", (), attributes, left)


def patch_of(who: int, *, conversation: int = 1, **attributes: str) -> Patch:
    """A patch of one row, of participant and conversation by number."""
    names, values = tuple(attributes), tuple(attributes.values())
    conversation_id = f"11111111-1111-4111-8111-{conversation:012d}"
    participant_id = f"22222222-2222-4222-8222-{who:012d}"
    row = Row(who, who + 1, 0, conversation_id, participant_id, names, values)
    return Patch(who, (row,), attributes)
