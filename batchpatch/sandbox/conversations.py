"""The conversations of a sandbox, what their participants hold, and the ids that follow from ids.

Ids and shares are functions of a text alone: input written beforehand fits what is adopted later,
and what is made up is the same in every run. Nothing else of the sandbox is imported here.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, sha1
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAMESPACE = uuid.UUID("6f1c1d0a-8a53-5c0e-9d55-3d7b8e0c5a11").bytes
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# They have been going on for a while when they are first heard of.
_BEFORE_THE_START = timedelta(hours=1)

Since = str | Literal[False] | None
"""An ISO time in UTC, False for "not so", None where nothing is told."""


def is_uuid(text: str) -> bool:
    """True for a UUID in its usual form, in either case."""
    return _UUID.fullmatch(text) is not None


def customer_id(conversation_id: str) -> str:
    """Id of the customer that an adopted conversation has."""
    return participant_id(conversation_id, 0)


def agent_id(conversation_id: str) -> str:
    """Id of the agent that an adopted conversation has."""
    return participant_id(conversation_id, 1)


def participant_id(conversation_id: str, index: int) -> str:
    """Id of a conversation's participant: 0 the customer, 1 the agent, others above."""
    return derived_id(f"{conversation_id}/{index}")


def external_contact_id(conversation_id: str) -> str:
    """The `externalContactId` of an adopted conversation's customer."""
    return derived_id(f"{conversation_id}/contact")


def user_id(conversation_id: str) -> str:
    """The `userId` of an adopted conversation's agent."""
    return derived_id(f"{conversation_id}/user")


def phone_number(conversation_id: str) -> str:
    """The `ani` and `address` of an adopted conversation's customer: `tel:+1` and ten digits."""
    # Area codes begin with 2 to 9.
    number = int(derived_id(f"{conversation_id}/phone")[:8], 16)
    return f"tel:+1{2_000_000_000 + number}"


def communication_id(conversation_id: str, known_id: str) -> str:
    """Id of a participant's communication (its call, its email), which is not the participant's."""
    return derived_id(f"{conversation_id}/{known_id}/communication")


def derived_id(name: str) -> str:
    """The version 5 UUID of a name: the same name, the same id."""
    # uuid.uuid5() by hand: a million rows need a million of them, and it takes three times as long.
    text = sha1(_NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def share_of(text: str) -> float:
    """Spread texts evenly over 0 <= share < 1."""
    # 53 bits, because a float holds no more and 1.0 must stay out of reach.
    return (int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 11) / 2**53


def as_text(moment: datetime) -> str:
    """Write a time that knows its zone."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def normalised(text: str) -> str | None:
    """Write an ISO time as the API does; None for a text that is none, or that has no zone."""
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else as_text(moment)
    except (ValueError, OverflowError):
        return None


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
    media: str = "calls"
    """The kind of its communication, as the API's paths call it."""
    wrapup: Mapping[str, Any] | None = None
    """The wrap-up that is set, as the API shows it."""


@dataclass(slots=True)
class Conversation:
    """One conversation; an adopted one takes in every participant that is named."""

    adopted: bool
    started_at: str
    ended_at: str | None
    """None while it is live; an ended one still accepts writes."""
    in_analytics: bool
    participants: dict[str, Participant] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What is told of a participant and its conversation; None or empty is not told and stays."""

    conversation_id: str
    participant_id: str | None = None
    """None stands for the customer and the agent that an adopted conversation has."""
    purpose: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    """Under the platform's names, such as `userId`."""
    media: str | None = None
    wrapup: Mapping[str, Any] | None = None
    left: Since = None
    """Since when the participant has left."""
    ended: Since = None
    """Since when the conversation has ended."""
    in_analytics: bool | None = None
    """Whether analytics knows the conversation."""

    def tell_conversation(self, conversation: Conversation) -> None:
        """Change what this line tells of the conversation."""
        if self.ended is not None:
            conversation.ended_at = self.ended or None
        if self.in_analytics is not None:
            conversation.in_analytics = self.in_analytics

    def tell_participant(self, participant: Participant) -> None:
        """Change what this line tells of the participant; other attributes stay."""
        participant.purpose = self.purpose or participant.purpose
        participant.attributes.update(self.attributes)
        participant.media = self.media or participant.media
        participant.wrapup = self.wrapup or participant.wrapup
        if self.fields:
            participant.fields = {**(participant.fields or {}), **self.fields}
        if self.left is not None:
            participant.left_at = self.left or None


class Conversations:
    """Everything stored. Ids are UUIDs in lower case."""

    def __init__(self, *, strict: bool, ended: float, analytics_unknown: float, seed: int) -> None:
        self._strict = strict
        self._ended = ended
        self._analytics_unknown = analytics_unknown
        self._seed = seed
        self._known: dict[str, Conversation] = {}
        now = datetime.now(UTC)
        self._started_at, self._ended_at = as_text(now - _BEFORE_THE_START), as_text(now)

    def find(self, conversation_id: str) -> Conversation | None:
        """The conversation; one that is unknown is adopted, or None where that is forbidden."""
        found = self._known.get(conversation_id)
        if found is None and not self._strict:
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
        """One document for each participant that holds something; safe while others write."""
        for conversation_id, conversation in list(self._known.items()):
            for known_id, participant in list(conversation.participants.items()):
                if participant.attributes or participant.wrapup:
                    document = {
                        "conversationId": conversation_id,
                        "participantId": known_id,
                        "purpose": participant.purpose,
                        "attributes": participant.attributes,
                    }
                    yield document | ({"wrapup": participant.wrapup} if participant.wrapup else {})

    def forget(self) -> None:
        """Drop everything."""
        self._known.clear()

    def _new(self, conversation_id: str, *, adopted: bool) -> Conversation:
        ended = adopted and self._is_hit("ended", conversation_id, self._ended)
        unknown = self._is_hit("analytics", conversation_id, self._analytics_unknown)
        return Conversation(
            adopted, self._started_at, self._ended_at if ended else None, in_analytics=not unknown
        )

    def _is_hit(self, what: str, conversation_id: str, share: float) -> bool:
        # A million are adopted: where nothing is asked for, nothing is computed.
        return share > 0 and share_of(f"{self._seed}/{what}/{conversation_id}") < share


def _purpose(conversation_id: str, known_id: str) -> str:
    """What a participant is: one that merely joined is no second customer, nor a second agent."""
    if known_id == customer_id(conversation_id):
        return "customer"
    return "agent" if known_id == agent_id(conversation_id) else "acd"
