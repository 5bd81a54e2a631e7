"""The conversations of a sandbox and the attributes that their participants hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from batchpatch.sandbox.identities import agent_id, customer_id, participant_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(slots=True)
class Participant:
    """One participant; `purpose` is the platform's word for its part in the conversation."""

    purpose: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Conversation:
    """One conversation; an adopted one takes in every participant that is named."""

    adopted: bool
    participants: dict[str, Participant] = field(default_factory=dict)


class Conversations:
    """Everything stored. Ids are UUIDs in lower case."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._known: dict[str, Conversation] = {}
        self._started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def find(self, conversation_id: str) -> Conversation | None:
        """The conversation; one that is unknown is adopted, or None where that is forbidden."""
        found = self._known.get(conversation_id)
        if found is None and not self._strict:
            found = self._known[conversation_id] = Conversation(adopted=True)
        return found

    def find_participant(self, conversation_id: str, wanted_id: str) -> Participant | None:
        """The participant; it joins an adopted conversation, and is None in any other."""
        conversation = self.find(conversation_id)
        if conversation is None:
            return None
        found = conversation.participants.get(wanted_id)
        if found is None and conversation.adopted:
            found = Participant(_purpose(conversation_id, wanted_id))
            conversation.participants[wanted_id] = found
        return found

    def add(
        self,
        conversation_id: str,
        wanted_id: str | None = None,
        *,
        purpose: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """Make a participant known; without an id, the customer and the agent of adoption.

        A conversation made known in this way takes in no others.
        """
        both = (customer_id(conversation_id), agent_id(conversation_id))
        conversation = self._known.setdefault(conversation_id, Conversation(adopted=False))
        for known_id in (wanted_id,) if wanted_id else both:
            participant = conversation.participants.setdefault(
                known_id, Participant(purpose or _purpose(conversation_id, known_id))
            )
            participant.attributes.update(attributes or {})

    def as_resource(self, conversation_id: str) -> dict[str, Any] | None:
        """The conversation as the API shows it, or None."""
        conversation = self.find(conversation_id)
        if conversation is None:
            return None
        if conversation.adopted:
            for index in (0, 1):
                self.find_participant(conversation_id, participant_id(conversation_id, index))
        return {
            "id": conversation_id,
            "startTime": self._started,
            "participants": [
                self._participant_resource(known_id, participant)
                for known_id, participant in conversation.participants.items()
            ],
            "selfUri": f"/api/v2/conversations/{conversation_id}",
        }

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

    def _participant_resource(self, known_id: str, participant: Participant) -> dict[str, Any]:
        return {
            "id": known_id,
            "name": participant.purpose.capitalize(),
            "purpose": participant.purpose,
            "startTime": self._started,
            "connectedTime": self._started,
            "attributes": participant.attributes,
            "calls": [{"id": known_id, "state": "connected"}],
        }


def _purpose(conversation_id: str, known_id: str) -> str:
    """What a participant is: one that merely joined is no second customer, nor a second agent."""
    if known_id == customer_id(conversation_id):
        return "customer"
    return "agent" if known_id == agent_id(conversation_id) else "acd"
