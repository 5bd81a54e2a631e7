"""The delivery of one patch: compared before it leaves, recorded, sent, explained, verified."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, Protocol

from batchpatch.genesys.conversations.reader import ParticipantReads
from batchpatch.genesys.subject import concern
from batchpatch.model import SENT_SINGLY, UPDATED, Delivery, PatchOutcome, took_no_effect
from batchpatch.sending import outcomes
from batchpatch.sending.compare import (
    Conflict,
    Send,
    compare,
    conflict_entry,
    expected_of,
    look_at,
    with_end,
    without_absent,
)
from batchpatch.sending.own_writes import OwnWrites
from batchpatch.sending.sender import Explainer
from batchpatch.writes.kind import MergeRule
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from batchpatch.formats.undo_line import ConflictEntry, UndoEntry
    from batchpatch.genesys.conversations.reader import ConversationReads
    from batchpatch.genesys.query import Caller
    from batchpatch.model import Patch
    from batchpatch.options.run import Safeguards
    from batchpatch.sending.compare import Reads
    from batchpatch.sending.sender import Sender
    from batchpatch.sending.verify import Verifier
    from batchpatch.writes.kind import WriteKind

BEFORE_AGE_S = 2.0
"""Rows of one conversation share a read that is not older; a guard that narrows a race is of no
use with one that is."""


def reads_for(kind: WriteKind, caller: Caller, conversations: ConversationReads) -> Reads:
    """What tells of the present: the reads of conversations, or those of the kind's own."""
    if kind.resource is None:
        return conversations
    return ParticipantReads(caller, path=kind.resource.path, parse=kind.resource.parse)


_STOPPED = "the run was stopped before that"
"""Why a row among others of its patch was not read back: its neighbours' lines say what they got,
so that it has one as well."""


class BeforeImages(Protocol):
    """The part of the undo log that sending needs."""

    async def add(
        self, patch: Patch, before: Mapping[str, str | None], *, refused: int | None = None
    ) -> None:
        """Keep what a patch is about to overwrite; on disk when it returns.

        `refused`: the number of the merged patch of which it is a row, where that wrote nothing.
        """


class _Ready(NamedTuple):
    """A patch that is about to leave."""

    patch: Patch
    before: Mapping[str, str | None] | None
    """What it overwrites, as recorded to be undone; None where that is not wanted."""


