"""Routes: paths to what they mean. Pure."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from batchpatch.sandbox.conversations import is_uuid
from batchpatch.sandbox.replies import Refusal

MEDIA = frozenset({"calls", "callbacks", "emails", "messages", "cobrowsesessions"})
WRAPUP_MEDIA = MEDIA | {"screenshares", "socials", "videos"}
"""Those whose communications can be wrapped up."""
# None of the platform's paths, whatever threads say.
_OF_THREADS = "interactions"


class Resource(Enum):
    """What a path leads to."""

    ATTRIBUTES = auto()
    """A participant's attributes: the write that is kept."""
    PARTICIPANT = auto()
    """A participant's state: accepts a PATCH, keeps its wrap-up and has no attributes field."""
    COMMUNICATION_WRAPUP = auto()
    """The wrap-up of one communication: a write."""
    WRAPUP = auto()
    """The wrap-up that a participant has."""
    WRAPUP_CODES = auto()
    """The codes that a participant may be given."""
    CODES = auto()
    """The organisation's wrap-up codes."""
    QUEUE_CODES = auto()
    CONVERSATION = auto()
    ANALYTICS = auto()
    """Details of many conversations, by their ids, without attributes."""
    TOKEN = auto()
    """Whose the asking token is. To DELETE it is no request like the others, see `Api`."""
    LIMITS = auto()
    NOWHERE = auto()


METHODS = {
    Resource.ATTRIBUTES: "PATCH",
    Resource.PARTICIPANT: "PATCH",
    Resource.COMMUNICATION_WRAPUP: "POST",
    Resource.WRAPUP: "GET",
    Resource.WRAPUP_CODES: "GET",
    Resource.CODES: "GET",
    Resource.QUEUE_CODES: "GET",
    Resource.CONVERSATION: "GET",
    Resource.ANALYTICS: "GET",
    Resource.TOKEN: "GET",
    Resource.LIMITS: "GET",
}
_FIXED = {
    "tokens/me": Resource.TOKEN,
    "analytics/conversations/details": Resource.ANALYTICS,
    "routing/wrapupcodes": Resource.CODES,
    "organizations/limits/namespaces/platform.api": Resource.LIMITS,
}
_OF_A_PARTICIPANT = {
    "": Resource.PARTICIPANT,
    "attributes": Resource.ATTRIBUTES,
    "wrapup": Resource.WRAPUP,
    "wrapupcodes": Resource.WRAPUP_CODES,
}
WRITES = frozenset({Resource.ATTRIBUTES, Resource.PARTICIPANT, Resource.COMMUNICATION_WRAPUP})
"""What a request with the right method changes."""


class Route(NamedTuple):
    """A path, understood; ids in lower case."""

    resource: Resource
    conversation_id: str = ""
    participant_id: str = ""
    media: str = ""
    """Of a path for one media type."""
    other_id: str = ""
    """A communication's, or a queue's."""


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
    match parts:
        case ["routing", "queues", queue_id, "wrapupcodes"]:
            return Route(Resource.QUEUE_CODES, other_id=queue_id.lower())
        case ["conversations", str(media), *rest_of_it] if media in WRAPUP_MEDIA:
            return _conversation_route(rest_of_it, media)
        case ["conversations", *rest_of_it] if _OF_THREADS not in rest_of_it[:1]:
            return _conversation_route(rest_of_it, "")
        case _:
            return _NOWHERE


def _conversation_route(parts: list[str], media: str) -> Route:
    match parts:
        case [conversation_id] if not media:
            return Route(Resource.CONVERSATION, conversation_id.lower())
        case [conversation_id, "participants", known_id, "communications", other_id, "wrapup"]:
            ids = (conversation_id.lower(), known_id.lower(), media, other_id.lower())
            return Route(Resource.COMMUNICATION_WRAPUP, *ids) if media else _NOWHERE
        case [conversation_id, "participants", known_id, *what] if media in MEDIA | {""}:
            resource = _OF_A_PARTICIPANT.get("/".join(what), Resource.NOWHERE)
            return Route(resource, conversation_id.lower(), known_id.lower(), media)
        case _:
            return _NOWHERE


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
    if METHODS[route.resource] != method:
        raise Refusal(405)
    for name, value in (
        ("conversationId", route.conversation_id),
        ("participantId", route.participant_id),
        ("communicationId" if route.media else "queueId", route.other_id),
    ):
        if value and not is_uuid(value):
            raise Refusal(400, "invalid.value", f"The value of {name} is not a valid id.")
