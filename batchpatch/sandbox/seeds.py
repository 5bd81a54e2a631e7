"""What a test tells the sandbox of a participant and its conversation, one JSON object each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import orjson

from batchpatch.sandbox.identities import is_uuid
from batchpatch.sandbox.times import as_text, normalised

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchpatch.sandbox.conversations import Conversation, Participant

FIELDS = ("userId", "externalContactId", "address", "ani", "name")
"""What can be told of a participant beside its purpose and its attributes: texts."""

_Since = str | Literal[False] | None
"""An ISO time in UTC, False for "not so", None where nothing is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One line; what is None or empty is not told and stays as it is."""

    conversation_id: str
    participant_id: str | None = None
    """None stands for the customer and the agent that an adopted conversation has."""
    purpose: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    """Under the platform's names, see `FIELDS`."""
    left: _Since = None
    """Since when the participant has left."""
    ended: _Since = None
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
        if self.fields:
            participant.fields = {**(participant.fields or {}), **self.fields}
        if self.left is not None:
            participant.left_at = self.left or None


def read_seed(line: bytes) -> Seed:
    """Read one line. Raises ValueError, one sentence, for what cannot be."""
    document = orjson.loads(line)
    if not isinstance(document, dict) or not _is_id(document.get("conversationId")):
        raise ValueError("Each line must be an object with a conversationId that is a UUID.")
    participant_id = document.get("participantId") or None
    if participant_id is not None and not _is_id(participant_id):
        raise ValueError("A participantId must be a UUID.")
    if not isinstance(document.get("purpose"), str | None):
        raise ValueError("A purpose must be a string.")
    fields = _fields(document)
    if fields and participant_id is None:
        raise ValueError(f"To tell {next(iter(fields))}, name the participantId that it is of.")
    return Seed(
        conversation_id=document["conversationId"].lower(),
        participant_id=participant_id and participant_id.lower(),
        purpose=document.get("purpose"),
        attributes=_attributes(document),
        fields=fields,
        left=_since(document, "left"),
        ended=_since(document, "ended"),
        in_analytics=_flag(document, "analytics"),
    )


def _is_id(value: object) -> bool:
    return isinstance(value, str) and is_uuid(value)


def _attributes(document: dict[str, Any]) -> dict[str, str]:
    attributes = document.get("attributes") or {}
    if not isinstance(attributes, dict) or not all(isinstance(v, str) for v in attributes.values()):
        raise ValueError("The attributes must be an object of strings.")
    return attributes


def _fields(document: dict[str, Any]) -> dict[str, str]:
    fields = {name: document[name] for name in FIELDS if document.get(name) is not None}
    for name, value in fields.items():
        if not isinstance(value, str) or not value:
            raise ValueError(f"{name} must be a string that is not empty, not {value!r}.")
    return fields


def _since(document: dict[str, Any], name: str) -> _Since:
    value = document.get(name)
    if value is None or value is False:
        return value
    if value is True:
        return as_text(datetime.now(UTC))
    since = normalised(value) if isinstance(value, str) else None
    if since is None:
        raise ValueError(f"{name} must be true, false or an ISO time with its zone, not {value!r}.")
    return since


def _flag(document: dict[str, Any], name: str) -> bool | None:
    value = document.get(name)
    if not isinstance(value, bool | None):
        raise ValueError(f"{name} must be true or false, not {value!r}.")
    return value