class Deliverer:
    """Takes patches from the window to their outcome."""

    def __init__(
        self,
        sender: Sender,
        reads: Reads,
        *,
        safeguards: Safeguards,
        undo: BeforeImages,
        verifier: Verifier,
        split: Callable[[Patch], list[Patch]],
        kind: WriteKind = USUAL,
        conversations: Reads | None = None,
        tell_conflict: Callable[[ConflictEntry], None] | None = None,
    ) -> None:
        """Deliver nothing yet.

        Args:
            sender: takes patches to the platform.
            reads: tell what participants have, by the keys of `kind`.
            safeguards: what is looked at beside the request itself.
            undo: where what is overwritten is kept.
            verifier: looks whether what was accepted is stored.
            split: a merged patch row by row.
            kind: what is written.
            conversations: explain refusals; None where `reads` are of conversations.
            tell_conflict: gets the values of what is not sent because it has changed since.
        """
        self._tell_conflict = tell_conflict
        self._sender = sender
        self._reads = reads
        self._safeguards = safeguards
        self._undo = undo
        self._verifier = verifier
        self._split = split
        self._kind = kind
        self._plain = kind.plain and not (safeguards.reads_first or safeguards.verify.share)
        """Nothing is read before a patch is sent, nor after; but its rows may ask for it."""
        self._recent = OwnWrites()
        self._explainer = Explainer(conversations or reads)
        self._may_read = False
        self._trying = asyncio.Lock()

    def remember(self, entries: Iterable[UndoEntry]) -> None:
        """See what earlier processes of this run were about to write: it is nobody else's."""
        for entry in entries:
            participant = entry.conversation_id, entry.participant_id
            self._recent.remember(participant, entry.written)

    async def deliver(self, patch: Patch) -> Delivery:
        """Send a patch, where it is still to be sent; the delivery says what is to be done next.

        Hot: a patch of which nothing is to be known first goes straight to the call.

        Raises:
            BatchpatchError: what ends the whole run; the patch is then not settled.
        """
        part, before = patch, None
        rows = patch.rows
        alone = len(rows) == 1
        special = rows[0].context is not None if alone else any(row.context for row in rows)
        if special or not self._plain:
            ready = await self._prepared(patch)
            if isinstance(ready, Delivery):
                return ready
            part, before = ready
        began_s = monotonic()
        answer = await self._sender.call(part)
        outcome = self._sender.outcome(answer, monotonic() - began_s)
        if self._plain and outcome.outcome is UPDATED:
            return Delivery(patch, [(part, outcome)])
        outcome = await self._judged(part, outcome)
        if outcome.status in SENT_SINGLY and len(patch.rows) > 1:
            no = took_no_effect(outcome.outcome, outcome.status, outcome.attempts)
            refused = part.number if no else None
            parts = [part async for part in self._one_by_one(_Ready(part, before), refused)]
            return Delivery(patch, parts)
        return self._delivered(patch, part, outcome)

    def _delivered(self, patch: Patch, part: Patch, outcome: PatchOutcome) -> Delivery:
        """What has come back of the whole of a patch: to be verified, or done."""
        wanted = outcome.outcome is UPDATED and self._verifier.takes(part)
        return Delivery(patch, [(part, outcome)], to_verify=wanted)

    async def _try_reading(self, patch: Patch) -> None:
        """Find out before the first PATCH whether what is to be verified may be read at all.

        Raises:
            AccessError: it may not.
        """
        async with self._trying:
            if not self._may_read:
                await look_at(self._reads, patch, max_age_s=BEFORE_AGE_S, kind=self._kind)
                self._may_read = True

    async def _one_by_one(
        self, whole: _Ready, refused: int | None
    ) -> AsyncIterator[tuple[Patch, PatchOutcome]]:
        """The rows of a merged patch; of each only what was found to differ.

        `refused`: its number, where it cannot have written anything.
        """
        before = dict(whole.before or {})
        for row in self._split(whole.patch):
            part = row._replace(attributes=self._still_wanted(row, whole.patch))
            wanted = part.attributes
            if not wanted:
                yield part, outcomes.unchanged(self._kind)
                continue
            if whole.before is not None:
                await self._undo.add(part, before, refused=refused)
            concern(part)
            outcome = await self._judged(part, await self._sender.send(part))
            if outcome.outcome is UPDATED:
                before.update(wanted)
            delivery = self._delivered(part, part, outcome)
            if delivery.to_verify:  # here and now: the next one may overwrite it
                delivery = await self.verify(delivery)
                part, outcome = delivery.parts[0]
                if outcome.verified is None and outcome.unverified is None:
                    outcome = outcomes.unverified(outcome, _STOPPED)
                yield part, outcome
            else:
                yield part, outcome

    def _still_wanted(self, row: Patch, whole: Patch) -> dict[str, str]:
        """Of a row's own, what the comparison with the platform has left to send."""
        if self._kind.merge is MergeRule.WHOLE:
            return row.attributes
        return {n: v for n, v in row.attributes.items() if n in whole.attributes}

    async def verify(self, delivery: Delivery) -> Delivery:
        """Look whether what was accepted is stored; takes as long as the platform does."""
        ((part, outcome),) = delivery.parts
        verified = await self._verifier.verify(part, outcome)
        if self._safeguards.reads_first:
            self._recent.settled(part, verified)
        return Delivery(delivery.patch, [(part, verified)])

    def close(self) -> None:
        """Look for nothing more: what was accepted stays accepted."""
        self._verifier.close()

    async def _prepared(self, patch: Patch) -> _Ready | Delivery:
        """The patch as it is to leave, its values before on disk; or settled, if it does not."""
        if not self._may_read and self._verifier.reads:
            await self._try_reading(patch)
        planned = expected_of(patch)
        before: Mapping[str, str | None] | None = planned
        # What a plan does not know of, such as --set, would be lost to an undo: read it.
        beyond = planned is not None and not patch.attributes.keys() <= planned.keys()
        if self._safeguards.reads_first or beyond:
            compared = await self._compared(patch, planned)
            if isinstance(compared, Delivery):
                return compared
            patch, before = compared
        if (refused := self._kind.refuse(patch.attributes)) is not None:
            return Delivery(patch, [(patch, outcomes.refused(refused))])
        if not self._safeguards.keep_before and planned is None:
            before = None
        if before is not None:
            await self._undo.add(patch, before)
        return _Ready(patch, before)

    async def _compared(
        self, patch: Patch, expected: Mapping[str, str | None] | None
    ) -> _Ready | Delivery:
        began_s = self._recent.now_s() - BEFORE_AGE_S
        seen = await look_at(self._reads, patch, max_age_s=BEFORE_AGE_S, kind=self._kind)
        if isinstance(seen, PatchOutcome):
            return Delivery(patch, [(patch, seen)])
        present = self._recent.overlay(patch, seen.attributes, began_s=began_s)
        verdict = compare(
            patch,
            present,
            expected=expected,
            guard=self._safeguards.guard,
            skip_unchanged=self._safeguards.skip_unchanged,
            own=self._recent.of(patch),
            earlier=self._recent.earlier(patch),
            kind=self._kind,
        )
        if isinstance(verdict, Conflict) and self._tell_conflict is not None:
            self._tell_conflict(conflict_entry(patch, verdict.names, expected or {}, present))
        sent = verdict.attributes if isinstance(verdict, Send) else {}
        part = without_absent(patch, {*present, *sent})
        if not isinstance(verdict, Send):
            return Delivery(patch, [(part, verdict.outcome)])
        noted = with_end(part, seen.conversation)
        return _Ready(noted._replace(attributes=verdict.attributes), verdict.before)

    async def _judged(self, patch: Patch, outcome: PatchOutcome) -> PatchOutcome:
        """The outcome, remembered where that is of use, and explained where it was refused."""
        if self._safeguards.reads_first:
            self._recent.settled(patch, outcome)
        if outcome.outcome is UPDATED:
            return outcome
        return await self._explainer.explain(patch, outcome)
