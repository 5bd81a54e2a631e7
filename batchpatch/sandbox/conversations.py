"""The conversations of a sandbox and the attributes that their participants hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from batchpatch.sandbox.identities import agent_id, customer_id, participant_id
from batchpatch.sandbox.shares import share_of
from batchpatch.sandbox.times import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.sandbox.options import SandboxOptions
    from batchpatch.sandbox.seeds import Seed

# They have been going on for a while when they are first heard of.
_BEFORE_THE_START = timedelta(hours=1)


@dataclass(slots=True)
class Participant:
    """One participant. Times are ISO texts in UTC."""

    purpose: str
    """The platform's word for its part in the conversation."""
    attributes: dict[str, str] = field(default_factory=dict)
    made_up: bool = False
    """It came by adoption: the fields that nobody told follow from the ids."""
    fields: dict[str, str] | None = None
    """What was told of it, under the platform's names: `userId`, `externalContactId`, ..."""
    left_at: str | None = None
    """Since when it is gone while the conversation may go on; its attributes are closed then."""


@dataclass(slots=True)
class Conversation:
    """One conversation; an adopted one takes in every participant that is named."""

    adopted: bool
    started_at: str
    ended_at: str | None
    """None while it is live; an ended one still accepts writes."""
    in_analytics: bool
    participants: dict[str, Participant] = field(default_factory=dict)


class Conversations:
    """Everything stored. Ids are UUIDs in lower case."""

    def __init__(self, options: SandboxOptions) -> None:
        self._options = options
        self._known: dict[str, Conversation] = {}
        now = datetime.now(UTC)
        self._started_at, self._ended_at = as_text(now - _BEFORE_THE_START), as_text(now)

    def find(self, conversation_id: str) -> Conversation | None:
        """The conversation; one that is unknown is adopted, or None where that is forbidden."""
        found = self._known.get(conversation_id)
        if found is None and not self._options.strict:
            found = self._known[conversation_id] = self._new(conversation_id, adopted=True)
        return found

    def find_participant(self, conversation_id: str, wanted_id: str) -> Participant | None:
        """The participant; it joins an adopted conversation, and is None in any other."""
        conversation = self.find(conversation_id)
        if conversation is None:
            return None
        found = conversation.participants.get(wanted_id)
        if found is None and conversation.adopted:
            found = Participant(_purpose(conversation_id, wanted_id), made_up=True)
            conversation.participants[wanted_id] = found
        return found

    def find_whole(self, conversation_id: str) -> Conversation | None:
        """The conversation for a reader: an adopted one has its customer and its agent."""
        conversation = self.find(conversation_id)
        if conversation is not None and conversation.adopted:
            for index in (0, 1):
                self.find_participant(conversation_id, participant_id(conversation_id, index))
        return conversation

    def add(self, seed: Seed) -> None:
        """Make a participant known; without an id, the customer and the agent of adoption.

        What is told of one that is known already is learned. A conversation made known in this
        way takes in no others.
        """
        known = self._known.get(seed.conversation_id)
        if known is None:
            known = self._new(seed.conversation_id, adopted=False)
            self._known[seed.conversation_id] = known
        seed.tell_conversation(known)
        both = (customer_id(seed.conversation_id), agent_id(seed.conversation_id))
        for known_id in (seed.participant_id,) if seed.participant_id else both:
            purpose = _purpose(seed.conversation_id, known_id)
            participant = known.participants.setdefault(
                known_id, Participant(purpose, made_up=not seed.participant_id)
            )
            seed.tell_participant(participant)

    def stored(self) -> Iterator[dict[str, Any]]:
        """One document for each participant that holds attributes; safe while others write."""
        for conversation_id, conversation in list(self._known.items()):
            for known_id, participant in list(conversation.participants.items()):
                if participant.attributes:
                    yield {
                        "conversationId": conversation_id,
                        "participantId": known_id,
                        "purpose": participant.purpose,
                        "attributes": participant.attributes,
                    }

    def forget(self) -> None:
        """Drop everything."""
        self._known.clear()

    def _new(self, conversation_id: str, *, adopted: bool) -> Conversation:
        options = self._options
        ended = adopted and self._is_hit("ended", conversation_id, options.ended)
        unknown = self._is_hit("analytics", conversation_id, options.analytics_unknown)
        return Conversation(
            adopted, self._started_at, self._ended_at if ended else None, in_analytics=not unknown
        )

    def _is_hit(self, what: str, conversation_id: str, share: float) -> bool:
        # A million are adopted: where nothing is asked for, nothing is computed.
        return share > 0 and share_of(f"{self._options.seed}/{what}/{conversation_id}") < share


def _purpose(conversation_id: str, known_id: str) -> str:
    """What a participant is: one that merely joined is no second customer, nor a second agent."""
    if known_id == customer_id(conversation_id):
        return "customer"
    return "agent" if known_id == agent_id(conversation_id) else "acd"
