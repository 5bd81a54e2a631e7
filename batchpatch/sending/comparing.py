"""What is still to be sent, given what the participant has. Pure."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.model import Outcome
from batchpatch.sending import verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from batchpatch.model import Patch, PatchOutcome, Row

RECENT_PARTICIPANTS = 20_000
BELIEVED_S = 60.0
"""How long the platform may take to apply what it has accepted, and the age of what was read."""


class Send(NamedTuple):
    """These attributes are to be sent."""

    attributes: dict[str, str]
    """Never empty."""
    before: dict[str, str | None]
    """What each of them is at present; None where it is absent."""


class Unchanged(NamedTuple):
    """All is as asked already."""

    @property
    def outcome(self) -> PatchOutcome:
        """How the patch is settled."""
        return verdicts.unchanged()


class Unplanned(NamedTuple):
    """A guard has nothing to compare with: no plan says what is expected."""

    names: tuple[str, ...]
    """The attributes of which it says nothing."""

    @property
    def outcome(self) -> PatchOutcome:
        """How the patch is settled."""
        return verdicts.unplanned(self.names)


class Conflict(NamedTuple):
    """Somebody else has changed what is to be overwritten."""

    names: tuple[str, ...]
    """The attributes that are not as expected."""

    @property
    def outcome(self) -> PatchOutcome:
        """How the patch is settled."""
        return verdicts.conflict(self.names)


def compare(
    patch: Patch,
    present: Mapping[str, str],
    *,
    expected: Mapping[str, str | None] | None,
    guard: bool,
    skip_unchanged: bool,
    own: Mapping[str, str | None] | None = None,
    earlier: Mapping[str, Collection[str]] | None = None,
) -> Send | Unchanged | Conflict | Unplanned:
    """Decide what to do with a patch.

    With `guard` or `skip_unchanged` an attribute that is as asked already is not sent, and so
    cannot conflict. For that, a blank is as good as no attribute: where `""` is asked for and
    there is none, nothing is sent, because sending would create an attribute that the platform
    cannot delete again (and an undo of a write that never took place has nothing to blank).
    Without either option it is sent as asked, and everywhere else absent and `""` differ.

    Args:
        patch: what is asked for.
        present: the participant's attributes, this run's own writes on top (`Recent.overlay`).
        expected: what a plan or an undo found there, None for absent; see `expected_of`.
        guard: where another value than the expected one would be overwritten, it is a conflict.
        skip_unchanged: send only what differs.
        own: what this run has lately written there itself (`Recent.of`). Such a value is nobody
            else's change; one that is None, in doubt, is sent whatever was read.
        earlier: what an earlier process of the run may have written (`Recent.earlier`).
    """
    own = own or {}
    skips = guard or skip_unchanged
    attributes = {
        name: value
        for name, value in patch.attributes.items()
        if not (skips and _is_as_asked(present.get(name), value)) or _in_doubt(name, own)
    }
    if not attributes:
        return Unchanged()
    before = {name: present.get(name) for name in attributes}
    if guard and (unknown := [name for name in attributes if name not in (expected or {})]):
        return Unplanned(tuple(unknown))
    if guard and expected:
        foreign = tuple(
            name
            for name, value in before.items()
            if name in expected
            and value != expected[name]
            and not _is_own(name, value, own)
            and value not in (earlier or {}).get(name, ())
            and not any(_allows(row, name, value) for row in patch.rows)
        )
        if foreign:
            return Conflict(foreign)
    return Send(attributes, before)


def expected_of(patch: Patch) -> dict[str, str | None] | None:
    """What the plan of these rows saw before any of them; None where no row is of a plan.

    The first row that names an attribute wins: where a later one names it too, it may expect what
    the first has set, and that is not there yet.
    """
    expected: dict[str, str | None] | None = None
    for row in patch.rows:
        if row.note is not None and row.note.before is not None:
            expected = {**row.note.before, **(expected or {})}
    return expected


def _is_as_asked(present: str | None, wanted: str) -> bool:
    return (present or "") == wanted


def _allows(row: Row, name: str, value: str | None) -> bool:
    """True for the other value that an undo takes for the run's own."""
    others = row.note.or_before if row.note is not None else None
    return others is not None and value is not None and others.get(name) == value


def _in_doubt(name: str, own: Mapping[str, str | None]) -> bool:
    return name in own and own[name] is None


def _is_own(name: str, present: str | None, own: Mapping[str, str | None]) -> bool:
    return name in own and own[name] in (None, present)


class _Written(NamedTuple):
    values: dict[str, str | None]
    """None where nobody knows whether the last write took effect."""
    at_s: float


class Recent:
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
