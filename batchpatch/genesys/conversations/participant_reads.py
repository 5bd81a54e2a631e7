"""Reads of what one participant has, for what the conversation's own read does not tell."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from batchpatch.genesys.conversations.conversation import Conversation, Participant
from batchpatch.genesys.conversations.reader import SharedReads

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.genesys.query import Caller


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
        kept: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Send nothing yet.

        Args:
            caller: the client.
            path: of a key.
            parse: the body of an answer and the participant's id to what it has; None where it is
                no such answer.
            kept: participants that are remembered, at most.
            clock: monotonic, in seconds.
        """
        super().__init__(caller, kept=kept, clock=clock)
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
