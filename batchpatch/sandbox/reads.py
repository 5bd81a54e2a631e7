"""The answers to reads: conversations, analytics, whose a token is, the limits. No I/O."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from batchpatch.sandbox.codes import queue_id_of
from batchpatch.sandbox.conversations import (
    agent_id,
    communication_id,
    customer_id,
    external_contact_id,
    phone_number,
    user_id,
)
from batchpatch.sandbox.options import READ_PERMISSIONS
from batchpatch.sandbox.replies import (
    MAX_BODY_BYTES,
    Refusal,
    Reply,
    json_reply,
    missing_permission,
)
from batchpatch.sandbox.tokens import NAMESPACE, TOKEN_RATES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.sandbox.conversations import Conversation, Participant
    from batchpatch.sandbox.options import SandboxOptions
    from batchpatch.sandbox.state import SandboxState
    from batchpatch.sandbox.tokens import Token

_MEDIA_TYPES = {
    "calls": "voice",
    "callbacks": "callback",
    "emails": "email",
    "messages": "message",
    "cobrowsesessions": "cobrowse",
    "screenshares": "screenshare",
    "socials": "social",
    "videos": "video",
}


def conversation(state: SandboxState, conversation_id: str) -> Reply:
    """GET conversation: its participants with their attributes."""
    _check_permission(state.options, READ_PERMISSIONS["conversation"])
    found = state.conversations.find_whole(conversation_id)
    if found is None:
        raise Refusal(404)
    return json_reply(200, _as_resource(conversation_id, found))


def analytics(state: SandboxState, conversation_ids: Sequence[str]) -> Reply:
    """GET analytics details: what it knows of these conversations, without attributes."""
    _check_permission(state.options, READ_PERMISSIONS["analytics"])
    details: list[dict[str, Any]] = []
    for conversation_id in conversation_ids:
        found = state.conversations.find_whole(conversation_id)
        if found is not None and found.in_analytics:
            details.append(_as_details(conversation_id, found))
    return json_reply(200, {"conversations": details})


def token(state: SandboxState, asking: Token) -> Reply:
    """GET tokens/me: who a token is."""
    options = state.options
    organization = {"id": options.organization_id, "name": options.organization_name}
    client = {"id": asking.client_id, "name": "Sandbox client", "organization": organization}
    return json_reply(
        200,
        {
            "organization": organization,
            "homeOrganization": organization,
            "authorizedScope": [],
            "OAuthClient": client,
        },
    )


def limits(state: SandboxState) -> Reply:
    """GET limits: those in force; rates are per minute whatever the window."""
    values: dict[str, int] = {"request.bytes.max": MAX_BODY_BYTES}
    allowed = state.tokens.allowed
    if allowed is not None:
        per_minute = math.floor(allowed * 60 / state.options.rate_window_s)
        values |= dict.fromkeys(TOKEN_RATES, per_minute)
    entities = [
        {"key": key, "namespace": NAMESPACE, "value": value} for key, value in values.items()
    ]
    return json_reply(200, {"entities": entities, "total": len(entities)})


def _check_permission(options: SandboxOptions, permission: str) -> None:
    if options.lacks(permission):
        raise missing_permission(permission)


def _as_resource(conversation_id: str, conversation: Conversation) -> dict[str, Any]:
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


def _as_details(conversation_id: str, conversation: Conversation) -> dict[str, Any]:
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
    communication = {
        "id": communication_id(conversation_id, known_id),
        "state": "disconnected" if ended_at else "connected",
    }
    return _set(
        {
            "id": known_id,
            "name": fields["name"],
            "purpose": participant.purpose,
            "userId": fields.get("userId"),
            "queueId": queue_id_of(conversation_id, participant),
            "externalContactId": fields.get("externalContactId"),
            "address": fields.get("address"),
            "ani": fields.get("ani"),
            "startTime": start,
            "connectedTime": start,
            "endTime": ended_at,
            "attributes": participant.attributes,
            "wrapup": participant.wrapup,
            participant.media: [communication],
        }
    )


def _details(conversation_id: str, known_id: str, participant: Participant) -> dict[str, Any]:
    fields = _fields(conversation_id, known_id, participant)
    session = _set({"mediaType": _MEDIA_TYPES[participant.media], "ani": fields.get("ani")})
    return _set(
        {
            "participantId": known_id,
            "participantName": fields["name"],
            "purpose": participant.purpose,
            "userId": fields.get("userId"),
            "externalContactId": fields.get("externalContactId"),
            "sessions": [session],
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
