"""What is known of a conversation, and what that is good for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from batchpatch.finding.matching import matches
from batchpatch.genesys.conversations import about_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.finding.matching import Selector
    from batchpatch.genesys.conversations import Conversation, Participant

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
