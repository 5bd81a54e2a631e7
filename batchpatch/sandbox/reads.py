"""The answers to reads: conversations, analytics, whose a token is, the limits. No I/O."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from batchpatch.sandbox.bodies import MAX_BODY_BYTES
from batchpatch.sandbox.permissions import READ_PERMISSIONS
from batchpatch.sandbox.replies import Refusal, Reply, json_reply, missing_permission
from batchpatch.sandbox.resources import as_details, as_resource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.sandbox.options import SandboxOptions
    from batchpatch.sandbox.state import SandboxState
    from batchpatch.sandbox.tokens import Token

NAMESPACE = "platform.api"
TOKEN_RATES = ("client.credentials.token.rate.per.minute", "token.rate.per.minute")


def conversation(state: SandboxState, conversation_id: str) -> Reply:
    """GET conversation: its participants with their attributes."""
    _check_permission(state.options, "conversation")
    found = state.conversations.find_whole(conversation_id)
    if found is None:
        raise Refusal(404)
    return json_reply(200, as_resource(conversation_id, found))


def analytics(state: SandboxState, conversation_ids: Sequence[str]) -> Reply:
    """GET analytics details: what it knows of these conversations, without attributes."""
    _check_permission(state.options, "analytics")
    details: list[dict[str, Any]] = []
    for conversation_id in conversation_ids:
        found = state.conversations.find_whole(conversation_id)
        if found is not None and found.in_analytics:
            details.append(as_details(conversation_id, found))
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
        per_minute = math.floor(allowed * 60 / state.options.window_s)
        values |= dict.fromkeys(TOKEN_RATES, per_minute)
    entities = [
        {"key": key, "namespace": NAMESPACE, "value": value} for key, value in values.items()
    ]
    return json_reply(200, {"entities": entities, "total": len(entities)})


def _check_permission(options: SandboxOptions, read: str) -> None:
    if read in options.deny_reads:
        raise missing_permission(READ_PERMISSIONS[read])
