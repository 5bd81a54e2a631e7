"""The steps, what is done with a patch: a run sends, a plan compares. All else is the same."""

from __future__ import annotations

from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Protocol

from batchpatch.formats.plan_line import PlanLine
from batchpatch.model import Change, Delivery, Outcome, Patch, PatchOutcome
from batchpatch.sending.compare import Send, compare, look_at
from batchpatch.sending.denials import DenialBuffer
from batchpatch.sending.outcomes import not_allowed
from batchpatch.sending.own_writes import OwnWrites
from batchpatch.sending.sender import READ_AGE_S
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.recording.plan_file import PlanWriter
    from batchpatch.sending.compare import Reads, Seen
    from batchpatch.sending.delivery import Deliverer
    from batchpatch.writes.kind import WriteKind


class Step(Protocol):
    """What a patch takes between the queue and its lines. Belongs to one event loop."""

    sends: bool
    """Something reaches the platform, so that it may be too late for it."""

    async def take(self, patch: Patch) -> Delivery:
        """Do with a patch what is to be done; the delivery says what is to be done next.

        Raises:
            BatchpatchError: what ends the whole run; the patch has then no line.
        """

    async def verify(self, delivery: Delivery) -> Delivery:
        """Look whether what was accepted is stored, for deliveries that are `to_verify`."""

    def recordable(self, delivery: Delivery) -> list[Delivery]:
        """The deliveries that may be recorded now that this one is there, in order.

        Raises:
            BatchpatchError: what ends the whole run; this one has then no line.
        """

    def remaining(self) -> list[Delivery]:
        """Those that are still held back, and are to be recorded at the end all the same."""

    def stop(self) -> None:
        """Begin nothing new, and verify no more: what was accepted stays accepted."""

    def close(self) -> None:
        """Nothing comes any more, whatever was begun: a task may have been cancelled before its
        first step."""


class SendStep:
    """Sends patches; until anything is allowed it holds refusals of the token back."""

    sends = True

    def __init__(self, deliverer: Deliverer) -> None:
        # Bound, not wrapped: one await more would be paid by every row.
        self.take = deliverer.deliver
        self.verify = deliverer.verify
        self.stop = deliverer.close
        self._denials = DenialBuffer()
        self.recordable = self._denials.judge
        self.remaining = self._denials.release

    def close(self) -> None:
        """Nothing is held."""


PLANNED_PARTICIPANTS = 500_000
"""Of whom it is remembered what earlier lines of the plan will have written; some 300 MB."""
SHOWN = 20


