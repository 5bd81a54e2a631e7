"""Matching: whether a participant is the one that is meant, and what becomes of the row. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.genesys.conversations.conversation import about_bytes
from batchpatch.genesys.hints import UNKNOWN_CONVERSATION
from batchpatch.model import CONVERSATION_ENDED, InvalidRow, Outcome, Row, RowContext

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.genesys.conversations.conversation import Conversation, Participant
    from batchpatch.genesys.conversations.reader import Unread
    from batchpatch.model import Criterion
    from batchpatch.options.read import Ambiguous, FindOptions

NO_STANDS_S = 60.0
"""So long "nobody fits" is believed of a conversation that goes on: someone may join it. Whoever
was found stays found, so that all rows of a run that say the same mean the same participant."""

_TOLD_BY_ANALYTICS = frozenset({"purpose", "userId", "externalContactId"})
_BLANK_BYTES = 300


class Known(NamedTuple):
    """One conversation, as far as it is needed."""

    conversation: Conversation | None
    """None where the platform does not know it."""
    names: frozenset[str] | None
    """Attributes that it was searched for; None where analytics has told of it."""
    since_s: float

    def settles(self, selector: Selector, now_s: float) -> bool:
        """True where this is enough to say who is meant, or that nobody is."""
        conversation = self.conversation
        if conversation is not None:
            if not self._can_tell(selector):
                return False
            if any(matches(one, selector) for one in conversation.participants):
                return True
            if conversation.ended:
                return True
            if self.names is None:
                return False
        return now_s - self.since_s <= NO_STANDS_S

    def about_bytes(self) -> int:
        """About the memory that it takes."""
        return _BLANK_BYTES if self.conversation is None else about_bytes(self.conversation)

    def _can_tell(self, selector: Selector) -> bool:
        if self.names is None:
            return analytics_tells([selector])
        return names_in([selector]) <= self.names


def analytics_tells(selectors: Iterable[Selector]) -> bool:
    """True where nothing is asked for that analytics does not tell."""
    return all(one.field in _TOLD_BY_ANALYTICS for selector in selectors for one in selector)


def names_in(selectors: Iterable[Selector]) -> frozenset[str]:
    """The attributes whose values are compared."""
    return frozenset(
        one.attribute for selector in selectors for one in selector if one.field == "match"
    )


def compact(conversation: Conversation, names: frozenset[str]) -> Conversation:
    """The conversation without the attributes that nobody asks for."""
    participants = tuple(_compact(one, names) for one in conversation.participants)
    return conversation._replace(participants=participants)


def _compact(participant: Participant, names: frozenset[str]) -> Participant:
    has = participant.attributes or {}
    return participant._replace(attributes={name: has[name] for name in names if name in has})


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


class Mismatch(NamedTuple):
    """Why a row's participant cannot be told. Holds no value, address or name."""

    code: str
    message: str
    hint: str
    outcome: Outcome = Outcome.INVALID
    """`unknown` where nobody could be asked: nothing is wrong with the row."""


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
) -> list[Participant] | Mismatch:
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


def _nobody(conversation: Conversation, selector: Selector) -> Mismatch:
    hint = " ".join(dict.fromkeys(_HINTS[criterion.field] for criterion in selector))
    count = len(conversation.participants)
    if not count:
        return Mismatch("participant_not_found", "the conversation has no participants", hint)
    who = (
        "its only participant does not fit"
        if count == 1
        else (f"none of its {count} participants fits")
    )
    return Mismatch("participant_not_found", f"{who}: {_purposes(conversation)}", hint)


def _purposes(conversation: Conversation) -> str:
    """`customer, agent 2`: each purpose once, with how many have it."""
    counts = Counter(
        one.purpose if _WORD.fullmatch(one.purpose) else "other"
        for one in conversation.participants
    )
    words = [name if count == 1 else f"{name} {count}" for name, count in counts.items()]
    more = len(words) - _MOST_SHOWN
    return ", ".join(words[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _several(fitting: list[Participant]) -> Mismatch:
    ids = ", ".join(one.id for one in fitting[:_MOST_SHOWN])
    more = len(fitting) - _MOST_SHOWN
    return Mismatch(
        "ambiguous_participant",
        f"{len(fitting)} participants fit: {ids}" + (f" and {more} more" if more > 0 else ""),
        "Say which with --ambiguous first, last or all: --ambiguous last is the one that joined "
        "last; or name more of what tells them apart, such as userId.",
    )


UNKNOWN = Mismatch(*UNKNOWN_CONVERSATION)

_BLANK = RowContext()
_ENDED = RowContext(ended=True)
_LIVE = RowContext(ended=False)

_HAS_ENDED = Mismatch(
    CONVERSATION_ENDED,
    "the conversation has ended, and --ended skip leaves such rows out",
    "What is written after the end does not reach analytics; --ended send writes it all the same.",
)


def settle(
    row: Row, conversation: Conversation | None, options: FindOptions
) -> list[Row] | Mismatch:
    """The row once for each participant that it means, next to each other.

    Args:
        row: one with a selector.
        conversation: the row's; None where the platform does not know it.
        options: what to do where several fit, or the conversation has ended.
    """
    if conversation is None:
        return UNKNOWN
    judged = with_end(row, conversation, options)
    if isinstance(judged, Mismatch):
        return judged
    selector = row.context.selector if row.context else ()
    chosen = choose(conversation, selector, options.ambiguous)
    if isinstance(chosen, Mismatch):
        return chosen
    return [judged._replace(participant_id=one.id) for one in chosen]


def with_end(row: Row, conversation: Conversation, options: FindOptions) -> Row | Mismatch:
    """The row, its participant no longer sought, with whether its conversation has ended."""
    if conversation.ended and options.ended == "skip":
        return _HAS_ENDED
    rest = (row.context or _BLANK)._replace(selector=(), skips=None, ended=conversation.ended)
    # That a conversation goes on is not worth a context of its own.
    context = None if rest == _LIVE else _ENDED if rest == _ENDED else rest
    return row._replace(context=context)


def not_looked_up(unread: Unread) -> Mismatch:
    """Why nobody knows who is meant. The row was not sent, and may work another time."""
    if unread.is_unknown:
        return UNKNOWN
    hint = f"The row was not sent: send it again. {unread.hint}"
    message = f"the look-up failed: {unread.message}"
    return Mismatch("lookup_failed", message, hint, Outcome.UNKNOWN)


def refused(row: Row, misfit: Mismatch) -> InvalidRow:
    """The row, which is not sent."""
    known_id = row.participant_id or None
    code, message, hint, outcome = misfit
    return InvalidRow(
        row.number,
        row.line,
        row.source,
        code,
        message,
        hint,
        row.conversation_id,
        known_id,
        outcome,
        row.id,
    )
