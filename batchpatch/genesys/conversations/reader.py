"""Reads of conversations: single flights with a memory, or many through analytics.

Everything that reads shares one `ConversationReads`: finding, planning, comparing and verifying
ask about the same conversations, and each request is taken from the same allowance.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from batchpatch.errors import AccessError
from batchpatch.genesys.conversations.analytics import Details
from batchpatch.genesys.conversations.conversation import (
    Conversation,
    Participant,
    about_bytes,
    read_conversation,
)
from batchpatch.genesys.conversations.single_flight import LruCache, SingleFlight
from batchpatch.genesys.hints import UNKNOWN_CONVERSATION
from batchpatch.genesys.purpose import made_for
from batchpatch.genesys.query import Caller, ask, is_too_large, whole_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from batchpatch.genesys.replies import Reply
    from batchpatch.genesys.retry import Answer

__all__ = ["PERMISSION", "Caller", "ConversationReads", "Unread"]

PERMISSION = "conversation:communication:view"
"""Source: the official SDK's notes on GET conversation. Writing attributes asks for none."""

_MOST_KEPT = 10_000
_KEPT_BYTES = 64 * 1024 * 1024
# Of answers that may be about one conversation's division alone; see `DenialBuffer` in sending.
_ENOUGH_DENIALS = 5

_WITHOUT = (
    "to do without, name participants by id, and leave out"
    " --verify, --guard, --skip-unchanged and --keep-before."
)

_DIVISION_HINT = (
    f"Give the OAuth client's role {PERMISSION} in this conversation's division as well."
)

_AGAIN_HINT = "Nothing is wrong with the row as far as is known: send it again later."


class Unread(NamedTuple):
    """Why a conversation could not be read."""

    code: str
    """For whoever reads it: that of `UNKNOWN_CONVERSATION`; `unreadable` for any other final
    refusal, or an answer that is no conversation; or `no_answer`."""
    status: int | None
    """HTTP status; None where no answer came."""
    message: str
    """In words; holds nothing of the conversation."""
    hint: str
    """What the user can do."""
    correlation_id: str | None = None
    is_unknown: bool = False
    """The platform knows no such conversation; else nothing is known of it."""


class SharedReads:
    """Single-flight reads with a memory. Belongs to one event loop; any task may ask."""

    def __init__(self, caller: Caller, *, kept: int, clock: Callable[[], float]) -> None:
        self._caller = caller
        self._clock = clock
        self._flights: SingleFlight[Conversation | Unread] = SingleFlight(self._fetch)
        self._kept: LruCache[tuple[float, Conversation]] = LruCache(kept, most_bytes=_KEPT_BYTES)
        self._allowed = False
        self._denials = 0
        self._denied: str | None = None

    def _path(self, key: str) -> str:
        """Where to read it."""
        raise NotImplementedError

    def _parsed(self, key: str, body: bytes) -> Conversation | None:
        """What the answer tells; None where it is no answer to that."""
        raise NotImplementedError

    async def read(
        self, key: str, /, *, max_age_s: float | None = None, fresh: bool = False
    ) -> Conversation | Unread:
        """Read who is there and what they have.

        Callers who ask while a read is under way share it; one that is cancelled leaves the
        others theirs. An age is counted from the beginning of a read, waiting for the quota
        included, so whoever has written at a certain moment gets what was read after it with
        `max_age_s` = the seconds since.

        Args:
            key: what is read; of a conversation, its canonical id.
            max_age_s: seconds; what was read that recently may be answered from memory. None is
                what nothing but a read under way serves.
            fresh: the read must begin after this call; takes no regard of `max_age_s`.

        Raises:
            AccessError: the token may read no conversation at all. No further request is made.
            BatchpatchError: whatever else ends a run, see `GenesysClient.call`.
        """
        if self._denied is not None:
            raise AccessError(self._denied)
        if max_age_s is not None and not fresh:
            kept = self._kept.get(key)
            if kept is not None and self._clock() - kept[0] <= max_age_s:
                return kept[1]
        with made_for("verifications" if fresh else "reads"):
            return await self._flights.join(key, fresh=fresh)

    async def _fetch(self, key: str) -> Conversation | Unread:
        began_s = self._clock()
        answer = await ask(self._caller, self._path(key))
        self._judge_access(answer.reply)
        body = whole_body(answer)
        if body is None:
            return _refusal(answer)
        found = self._parsed(key, body)
        if found is None:
            return _nonsense(answer, "the answer is not what was asked for")
        self._kept.put(key, (began_s, found), about_bytes=about_bytes(found))
        return found

    def _judge_access(self, reply: Reply | None) -> None:
        """Tell a token that may read nothing from one conversation that it may not read.

        A 403 names the permission that is missing, or else is about the conversation's division,
        and then it takes several of them, and nothing allowed, to be about the token.
        """
        if reply is None or self._allowed:
            return
        if reply.status in (401, 403):
            self._denials += 1
            if _is_of_the_token(reply) or self._denials >= _ENOUGH_DENIALS:
                self._denied = _sentence(reply)
                raise AccessError(self._denied)
        # Whoever is told that there is no such thing was allowed to ask.
        elif 200 <= reply.status < 300 or reply.status == 404:
            self._allowed = True


