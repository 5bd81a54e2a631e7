"""Patch -> outcome: one call, however many attempts it takes."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Protocol

from batchpatch.sending.outcomes import outcome_of
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from batchpatch.genesys.client import Answer
    from batchpatch.genesys.routes import Route
    from batchpatch.model import Patch, PatchOutcome
    from batchpatch.writes.kind import WriteKind


class PatchCaller(Protocol):
    """The part of the client that sending needs."""

    async def call(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """Send a request until it is settled."""


class Sender:
    """Sends patches along one route."""

    def __init__(self, caller: PatchCaller, route: Route, kind: WriteKind = USUAL) -> None:
        self._caller = caller
        self._route = route
        self._method = route.method
        self._body = kind.body

    def call(self, patch: Patch) -> Awaitable[Answer]:
        """The call that sends a patch until it is settled; no frame of ours lies between.

        The body's only key is the kind's own: what else a participant's path takes, such as its
        state, changes the call itself and is none of our business.
        """
        row = patch.rows[0]
        return self._caller.call(
            self._method,
            self._route.path(row.conversation_id, row.participant_id),
            self._body(patch.attributes),
        )

    def outcome(self, answer: Answer, elapsed_s: float) -> PatchOutcome:
        """What the answer to a patch comes to, `elapsed_s` after its call began."""
        return outcome_of(answer, route=self._route, elapsed_s=elapsed_s)

    async def send(self, patch: Patch) -> PatchOutcome:
        """Send one patch until it is settled.

        Raises:
            BatchpatchError: what ends the whole run; the patch is then not settled.
        """
        began_s = monotonic()
        answer = await self.call(patch)
        return self.outcome(answer, monotonic() - began_s)
