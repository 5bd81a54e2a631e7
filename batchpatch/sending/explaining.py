"""The explainer: what a refusal that may mean several things does mean, by one read more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import AccessError
from batchpatch.sending import outcomes

if TYPE_CHECKING:
    from batchpatch.model import Patch, PatchOutcome
    from batchpatch.sending.compare import Reads

EXPLAINED = frozenset({404, 409})
"""Statuses of a PATCH that may mean several things."""
READ_AGE_S = 60.0
ENOUGH = 5
"""So many reads in a row that explain nothing: it is the route that does not exist."""


class Explainer:
    """Tells an unknown conversation from a participant that is not in it, or that has left.

    It costs a read per conversation, shared by its rows, and gives up for good where reading is
    not permitted or where it keeps finding everything in its place.
    """

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._in_vain = 0

    async def explain(self, patch: Patch, outcome: PatchOutcome) -> PatchOutcome:
        """The outcome with a code, a message and a hint that say more, where more can be said.

        Raises:
            BatchpatchError: what ends the whole run; a missing permission to read does not.
        """
        if outcome.status not in EXPLAINED or self._in_vain >= ENOUGH:
            return outcome
        try:
            found = await self._reads.read(patch.conversation_id, max_age_s=READ_AGE_S)
        except AccessError:
            self._in_vain = ENOUGH
            return outcome
        verdict = outcomes.diagnose(patch, outcome.status, found)
        self._in_vain = 0 if verdict else self._in_vain + 1
        return outcomes.explained(outcome, verdict) if verdict else outcome
