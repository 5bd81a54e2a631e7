"""Patch -> outcome: one call, however many attempts it takes."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Protocol

import orjson

from batchpatch.genesys.hints import hint_for
from batchpatch.genesys.retry import OutcomeKind
from batchpatch.model import Outcome, PatchOutcome

if TYPE_CHECKING:
    from batchpatch.genesys.client import Answer
    from batchpatch.genesys.routes import Route
    from batchpatch.model import Patch


class Caller(Protocol):
    """The part of the client that sending needs."""

    async def call(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """Send a request until it is settled."""


class Sender:
    """Sends patches along one route."""

    def __init__(self, caller: Caller, route: Route) -> None:
        self._caller = caller
        self._route = route

    async def send(self, patch: Patch) -> PatchOutcome:
        """Send one patch until it is settled.

        The body's only key is `attributes`: a participant's state and wrap-up code change the
        call itself and are none of our business.

        Raises:
            BatchpatchError: what ends the whole run; the patch is then not settled.
        """
        began_s = monotonic()
        row = patch.rows[0]
        answer = await self._caller.call(
            "PATCH",
            self._route.path(row.conversation_id, row.participant_id),
            orjson.dumps({"attributes": patch.attributes}),
        )
        elapsed_s = monotonic() - began_s
        if answer.outcome_kind is OutcomeKind.ACCEPTED:
            reply = answer.reply
            status, correlation_id = (reply.status, reply.correlation_id) if reply else (None, None)
            return PatchOutcome(
                Outcome.UPDATED,
                status=status,
                correlation_id=correlation_id,
                attempts=answer.attempts,
                elapsed_s=elapsed_s,
            )
        return outcome_of(answer, route_name=self._route.name, elapsed_s=elapsed_s)


def outcome_of(answer: Answer, *, route_name: str, elapsed_s: float) -> PatchOutcome:
    """How a call that was not accepted reads in the report."""
    if answer.reply is not None:
        reply = answer.reply
        return PatchOutcome(
            Outcome.REJECTED,
            status=reply.status,
            code=reply.code,
            message=reply.message,
            hint=hint_for(reply, route_name=route_name),
            correlation_id=reply.correlation_id,
            attempts=answer.attempts,
            elapsed_s=elapsed_s,
        )
    failure = answer.failure
    return PatchOutcome(
        Outcome.UNKNOWN,
        code=f"no_answer.{failure.kind}" if failure else "no_answer",
        message=failure.message if failure else None,
        hint=hint_for(failure, route_name=route_name) if failure else None,
        attempts=answer.attempts,
        elapsed_s=elapsed_s,
    )
