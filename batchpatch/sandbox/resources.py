"""Conversations as the API shows them, to those who ask for one and to analytics. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchpatch.sandbox.identities import (
    agent_id,
    customer_id,
    external_contact_id,
    phone_number,
    user_id,
)

if TYPE_CHECKING:
    from batchpatch.sandbox.conversations import Conversation, Participant


def as_resource(conversation_id: str, conversation: Conversation) -> dict[str, Any]:
    """The answer of GET conversation."""
    ended_at = conversation.ended_at
    return _set(
        {
            "id": conversation_id,
            "startTime": _start(conversation, ended_at),
            "endTime": ended_at,
            "participants": [
                _participant(conversation_id, conversation, known_id, participant)
                for known_id, participant in conversation.participants.items()
            ],
            "selfUri": f"/api/v2/conversations/{conversation_id}",
        }
    )


def as_details(conversation_id: str, conversation: Conversation) -> dict[str, Any]:
    """The conversation among the details of analytics: without attributes."""
    ended_at = conversation.ended_at
    return _set(
        {
            "conversationId": conversation_id,
            "conversationStart": _start(conversation, ended_at),
            "conversationEnd": ended_at,
            "participants": [
                _details(conversation_id, known_id, participant)
                for known_id, participant in conversation.participants.items()
            ],
        }
    )


def _participant(
    conversation_id: str, conversation: Conversation, known_id: str, participant: Participant
) -> dict[str, Any]:
    fields = _fields(conversation_id, known_id, participant)
    ended_at = participant.left_at or conversation.ended_at
    start = _start(conversation, ended_at)
    return _set(
        {
            "id": known_id,
            "name": fields["name"],
            "purpose": participant.purpose,
            "userId": fields.get("userId"),
            "externalContactId": fields.get("externalContactId"),
            "address": fields.get("address"),
            "ani": fields.get("ani"),
            "startTime": start,
            "connectedTime": start,
            "endTime": ended_at,
            "attributes": participant.attributes,
            "calls": [{"id": known_id, "state": "disconnected" if ended_at else "connected"}],
        }
    )


def _details(conversation_id: str, known_id: str, participant: Participant) -> dict[str, Any]:
    fields = _fields(conversation_id, known_id, participant)
    return _set(
        {
            "participantId": known_id,
            "participantName": fields["name"],
            "purpose": participant.purpose,
            "userId": fields.get("userId"),
            "externalContactId": fields.get("externalContactId"),
            "sessions": [_set({"mediaType": "voice", "ani": fields.get("ani")})],
        }
    )


def _fields(conversation_id: str, known_id: str, participant: Participant) -> dict[str, str]:
    fields = {"name": participant.purpose.capitalize()}
    if participant.made_up and known_id == customer_id(conversation_id):
        number = phone_number(conversation_id)
        fields["externalContactId"] = external_contact_id(conversation_id)
        fields |= {"address": number, "ani": number}
    if participant.made_up and known_id == agent_id(conversation_id):
        fields["userId"] = user_id(conversation_id)
    return fields | (participant.fields or {})


def _start(conversation: Conversation, ended_at: str | None) -> str:
    # Texts of one form, so their order is that of the times. A test may put the end anywhere.
    return min(conversation.started_at, ended_at or conversation.started_at)


def _set(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not set, as the API does."""
    return {name: value for name, value in fields.items() if value is not None}
