"""Conversations as values, read from what the platform answers. Pure.

Two calls tell: GET conversation, with the attributes of each participant, and the details of
analytics, without. Both readers are total: whatever the bytes, they answer a value or None.
Source of the fields: the models `Conversation`, `Participant`,
`AnalyticsConversationWithoutAttributes` and `AnalyticsParticipantWithoutAttributes` of the
official SDK.
"""

from __future__ import annotations

from sys import getsizeof
from typing import Any, NamedTuple

import orjson

_PARTICIPANT_BYTES = 700
_ENTRY_BYTES = 60


_MEDIA = {
    "calls": "calls",
    "callbacks": "callbacks",
    "cobrowsesessions": "cobrowsesessions",
    "emails": "emails",
    "messages": "messages",
    "screenshares": "screenshares",
    "socialExpressions": "socials",
    "videos": "videos",
}
"""Lists of a participant, and what paths call such communications."""


class Communication(NamedTuple):
    """One call, email or the like of a participant."""

    media: str
    """As paths spell it: `calls`, `emails`..."""
    id: str
    """Lower case; not that of the participant."""


class Participant(NamedTuple):
    """One participant. A text that the platform does not tell is empty."""

    id: str
    """Lower case."""
    purpose: str
    """As the platform spells it: `customer`, `agent`, `acd`..."""
    user_id: str
    """Lower case."""
    external_contact_id: str
    """Lower case."""
    addresses: tuple[str, ...]
    """`address` and `ani`, as they are spelled; empty where the source is analytics."""
    attributes: dict[str, str] | None
    """None where the source is analytics, which tells neither them nor the addresses."""
    left: bool
    """It has an end. Of analytics, which does not tell: the conversation has one."""
    communications: tuple[Communication, ...] = ()
    """Its calls, emails and the like, the latest last; empty where the source is analytics."""


class Conversation(NamedTuple):
    """One conversation and who is, or was, in it."""

    id: str
    """Lower case."""
    participants: tuple[Participant, ...]
    """In order of joining where the source says when each joined, else as it lists them."""
    ended: bool

    def participant(self, participant_id: str) -> Participant | None:
        """The one with this id, lower case; None where there is none."""
        return next((one for one in self.participants if one.id == participant_id), None)


def read_conversation(body: bytes) -> Conversation | None:
    """Read the answer of GET `/api/v2/conversations/{id}`; None where it is no conversation.

    An entry of the participants without an id is left out: nothing could be sent to it. The
    platform declares attributes to be texts; should one be anything else, its JSON text is taken,
    and null is taken for an attribute that is absent.
    """
    document = _loaded(body)
    conversation_id = _id(document, "id")
    if not conversation_id:
        return None
    joined = [
        (_text(entry, "startTime"), _participant(entry, participant_id))
        for entry, participant_id in _entries(document, "participants", "id")
    ]
    return Conversation(conversation_id, _in_order(joined), bool(document.get("endTime")))


def read_details(body: bytes) -> dict[str, Conversation] | None:
    """Read the answer of GET `/api/v2/analytics/conversations/details`, by conversation id.

    An object without `conversations` is an answer that knows none of them. None where the answer
    is no object.
    """
    document = _loaded(body)
    if not isinstance(document, dict):
        return None
    return {
        conversation_id: _detailed(entry, conversation_id)
        for entry, conversation_id in _entries(document, "conversations", "conversationId")
    }


def about_bytes(conversation: Conversation) -> int:
    """About the memory that it takes, for those who keep some."""
    attributes = [one.attributes or {} for one in conversation.participants]
    return _PARTICIPANT_BYTES * (1 + len(attributes)) + sum(
        _ENTRY_BYTES + getsizeof(name) + getsizeof(value)
        for held in attributes
        for name, value in held.items()
    )


def _detailed(document: dict[str, Any], conversation_id: str) -> Conversation:
    ended = bool(document.get("conversationEnd"))
    joined = [
        (_first_segment(entry), _told_by_analytics(entry, participant_id, ended=ended))
        for entry, participant_id in _entries(document, "participants", "participantId")
    ]
    return Conversation(conversation_id, _in_order(joined), ended)


def _participant(entry: dict[str, Any], participant_id: str) -> Participant:
    addresses = dict.fromkeys((_text(entry, "address"), _text(entry, "ani")))
    return Participant(
        participant_id,
        _text(entry, "purpose"),
        _id(entry, "userId"),
        _id(entry, "externalContactId"),
        tuple(filter(None, addresses)),
        _attributes(entry.get("attributes")),
        left=bool(entry.get("endTime")),
        communications=_communications(entry),
    )


def _communications(entry: dict[str, Any]) -> tuple[Communication, ...]:
    """In order of beginning; those that tell none come first, in the order of the lists."""
    begun = [
        (
            _text(one, "connectedTime") or _text(one, "startAlertingTime"),
            Communication(media, found),
        )
        for name, media in _MEDIA.items()
        for one, found in _entries(entry, name, "id")
    ]
    return tuple(one for _, one in sorted(begun, key=lambda pair: pair[0]))


def _told_by_analytics(entry: dict[str, Any], participant_id: str, *, ended: bool) -> Participant:
    return Participant(
        participant_id,
        _text(entry, "purpose"),
        _id(entry, "userId"),
        _id(entry, "externalContactId"),
        (),
        None,
        left=ended,
    )


def _in_order(joined: list[tuple[str, Participant]]) -> tuple[Participant, ...]:
    """Sort by time of joining, or leave alone where one of them is not told.

    Nothing promises that the two sources list participants in the same order, and "the first"
    must not depend on which of them was asked. The times are ISO texts of one form.
    """
    if all(start for start, _ in joined):
        joined = sorted(joined, key=lambda pair: pair[0])
    return tuple(participant for _, participant in joined)


def _first_segment(entry: dict[str, Any]) -> str:
    """When the first segment of a participant's sessions began; empty where none is told."""
    starts = [
        start
        for session in _objects(entry.get("sessions"))
        for segment in _objects(session.get("segments"))
        if (start := _text(segment, "segmentStart"))
    ]
    return min(starts, default="")


def _attributes(document: object) -> dict[str, str]:
    if not isinstance(document, dict):
        return {}
    return {name: text for name, value in document.items() if (text := _as_text(value)) is not None}


def _as_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # nested deeper than it writes
        return None


def _loaded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _entries(document: dict[str, Any], name: str, id_name: str) -> list[tuple[dict[str, Any], str]]:
    """The objects of a list that have an id, each with it."""
    objects = _objects(document.get(name))
    return [(entry, found) for entry in objects if (found := _id(entry, id_name))]


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _id(document: Any, name: str) -> str:
    return _text(document, name).strip().lower()


def _text(document: Any, name: str) -> str:
    value = document.get(name) if isinstance(document, dict) else None
    return value if isinstance(value, str) else ""
