"""Ids that follow from other ids, so that input written beforehand fits what is adopted later."""

from __future__ import annotations

import re
import uuid
from hashlib import sha1

_NAMESPACE = uuid.UUID("6f1c1d0a-8a53-5c0e-9d55-3d7b8e0c5a11").bytes
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


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
    return _derived(f"{conversation_id}/{index}")


def external_contact_id(conversation_id: str) -> str:
    """The `externalContactId` of an adopted conversation's customer."""
    return _derived(f"{conversation_id}/contact")


def user_id(conversation_id: str) -> str:
    """The `userId` of an adopted conversation's agent."""
    return _derived(f"{conversation_id}/user")


def phone_number(conversation_id: str) -> str:
    """The `ani` and `address` of an adopted conversation's customer: `tel:+1` and ten digits."""
    # Area codes begin with 2 to 9.
    number = int(_derived(f"{conversation_id}/phone")[:8], 16)
    return f"tel:+1{2_000_000_000 + number}"


def _derived(name: str) -> str:
    # uuid.uuid5() by hand: a million rows need a million of them, and it takes three times as long.
    text = sha1(_NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"