class ConversationReads(SharedReads):
    """Reads conversations of one organisation. Belongs to one event loop; any task may ask."""

    def __init__(
        self,
        caller: Caller,
        *,
        lookup_batch: int = 100,
        kept: int = _MOST_KEPT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Send nothing yet.

        Args:
            caller: the client.
            lookup_batch: ids in one request to analytics, at least 1.
            kept: conversations that are remembered, at most; fewer where they are large.
            clock: monotonic, in seconds.
        """
        super().__init__(caller, kept=kept, clock=clock)
        self._details = Details(caller, batch=lookup_batch)

    async def look_up(self, ids: Iterable[str]) -> dict[str, Conversation]:
        """What analytics knows of these conversations, without attributes and addresses.

        Many ids take one request. An id is left out where analytics does not know it, does not
        answer, or may not be asked: the answer is never wrong, and may be empty. It may be old:
        analytics lags behind what goes on.

        Raises:
            BatchpatchError: what ends a run, see `GenesysClient.call`.
        """
        with made_for("lookups"):
            return await self._details.look_up(ids)

    def _path(self, key: str) -> str:
        return f"/api/v2/conversations/{quote(key, safe='')}"

    def _parsed(self, key: str, body: bytes) -> Conversation | None:
        found = read_conversation(body)
        return found if found is not None and found.id == key else None


def _is_of_the_token(reply: Reply) -> bool:
    code = reply.code or ""
    return reply.status == 401 or (code.startswith("missing.") and "division" not in code)


def _sentence(reply: Reply) -> str:
    if reply.status == 401:
        return (
            f"The platform does not accept this token for reading a conversation (401); {_WITHOUT}"
        )
    return (
        f"This token may not read conversations (403): the permission {PERMISSION}"
        f" is missing, add it to a role of the OAuth client; {_WITHOUT}"
    )


def _refusal(answer: Answer) -> Unread:
    reply, failure = answer.reply, answer.failure
    if reply is None:
        return Unread("no_answer", None, failure.message if failure else "no answer", _AGAIN_HINT)
    if is_too_large(reply):
        return _nonsense(answer, "the conversation is too large to be read")
    if 200 <= reply.status < 300:
        message = "the answer broke off"
        return Unread("no_answer", reply.status, message, _AGAIN_HINT, reply.correlation_id)
    # A 400 on a path that holds nothing but an id is about the id.
    if reply.status in (400, 404):
        told = UNKNOWN_CONVERSATION
        about = reply.status, told.message, told.hint, reply.correlation_id
        return Unread(told.code, *about, is_unknown=True)
    message = f"the conversation could not be read ({reply.status} {reply.code or ''}".rstrip()
    hint = _DIVISION_HINT if reply.status in (401, 403) else _AGAIN_HINT
    return Unread("unreadable", reply.status, f"{message})", hint, reply.correlation_id)


def _nonsense(answer: Answer, message: str) -> Unread:
    reply = answer.reply
    status, correlation_id = (reply.status, reply.correlation_id) if reply else (None, None)
    return Unread("unreadable", status, message, _AGAIN_HINT, correlation_id)


class ParticipantReads(SharedReads):
    """Reads of what one participant has, by a path of its own.

    A key is the conversation's id, a slash and the participant's. What is told of others in the
    conversation, and of whether it has ended, is nothing.
    """

    def __init__(
        self,
        caller: Caller,
        *,
        path: Callable[[str], str],
        parse: Callable[[bytes, str], dict[str, str] | None],
    ) -> None:
        """Send nothing yet.

        Args:
            caller: the client.
            path: of a key.
            parse: the body of an answer and the participant's id to what it has; None where it is
                no such answer.
        """
        super().__init__(caller, kept=_MOST_KEPT, clock=time.monotonic)
        self._path_of = path
        self._parse = parse

    def _path(self, key: str) -> str:
        return self._path_of(key)

    def _parsed(self, key: str, body: bytes) -> Conversation | None:
        conversation_id, _, participant_id = key.partition("/")
        has = self._parse(body, participant_id)
        if has is None:
            return None
        one = Participant(participant_id, "", "", "", (), has, left=False)
        return Conversation(conversation_id, (one,), ended=False)
