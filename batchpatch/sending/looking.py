"""What is there before anything is sent: the participant of a patch, or why it cannot be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from batchpatch.genesys.conversations import Conversation, Participant
from batchpatch.sending import verdicts

if TYPE_CHECKING:
    from batchpatch.model import Patch, PatchOutcome
    from batchpatch.sending.verifying import Reads


class Seen(NamedTuple):
    """A participant that was found in its conversation."""

    conversation: Conversation
    participant: Participant

    @property
    def attributes(self) -> dict[str, str]:
        """What the participant has."""
        return self.participant.attributes or {}


async def look_at(reads: Reads, patch: Patch, *, max_age_s: float) -> Seen | PatchOutcome:
    """Read the participant of a patch; how the patch is settled where that is not possible.

    Args:
        reads: of the conversations.
        patch: whose participant it is.
        max_age_s: a read that began so long ago will do.

    Raises:
        AccessError: the token may read no conversation.
    """
    conversation = await reads.read(patch.conversation_id, max_age_s=max_age_s)
    if not isinstance(conversation, Conversation):
        return verdicts.unread(conversation)
    participant = conversation.participant(patch.participant_id)
    if participant is None:
        return verdicts.not_in_conversation(conversation)
    return Seen(conversation, participant)
