"""Own writes: what this run itself has lately written, and reads may not show yet."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from batchpatch.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from batchpatch.model import Patch, PatchOutcome

RECENT_PARTICIPANTS = 20_000
BELIEVED_S = 60.0
"""How long the platform may take to apply what it has accepted, and the age of what was read."""


@dataclass(slots=True)
class _Written:
    """What was written to one participant, and since when reads show it."""

    at_s: float
    values: dict[str, str | None] = field(default_factory=dict)
    """None where nobody knows whether the last write took effect."""
    seen_s: dict[str, float] = field(default_factory=dict)
    """Until when a read had shown the last write applied: one that began later is believed."""
    _proving_s: dict[str, float] = field(default_factory=dict)
    """A read that shows the value proves the last write only if it began so late: an earlier one
    may show the same value of an earlier write."""

    def write(self, name: str, value: str | None) -> None:
        """See another write. As long as the one before it was not seen, nothing proves this one."""
        before = -inf if name not in self.values else self.seen_s.pop(name, inf)
        self.values[name], self._proving_s[name] = value, before

    def see(self, present: Mapping[str, str], *, began_s: float, now_s: float) -> None:
        """See what a read has shown that began at that time or later."""
        for name, value in self.values.items():
            proves = value is not None and began_s >= self._proving_s[name]
            if proves and present.get(name) == value:
                self.seen_s.setdefault(name, now_s)

    def unseen(self, began_s: float) -> dict[str, str]:
        """What such a read need not show yet."""
        return {
            name: value
            for name, value in self.values.items()
            if value is not None and began_s < self.seen_s.get(name, inf)
        }


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

    def __len__(self) -> int:
        """Participants in memory."""
        return len(self._written)

    def settled(self, patch: Patch, outcome: PatchOutcome) -> None:
        """Record how a patch that was sent has ended; again, when it has been verified."""
        if outcome.outcome is Outcome.UPDATED and outcome.verified:
            self._shown(patch)
        elif outcome.outcome is Outcome.UPDATED:
            self.accepted(patch)
        elif outcome.outcome is Outcome.NOT_STORED:
            self._forget(patch)
        elif _may_have_taken_effect(outcome):
            self._note(_participant(patch), dict.fromkeys(patch.attributes))

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
        self._note(_participant(patch), patch.attributes)

    def wrote(self, participant: tuple[str, str], values: Mapping[str, str]) -> None:
        """This run has written these to a participant (the conversation's id and its own)."""
        self._note(participant, values)

    def of(self, patch: Patch) -> Mapping[str, str | None]:
        """What was written to the patch's participant; None where that is in doubt."""
        written = self._current(_participant(patch))
        return written.values if written is not None else {}

    def overlay(
        self, patch: Patch, present: Mapping[str, str], *, began_s: float = -inf
    ) -> dict[str, str]:
        """What was read of the patch's participant, with what was accepted since on top.

        Args:
            patch: whose participant it is.
            present: what was read.
            began_s: by the clock, when the read began, or earlier. A read that began before a
                write was seen applied is not believed; one of unknown age never is.
        """
        written = self._current(_participant(patch))
        if written is None:
            return dict(present)
        unseen = written.unseen(began_s)
        written.see(present, began_s=began_s, now_s=self._clock())
        return {**present, **unseen}

    def now_s(self) -> float:
        """The time by the clock that `overlay` compares with."""
        return self._clock()

    def _current(self, participant: tuple[str, str]) -> _Written | None:
        written = self._written.get(participant)
        if written is None or self._clock() - written.at_s > self._believed_s:
            return None
        return written

    def _note(self, participant: tuple[str, str], values: Mapping[str, str | None]) -> None:
        written = self._current(participant) or _Written(0.0)
        for name, value in values.items():
            written.write(name, value)
        written.at_s = self._clock()
        self._written[participant] = written
        self._written.move_to_end(participant)
        if len(self._written) > self._participants:
            self._written.popitem(last=False)

    def _shown(self, patch: Patch) -> None:
        """Reading back has found what was written."""
        if (written := self._written.get(_participant(patch))) is not None:
            now_s = self._clock()
            written.seen_s.update(
                {name: now_s for name in patch.attributes if name in written.values}
            )

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
