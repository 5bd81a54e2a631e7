"""Paths to what they mean. Pure."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from batchpatch.sandbox.conversations import is_uuid
from batchpatch.sandbox.replies import Refusal

MEDIA = frozenset({"calls", "callbacks", "emails", "messages", "cobrowsesessions"})
# None of the platform's paths, whatever threads say.
_OF_THREADS = "interactions"


class Resource(Enum):
    """What a path leads to."""

    ATTRIBUTES = auto()
    """A participant's attributes: the write that is kept."""
    PARTICIPANT = auto()
    """A participant's state: accepts a PATCH and has no attributes field to keep."""
    CONVERSATION = auto()
    ANALYTICS = auto()
    """Details of many conversations, by their ids, without attributes."""
    TOKEN = auto()
    """Whose the asking token is. To DELETE it is no request like the others, see `Api`."""
    LIMITS = auto()
    NOWHERE = auto()


_METHODS = {
    Resource.ATTRIBUTES: "PATCH",
    Resource.PARTICIPANT: "PATCH",
    Resource.CONVERSATION: "GET",
    Resource.ANALYTICS: "GET",
    Resource.TOKEN: "GET",
    Resource.LIMITS: "GET",
}
_FIXED = {
    "tokens/me": Resource.TOKEN,
    "analytics/conversations/details": Resource.ANALYTICS,
    "organizations/limits/namespaces/platform.api": Resource.LIMITS,
}
_OF_A_PARTICIPANT = {"": Resource.PARTICIPANT, "attributes": Resource.ATTRIBUTES}


class Route(NamedTuple):
    """A path, understood; ids in lower case."""

    resource: Resource
    conversation_id: str = ""
    participant_id: str = ""
    media: str = ""
    """Of a path for one media type."""


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
    if parts[0] != "conversations" or _OF_THREADS in parts[1:2]:
        return _NOWHERE
    media = parts.pop(1) if len(parts) > 1 and parts[1] in MEDIA else ""
    if len(parts) == 2 and not media:
        return Route(Resource.CONVERSATION, parts[1].lower())
    if len(parts) < 4 or parts[2] != "participants":
        return _NOWHERE
    resource = _OF_A_PARTICIPANT.get("/".join(parts[4:]), Resource.NOWHERE)
    return Route(resource, parts[1].lower(), parts[3].lower(), media)


def find_ids(raw_path: str, *, most: int) -> list[str]:
    """The conversations that a request to analytics names, each once.

    `id=` takes several, parted by commas, encoded or not, and may come again. Raises the Refusal
    for an id that is none, and for more than `most`, counted as they were sent.
    """
    pairs = parse_qsl(raw_path.partition("?")[2], keep_blank_values=True)
    ids = [
        piece.strip().lower() for name, value in pairs if name == "id" for piece in value.split(",")
    ]
    if not ids:
        raise Refusal(400, message="The request must name conversations with the parameter [id].")
    if len(ids) > most:
        raise Refusal(400, message=f"[{len(ids)}] ids are over the maximum of [{most}].")
    if not all(map(is_uuid, ids)):
        raise Refusal(400, "invalid.value", "The value of id is not a list of valid ids.")
    return list(dict.fromkeys(ids))


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
