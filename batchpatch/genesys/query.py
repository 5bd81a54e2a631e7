"""Queries: requests whose answer's body is wanted, repeated until it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from batchpatch.genesys.http import DATA_BODY_BYTES
from batchpatch.genesys.retry import OutcomeKind

if TYPE_CHECKING:
    from batchpatch.genesys.client import Answer
    from batchpatch.genesys.replies import Reply
    from batchpatch.options.send import RetryPolicy


# The client takes an answer as final once its status is heard. A body that breaks off three times
# in a row is no accident.
_TIMES = 3


class Caller(Protocol):
    """The part of the client that reading needs."""

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        body_limit_bytes: int = ...,
        policy: RetryPolicy | None = None,
    ) -> Answer:
        """Send a request until its answer is final."""


async def ask(caller: Caller, path: str, policy: RetryPolicy | None = None) -> Answer:
    """GET a path, again where the body of the answer broke off. Raises as the client does."""
    answer = await caller.call("GET", path, body_limit_bytes=DATA_BODY_BYTES, policy=policy)
    for _ in range(_TIMES - 1):
        if not _broke_off(answer):
            break
        answer = await caller.call("GET", path, body_limit_bytes=DATA_BODY_BYTES, policy=policy)
    return answer


def whole_body(answer: Answer) -> bytes | None:
    """The body of an answer 2xx; None for any other answer, and for half a body."""
    reply = answer.reply
    if answer.outcome_kind is not OutcomeKind.ACCEPTED or reply is None:
        return None
    return reply.body if reply.whole else None


def is_too_large(reply: Reply) -> bool:
    """True where the body goes on beyond what is read."""
    return not reply.whole and len(reply.body) >= DATA_BODY_BYTES


def _broke_off(answer: Answer) -> bool:
    reply = answer.reply
    accepted = answer.outcome_kind is OutcomeKind.ACCEPTED
    return accepted and reply is not None and not reply.whole and not is_too_large(reply)
