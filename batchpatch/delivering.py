"""One patch on its way: looked at before it leaves, noted, sent, and looked for afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.genesys.conversations import Conversation
from batchpatch.model import Outcome, PatchOutcome
from batchpatch.sending import verdicts
from batchpatch.sending.access import Delivery
from batchpatch.sending.comparing import Recent, Send, compare, expected_of
from batchpatch.sending.explaining import Explainer

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.genesys.reads import ConversationReads
    from batchpatch.model import Patch
    from batchpatch.recording.undo import UndoLog
    from batchpatch.sending.safeguards import Safeguards
    from batchpatch.sending.sender import Sender
    from batchpatch.sending.verifying import Verifier

BEFORE_AGE_S = 2.0
"""Rows of one conversation share a read that is not older; a guard that narrows a race is of no
use with one that is."""
SPLIT = frozenset({400, 413})
"""A merged PATCH refused so is sent again row by row: one bad row must not sink the others."""


class Deliverer:
    """Takes patches from the window to their outcome."""

    def __init__(
        self,
        sender: Sender,
        reads: ConversationReads,
        *,
        safeguards: Safeguards,
        undo: UndoLog,
        verifier: Verifier,
        split: Callable[[Patch], list[Patch]],
    ) -> None:
        self._sender = sender
        self._reads = reads
        self._safeguards = safeguards
        self._undo = undo
        self._verifier = verifier
        self._split = split
        self._recent = Recent()
        self._explainer = Explainer(reads)

    async def deliver(self, patch: Patch) -> Delivery:
        """Send a patch, where it is still to be sent.

        Raises:
            BatchpatchError: what ends the whole run; the patch is then not settled.
        """
        ready = await self._prepared(patch)
        if isinstance(ready, PatchOutcome):
            return Delivery(patch, [(patch, ready)])
        outcome = await self._send(ready)
        if outcome.status not in SPLIT or len(patch.rows) == 1:
            return Delivery(patch, [(ready, outcome)])
        parts = [(part, await self._send_part(part, ready)) for part in self._split(patch)]
        return Delivery(patch, parts)

    async def _send_part(self, part: Patch, whole: Patch) -> PatchOutcome:
        """One row of a merged patch; only what was found to differ, and is noted to be undone."""
        part = part._replace(
            attributes={n: v for n, v in part.attributes.items() if n in whole.attributes}
        )
        if not part.attributes:
            return verdicts.unchanged()
        outcome = await self._send(part)
        # Looked for before the next one may overwrite it.
        return await self._verified(part, outcome) if self._wanted(part, outcome) else outcome

    def to_verify(self, delivery: Delivery) -> bool:
        """True where `verify` would look."""
        if len(delivery.parts) > 1:
            return False
        return self._wanted(*delivery.parts[0])

    async def verify(self, delivery: Delivery) -> Delivery:
        """Look whether what was accepted is stored; takes as long as the platform does."""
        ((patch, outcome),) = delivery.parts
        return Delivery(delivery.patch, [(patch, await self._verified(patch, outcome))])

    def _wanted(self, patch: Patch, outcome: PatchOutcome) -> bool:
        return outcome.outcome is Outcome.UPDATED and self._verifier.wanted(patch)

    async def _verified(self, patch: Patch, outcome: PatchOutcome) -> PatchOutcome:
        verified = await self._verifier.verify(patch, outcome)
        if self._safeguards.reads_first:
            self._recent.settled(patch, verified)
        return verified

    def close(self) -> None:
        """Look for nothing more: what was accepted stays accepted."""
        self._verifier.close()

    async def _prepared(self, patch: Patch) -> Patch | PatchOutcome:
        """The patch as it is to leave, its values before on disk; or why it does not."""
        planned = before = expected_of(patch)
        if self._safeguards.reads_first:
            verdict = await self._compared(patch)
            if isinstance(verdict, PatchOutcome):
                return verdict
            before = verdict.before
            patch = patch._replace(attributes=verdict.attributes)
        if before is not None and (self._safeguards.keep_before or planned is not None):
            await self._undo.add(patch, before)
        return patch

    async def _compared(self, patch: Patch) -> Send | PatchOutcome:
        conversation = await self._reads.read(patch.conversation_id, max_age_s=BEFORE_AGE_S)
        if not isinstance(conversation, Conversation):
            return verdicts.unread(conversation)
        participant = conversation.participant(patch.participant_id)
        if participant is None:
            return verdicts.not_in_conversation(conversation)
        verdict = compare(
            patch,
            self._recent.overlay(patch, participant.attributes or {}),
            expected=expected_of(patch),
            guard=self._safeguards.guard,
            skip_unchanged=self._safeguards.skip_unchanged,
            own=self._recent.of(patch),
        )
        return verdict if isinstance(verdict, Send) else verdict.outcome

    async def _send(self, patch: Patch) -> PatchOutcome:
        outcome = await self._sender.send(patch)
        if self._safeguards.reads_first:
            self._recent.settled(patch, outcome)
        return await self._explainer.explain(patch, outcome)
