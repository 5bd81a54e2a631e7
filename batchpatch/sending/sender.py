"""Patch -> outcome: one call, however many attempts it takes."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Protocol

import orjson

from batchpatch.genesys.retry import OutcomeKind
from batchpatch.model import Outcome, PatchOutcome
from batchpatch.sending.outcomes import outcome_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from batchpatch.genesys.client import Answer
    from batchpatch.genesys.routes import Route
    from batchpatch.model import Patch


class PatchCaller(Protocol):
    """The part of the client that sending needs."""

    async def call(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """Send a request until it is settled."""


class Sender:
    """Sends patches along one route."""

    def __init__(self, caller: PatchCaller, route: Route) -> None:
        self._caller = caller
        self._route = route

    def call(self, patch: Patch) -> Awaitable[Answer]:
        """The call that sends a patch until it is settled; no frame of ours lies between.

        The body's only key is `attributes`: a participant's state and wrap-up code change the
        call itself and are none of our business.
        """
        row = patch.rows[0]
        return self._caller.call(
            "PATCH",
            self._route.path(row.conversation_id, row.participant_id),
            orjson.dumps({"attributes": patch.attributes}),
        )

    def outcome(self, answer: Answer, elapsed_s: float) -> PatchOutcome:
        """What the answer to a patch comes to, `elapsed_s` after its call began."""
        if answer.outcome_kind is OutcomeKind.ACCEPTED and (reply := answer.reply) is not None:
            return PatchOutcome(
                Outcome.UPDATED,
                status=reply.status,
                correlation_id=reply.correlation_id,
                attempts=answer.attempts,
                elapsed_s=elapsed_s,
            )
        return outcome_of(answer, route_name=self._route.name, elapsed_s=elapsed_s)

    async def send(self, patch: Patch) -> PatchOutcome:
        """Send one patch until it is settled.

        Raises:
            BatchpatchError: what ends the whole run; the patch is then not settled.
        """
        began_s = monotonic()
        answer = await self.call(patch)
        return self.outcome(answer, monotonic() - began_s)
