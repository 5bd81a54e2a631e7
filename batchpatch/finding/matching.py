"""Whether a participant is the one that is meant. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from batchpatch.finding.options import Ambiguous
    from batchpatch.genesys.conversations import Conversation, Participant
    from batchpatch.model import Criterion

Selector = tuple["Criterion", ...]

_SCHEME = re.compile(r"(?:tel|sips?):", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,29}")
_MOST_SHOWN = 5

_HINTS = {
    "purpose": (
        "Name a purpose that it has; in some outbound and web conversations the customer is"
        " external."
    ),
    "externalContactId": "A participant has one only once a contact was assigned to it.",
    "userId": "Only agents and users have one, from the moment at which they are offered it.",
    "address": "Numbers are compared by their digits, so write them with the country code.",
    "match": "The attribute's name and value must be exactly those that the participant has.",
}


class Misfit(NamedTuple):
    """Why a row's participant cannot be told. Holds no value, address or name."""

    code: str
    message: str
    hint: str


def matches(participant: Participant, selector: Selector) -> bool | None:
    """True where all criteria fit; None where this source cannot tell, as analytics cannot of
    attributes and addresses.
    """
    answers = [_fits(participant, criterion) for criterion in selector]
    if False in answers:
        return False
    return None if None in answers else True


def choose(
    conversation: Conversation, selector: Selector, ambiguous: Ambiguous
) -> list[Participant] | Misfit:
    """The participants to send to, in order of joining, or why there are none.

    The source must be one that can tell: what it cannot tell counts as no fit.
    """
    fitting = [one for one in conversation.participants if matches(one, selector)]
    if not fitting:
        return _nobody(conversation, selector)
    if len(fitting) == 1 or ambiguous == "all":
        return fitting
    if ambiguous == "refuse":
        return _several(fitting)
    return fitting[:1] if ambiguous == "first" else fitting[-1:]


def plain_address(text: str) -> str:
    """An address as it is compared: no scheme, case or spaces; of a number, its digits alone.

    The plus goes as well: a spreadsheet drops it from a cell that looks like a number.
    """
    bare = _SCHEME.sub("", "".join(text.split()), count=1).casefold()
    if "@" in bare or any(char.isalpha() for char in bare):
        return bare
    return "".join(char for char in bare if char.isdecimal())


def _fits(participant: Participant, criterion: Criterion) -> bool | None:
    field, value, attribute = criterion
    if field == "purpose":
        return _same(participant.purpose.casefold(), value.strip().casefold())
    if field == "userId":
        return _same(participant.user_id, _plain_id(value))
    if field == "externalContactId":
        return _same(participant.external_contact_id, _plain_id(value))
    if participant.attributes is None:
        return None
    if field == "address":
        wanted = plain_address(value)
        return any(_same(plain_address(one), wanted) for one in participant.addresses)
    return participant.attributes.get(attribute) == value


def _same(has: str, wanted: str) -> bool:
    """An empty text is one that is not told, and fits nothing."""
    return bool(wanted) and has == wanted


def _plain_id(text: str) -> str:
    bare = text.strip().lower()
    return bare[1:-1] if bare.startswith("{") and bare.endswith("}") else bare


def _nobody(conversation: Conversation, selector: Selector) -> Misfit:
    hint = " ".join(dict.fromkeys(_HINTS[criterion.field] for criterion in selector))
    count = len(conversation.participants)
    if not count:
        return Misfit("participant_not_found", "the conversation has no participants", hint)
    who = (
        "its only participant does not fit"
        if count == 1
        else (f"none of its {count} participants fits")
    )
    return Misfit("participant_not_found", f"{who}: {_purposes(conversation)}", hint)


def _purposes(conversation: Conversation) -> str:
    """`customer, agent 2`: each purpose once, with how many have it."""
    counts = Counter(
        one.purpose if _WORD.fullmatch(one.purpose) else "other"
        for one in conversation.participants
    )
    words = [name if count == 1 else f"{name} {count}" for name, count in counts.items()]
    more = len(words) - _MOST_SHOWN
    return ", ".join(words[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _several(fitting: list[Participant]) -> Misfit:
    ids = ", ".join(one.id for one in fitting[:_MOST_SHOWN])
    more = len(fitting) - _MOST_SHOWN
    return Misfit(
        "ambiguous_participant",
        f"{len(fitting)} participants fit: {ids}" + (f" and {more} more" if more > 0 else ""),
        "Say which with --ambiguous first, last or all, or name more of what tells them apart.",
    )


UNKNOWN = Misfit(
    "unknown_conversation",
    "the platform does not know this conversation",
    "Check the id: a draft or mistyped one, or one of another region or another organisation,"
    " is not known here.",
)
