"""Own writes: what this run itself has lately written, and reads may not show yet."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from batchpatch.model import Patch, PatchOutcome


RECENT_PARTICIPANTS = 20_000


BELIEVED_S = 60.0
"""How long the platform may take to apply what it has accepted, and the age of what was read."""


class _Written(NamedTuple):
    values: dict[str, str | None]
    """None where nobody knows whether the last write took effect."""
    at_s: float


class OwnWrites:
    """What this run has itself written lately, for as long as a read may not show it yet.

    A 202 is applied later, and a conversation may have been read before it. Comparing a second
    patch with such a read would skip it wrongly, or see a conflict where there is none. After
    `believed_s` the platform is believed again, so that the changes of others are seen. The
    participants least recently written are forgotten first; what is forgotten is only compared
    less well.
    """

    def __init__(
        self,
        *,
        participants: int = RECENT_PARTICIPANTS,
        believed_s: float = BELIEVED_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._participants = participants
        self._believed_s = believed_s
        self._clock = clock
        self._written: OrderedDict[tuple[str, str], _Written] = OrderedDict()
        self._earlier: dict[tuple[str, str], dict[str, set[str]]] = {}
        self._believed: dict[tuple[str, str], frozenset[str]] = {}
        """Attributes of which a read has shown what was written: what it shows since is so."""

    def __len__(self) -> int:
        """Participants in memory."""
        return len(self._written)

    def settled(self, patch: Patch, outcome: PatchOutcome) -> None:
        """Take note of how a patch that was sent has ended; again, when it has been verified."""
        if outcome.outcome is Outcome.UPDATED and outcome.verified:
            self._shown(patch, patch.attributes)
        elif outcome.outcome is Outcome.UPDATED:
            self.accepted(patch)
        elif outcome.outcome is Outcome.NOT_STORED:
            self._forget(patch)
        elif _may_have_taken_effect(outcome):
            self._note(patch, dict.fromkeys(patch.attributes))

    def remember(self, participant: tuple[str, str], written: Mapping[str, str]) -> None:
        """What an earlier process of this run was about to write, and may have written.

        `participant` is the conversation's id and its own.
        """
        earlier = self._earlier.setdefault(participant, {})
        for name, value in written.items():
            earlier.setdefault(name, set()).add(value)

    def earlier(self, patch: Patch) -> Mapping[str, Collection[str]]:
        """Values that an earlier process may have written to the patch's participant."""
        return self._earlier.get(_participant(patch), {})

    def accepted(self, patch: Patch) -> None:
        """The platform has accepted these attributes."""
        self._note(patch, patch.attributes)

    def of(self, patch: Patch) -> Mapping[str, str | None]:
        """What was written to the patch's participant; None where that is in doubt."""
        written = self._written.get(_participant(patch))
        if written is None or self._clock() - written.at_s > self._believed_s:
            return {}
        return written.values

    def overlay(self, patch: Patch, present: Mapping[str, str]) -> dict[str, str]:
        """What was read of the patch's participant, with what was accepted since on top."""
        own = self.of(patch)
        self._shown(patch, [name for name in own if present.get(name) == own[name]])
        believed = self._believed.get(_participant(patch), frozenset())
        unseen = {n: v for n, v in own.items() if v is not None and n not in believed}
        return {**present, **unseen}

    def _note(self, patch: Patch, values: Mapping[str, str | None]) -> None:
        self._written[_participant(patch)] = _Written({**self.of(patch), **values}, self._clock())
        self._written.move_to_end(_participant(patch))
        if believed := self._believed.get(_participant(patch)):
            self._believed[_participant(patch)] = believed - values.keys()
        if len(self._written) > self._participants:
            forgotten, _ = self._written.popitem(last=False)
            self._believed.pop(forgotten, None)

    def _shown(self, patch: Patch, names: Collection[str]) -> None:
        who = _participant(patch)
        if names and who in self._written:
            self._believed[who] = self._believed.get(who, frozenset()) | frozenset(names)

    def _forget(self, patch: Patch) -> None:
        if (written := self._written.get(_participant(patch))) is not None:
            for name in patch.attributes:
                written.values.pop(name, None)


def _may_have_taken_effect(outcome: PatchOutcome) -> bool:
    """True unless nothing was sent, or the one answer that there was is a clear no."""
    return outcome.attempts > 1 or (
        outcome.attempts == 1 and (outcome.status is None or outcome.status >= 500)
    )


def _participant(patch: Patch) -> tuple[str, str]:
    return patch.conversation_id, patch.participant_id
