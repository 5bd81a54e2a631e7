"""Paged lists of the platform, whose entries have an id and a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from batchpatch.genesys.query import ask, made_for, whole_body

if TYPE_CHECKING:
    from batchpatch.genesys.client import Answer
    from batchpatch.genesys.query import Caller


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