class PlanStep:
    """Writes a plan: its lines leave in the order of the patches, each before its rows' results.

    A result bears the number of lines that the plan had with it, in the place of a patch's number:
    so a plan that was killed can be cut to what its results know of.
    """

    sends = False

    def __init__(
        self,
        reads: Reads,
        file: PlanWriter,
        *,
        organisation: str,
        region: str,
        kind: WriteKind = USUAL,
        choices: Reads | None = None,
    ) -> None:
        """`file` may hold lines of an earlier process already; see `remember`.

        `choices` tell what participants may be given; None where that is not to be checked.
        """
        self._choices = choices
        self._kind = kind
        self._reads = reads
        self._file = file
        self._organisation = organisation
        self._region = region
        # Nothing of it reaches the platform, so no read will ever show it.
        self._own = OwnWrites(believed_s=inf, participants=PLANNED_PARTICIPANTS)
        self._planned: dict[int, tuple[PlanLine, Change]] = {}
        """By number of the patch: what is to be written, and shown."""
        self._early: dict[int, Delivery] = {}
        """Deliveries that came back before an earlier one."""
        self._last = self.lines = file.lines
        """Numbers of the last patch whose turn it was, and of the last line."""
        self.ended = 0
        """Lines of conversations that have ended."""
        self.changes: list[Change] = []
        """Those of the first lines, in their order."""
        self.names: dict[str, str] = {}
        """Of what participants may be given: names by id."""

    def remember(self, lines: Iterable[PlanLine]) -> None:
        """See the lines that an earlier process has written: later rows stand on top of them."""
        rest = iter(lines)
        for line in islice(rest, SHOWN):
            self._remember(line)
            who = line.conversation_id, line.participant_id, ""
            self.changes.append(Change(*who, dict(line.before), dict(line.attributes)))
        for line in rest:
            self._remember(line)

    def _remember(self, line: PlanLine) -> None:
        self._own.wrote((line.conversation_id, line.participant_id), line.attributes)
        self.ended += "ended" in line.flags

    async def take(self, patch: Patch) -> Delivery:
        """Compare; what differs is a line to come. Raises AccessError."""
        seen = await look_at(self._reads, patch, max_age_s=READ_AGE_S, kind=self._kind)
        if isinstance(seen, PatchOutcome):
            return Delivery(patch, [(patch, seen)])
        verdict = compare(
            patch,
            self._own.overlay(patch, seen.attributes),
            expected=None,
            guard=False,
            skip_unchanged=True,
            kind=self._kind,
        )
        if not isinstance(verdict, Send):
            return Delivery(patch, [(patch, verdict.outcome)])
        if (refused := await self._refused(patch)) is not None:
            return Delivery(patch, [(patch, refused)])
        self._own.accepted(patch)
        self._plan(patch, verdict, seen)
        return Delivery(patch, [(patch, PatchOutcome(Outcome.PLANNED))])

    async def _refused(self, patch: Patch) -> PatchOutcome | None:
        """Why the participant may not be given this, or nobody knows whether it may."""
        if self._choices is None:
            return None
        seen = await look_at(self._choices, patch, max_age_s=READ_AGE_S, kind=self._kind)
        if isinstance(seen, PatchOutcome):
            return seen
        self.names.update(seen.attributes)
        error = self._kind.refuse_choice(patch.attributes, seen.attributes)
        return None if error is None else not_allowed(error)

    def _plan(self, patch: Patch, verdict: Send, seen: Seen) -> None:
        who = patch.conversation_id, patch.participant_id, seen.participant.purpose
        line = PlanLine(
            conversation_id=patch.conversation_id,
            participant_id=patch.participant_id,
            attributes=verdict.attributes,
            before=verdict.before,
            organisation=self._organisation,
            key=self._kind.key,
            region=self._region,
            flags=("ended",) if seen.conversation.ended else (),
        )
        self._planned[patch.number] = line, Change(*who, verdict.before, verdict.attributes)

    async def verify(self, delivery: Delivery) -> Delivery:
        """Nothing was sent, so there is nothing to look for."""
        return delivery

    def recordable(self, delivery: Delivery) -> list[Delivery]:
        """Those whose turn it is, their lines written. Raises RecordError."""
        self._early[delivery.patch.number] = delivery
        ready = []
        while (following := self._early.pop(self._last + 1, None)) is not None:
            self._last += 1
            if (planned := self._planned.pop(self._last, None)) is not None:
                self._add(*planned)
            ready.append(_numbered(following, self.lines))
        if self._file.lines < self.lines:
            self._file.flush()
        return ready

    def _add(self, line: PlanLine, change: Change) -> None:
        self._file.add(line)
        self.lines += 1
        self.ended += "ended" in line.flags
        if len(self.changes) < SHOWN:
            self.changes.append(change)

    def remaining(self) -> list[Delivery]:
        """None: behind one that was cut off, all are planned anew when the plan is resumed."""
        return []

    def stop(self) -> None:
        """Reads end by themselves."""

    def close(self) -> None:
        """The file is closed with the output."""


def _numbered(delivery: Delivery, number: int) -> Delivery:
    parts = [(part._replace(number=number), outcome) for part, outcome in delivery.parts]
    return delivery._replace(parts=parts)
