"""Queries: requests whose body is wanted, repeated until it is whole; and lists, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import orjson

from batchpatch.genesys.http import DATA_BODY_BYTES
from batchpatch.genesys.purpose import looks_again, made_for
from batchpatch.genesys.retry import OutcomeKind

if TYPE_CHECKING:
    from batchpatch.genesys.replies import Reply
    from batchpatch.genesys.retry import Answer
    from batchpatch.options.run import RetryPolicy

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
    for _ in range(0 if looks_again() else _TIMES - 1):
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


PAGE_SIZE = 100
"""The most that such calls give at once. Source: the official SDK."""


_MOST_PAGES = 10_000


class Unlisted(NamedTuple):
    """Why a list could not be read."""

    status: int | None
    """HTTP status; None where no answer came."""
    message: str

    @property
    def denied(self) -> bool:
        """The token lacks the permission, and will not get it while it lives."""
        return self.status in (401, 403)


async def read_names(caller: Caller, path: str) -> dict[str, str] | Unlisted:
    """Read all pages of a list: names by id, in the order of the platform.

    Raises:
        BatchpatchError: what ends a run, see `GenesysClient.call`.
    """
    names: dict[str, str] = {}
    with made_for("lookups"):
        for number in range(1, _MOST_PAGES + 1):
            answer = await ask(caller, f"{path}?pageSize={PAGE_SIZE}&pageNumber={number}")
            body = whole_body(answer)
            page = None if body is None else read_page(body)
            if page is None:
                return _refusal(answer)
            entries, pages = page
            names.update(entries)
            if not entries or number >= pages:
                break
    return names


def read_page(body: bytes) -> tuple[dict[str, str], int] | None:
    """Names by id, and how many pages there are; None where it is no page of a list."""
    try:
        document = orjson.loads(body)
        pages = document.get("pageCount", 1)
        entries = {
            one["id"].strip().lower(): one["name"]
            for one in document["entities"]
            if isinstance(one["name"], str)
        }
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None
    return (entries, pages) if isinstance(pages, int) else None


def _refusal(answer: Answer) -> Unlisted:
    reply = answer.reply
    if reply is None:
        return Unlisted(None, answer.failure.message if answer.failure else "no answer")
    if 200 <= reply.status < 300:
        return Unlisted(reply.status, "the answer is no list")
    return Unlisted(reply.status, f"{reply.status} {reply.code or ''}".rstrip())
