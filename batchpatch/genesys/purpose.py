"""What a request is made for, so that the counts of a run can tell."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchpatch.options.send import RetryPolicy


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


def fitting(policy: RetryPolicy) -> RetryPolicy:
    """The policy for what is made at this moment: what verifies looks again by itself, in time."""
    return policy._replace(retries=0) if _purpose.get() == "verifications" else policy
