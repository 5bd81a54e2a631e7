"""The purpose of a request: what it is made for, so that the counts of a run can tell.

Only who asks knows it, and only the client counts: so the one tells the other by a context
variable, which holds for whatever is called within.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from batchpatch.genesys.replies import NoReply
from batchpatch.genesys.subject import subject_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.genesys.replies import Reply
    from batchpatch.options.run import RetryPolicy

Purpose = Literal["patches", "reads", "lookups", "verifications", "other"]

_purpose: ContextVar[Purpose | None] = ContextVar("purpose", default=None)


@contextmanager
def made_for(purpose: Purpose) -> Iterator[None]:
    """What is called within, by this task and those that it starts, is made for that."""
    token = _purpose.set(purpose)
    try:
        yield
    finally:
        _purpose.reset(token)


def purpose_of(method: str) -> Purpose:
    """What a request is made for at this moment; where nobody has said so, by its method."""
    return _purpose.get() or ("other" if method == "GET" else "patches")


def looks_again() -> bool:
    """True for what verifies: whoever has asked for it looks again by itself, and not for ever."""
    return _purpose.get() == "verifications"


class Asked(NamedTuple):
    """What a call has asked for, as whoever judges its failures needs it."""

    purpose: Purpose
    url: str
    reads: bool
    """It changes nothing."""

    def log_fields(self, event: str, answer: Reply | NoReply) -> dict[str, Any]:
        """What a log for programs says of an attempt, beside the words: `extra` of a record."""
        status = answer.kind if isinstance(answer, NoReply) else answer.status
        told = {"purpose": self.purpose, "status": status, **subject_fields(self.url)}
        return {"event": event, "fields": told}


def fitting(policy: RetryPolicy) -> RetryPolicy:
    """The policy for what is made at this moment."""
    return policy._replace(retries=0) if looks_again() else policy
