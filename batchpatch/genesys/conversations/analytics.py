"""Analytics: the details of many conversations in one request."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from batchpatch.genesys.conversations.conversation import read_details
from batchpatch.genesys.conversations.single_flight import for_each
from batchpatch.genesys.query import ask, is_too_large, whole_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from batchpatch.genesys.conversations.conversation import Conversation
    from batchpatch.genesys.query import Caller
    from batchpatch.genesys.retry import Answer

_log = logging.getLogger(__name__)

DETAILS_PATH = "/api/v2/analytics/conversations/details"
PERMISSION = "analytics:conversationDetail:view"
"""Source: the official SDK's notes on this call."""
AT_ONCE = 4

_DENIED = (
    f"This token may not look conversations up in analytics (403): it lacks {PERMISSION},"
    " so each conversation takes a request of its own."
)

_REFUSED = (
    "Analytics refuses even one conversation at a time,"
    " so each conversation takes a request of its own."
)


class Details:
    """Looks conversations up in analytics. Whatever goes wrong, it only knows less."""

    def __init__(self, caller: Caller, *, batch: int) -> None:
        """`batch`: ids in one request. The platform's true maximum is unknown, so less is tried
        where this much is refused.
        """
        self._caller = caller
        self._batch = batch
        self._useless: str | None = None

    async def look_up(self, ids: Iterable[str]) -> dict[str, Conversation]:
        """What analytics knows of these conversations, by id. Raises what ends a run."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, Conversation] = {}

        async def take(some: Sequence[str]) -> None:
            await self._take(some, found)

        await for_each(_parts(wanted, self._batch), take, at_once=AT_ONCE)
        return found

    async def _take(self, ids: Sequence[str], found: dict[str, Conversation]) -> None:
        if self._useless:
            return
        if len(ids) > self._batch:  # less is asked for by now
            for part in _parts(ids, self._batch):
                await self._take(part, found)
            return
        # An encoded comma is one to every server that decodes its query.
        answer = await ask(self._caller, f"{DETAILS_PATH}?id={'%2C'.join(ids)}")
        body = whole_body(answer)
        if body is not None:
            known = read_details(body) or {}
            found.update((one, known[one]) for one in ids if one in known)
        elif _is_too_much(answer) and len(ids) > 1:
            self._batch = min(self._batch, (len(ids) + 1) // 2)
            _log.debug("analytics: %d ids are too many, trying %d", len(ids), self._batch)
            await self._take(ids, found)
        else:
            self._note_refusal(answer, ids)

    def _note_refusal(self, answer: Answer, ids: Sequence[str]) -> None:
        status = answer.reply.status if answer.reply else None
        _log.debug("analytics: %d ids not looked up, status %s", len(ids), status)
        if self._useless:
            return
        if status == 403:
            self._useless = _DENIED
        elif self._batch == 1 and _is_too_much(answer):
            self._useless = _REFUSED
        if self._useless:
            _log.warning("%s", self._useless)


def _is_too_much(answer: Answer) -> bool:
    """True where fewer ids may be answered.

    The platform's words for too many are unknown, so any 400 counts but the one for a value that
    is none of its ids; so does a URL or an answer that is too long.
    """
    reply = answer.reply
    if reply is None:
        return False
    if reply.status == 400:
        return reply.code != "invalid.value"
    return reply.status in (413, 414, 431) or is_too_large(reply)


def _parts(ids: Sequence[str], size: int) -> list[Sequence[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]
