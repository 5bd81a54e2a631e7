"""Paths to what they mean. Pure."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple
from urllib.parse import unquote

from batchpatch.sandbox.identities import is_uuid
from batchpatch.sandbox.replies import Refusal

MEDIA = frozenset({"calls", "callbacks", "emails", "messages", "cobrowsesessions"})


class Resource(Enum):
    """What a path leads to."""

    ATTRIBUTES = auto()
    """A participant's attributes: the write that is kept."""
    PARTICIPANT = auto()
    """A participant's state: accepts a PATCH and has no attributes field to keep."""
    CONVERSATION = auto()
    TOKEN = auto()
    LIMITS = auto()
    NOWHERE = auto()


_METHODS = {
    Resource.ATTRIBUTES: "PATCH",
    Resource.PARTICIPANT: "PATCH",
    Resource.CONVERSATION: "GET",
    Resource.TOKEN: "GET",
    Resource.LIMITS: "GET",
}
_FIXED = {
    "tokens/me": Resource.TOKEN,
    "organizations/limits/namespaces/platform.api": Resource.LIMITS,
}


class Route(NamedTuple):
    """A path, understood; ids in lower case."""

    resource: Resource
    conversation_id: str = ""
    participant_id: str = ""


_NOWHERE = Route(Resource.NOWHERE)


def find_route(raw_path: str) -> Route:
    """Understand the path of a request as it was sent: percent-encoded, with its query."""
    path = raw_path.partition("?")[0]
    prefix, _, rest = path.partition("/api/v2/")
    if prefix or not rest:
        return _NOWHERE
    if rest in _FIXED:
        return Route(_FIXED[rest])
    # Split before decoding: an encoded slash belongs to the id that it is in.
    parts = [unquote(part) for part in rest.split("/")]
    if parts[0] != "conversations":
        return _NOWHERE
    if len(parts) > 1 and parts[1] in MEDIA:
        del parts[1]
    elif len(parts) == 2:
        return Route(Resource.CONVERSATION, parts[1].lower())
    return _participant_route(parts)


def _participant_route(parts: list[str]) -> Route:
    if len(parts) < 4 or parts[2] != "participants" or parts[4:] not in ([], ["attributes"]):
        return _NOWHERE
    resource = Resource.ATTRIBUTES if parts[4:] else Resource.PARTICIPANT
    return Route(resource, parts[1].lower(), parts[3].lower())


def check_route(route: Route, method: str) -> None:
    """Raise the Refusal for a path that leads nowhere, a wrong method or an id that is none."""
    if route.resource is Resource.NOWHERE:
        raise Refusal(404)
    if _METHODS[route.resource] != method:
        raise Refusal(405)
    for name, value in (
        ("conversationId", route.conversation_id),
        ("participantId", route.participant_id),
    ):
        if value and not is_uuid(value):
            raise Refusal(400, "invalid.value", f"The value of {name} is not a valid id.")
