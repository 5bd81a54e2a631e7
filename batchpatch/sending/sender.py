"""The sender: patch -> outcome in one call, however many attempts that takes."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Protocol

from batchpatch.errors import AccessError
from batchpatch.genesys.conversations.conversation import Conversation
from batchpatch.model import PatchOutcome
from batchpatch.sending import outcomes
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from batchpatch.genesys.client import Answer
    from batchpatch.genesys.conversations.conversation import Communication
    from batchpatch.genesys.routes import Route
    from batchpatch.model import Patch
    from batchpatch.sending.compare import Reads
    from batchpatch.writes.kind import WriteKind


READ_AGE_S = 60.0
"""A conversation is read once for all its rows, which mostly stand near each other."""


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
        self._body = kind.bare_body if route.bare else kind.body

    def call(self, patch: Patch) -> Awaitable[Answer | PatchOutcome]:
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

    def outcome(self, answer: Answer | PatchOutcome, elapsed_s: float) -> PatchOutcome:
        """What the answer to a patch comes to, `elapsed_s` after its call began."""
        if isinstance(answer, PatchOutcome):
            return answer
        return outcomes.outcome_of(answer, route=self._route, elapsed_s=elapsed_s)

    async def send(self, patch: Patch) -> PatchOutcome:
        """Send one patch until it is settled.

        Raises:
            BatchpatchError: what ends the whole run; the patch is then not settled.
        """
        began_s = monotonic()
        answer = await self.call(patch)
        return self.outcome(answer, monotonic() - began_s)


class CommunicationSender(Sender):
    """Sends patches to communications, which a read of the conversation finds.

    That read is shared by all rows of a conversation. Who has had several communications is sent
    to the latest of them.
    """

    def __init__(
        self,
        caller: PatchCaller,
        route: Route,
        kind: WriteKind = USUAL,
        *,
        conversations: Reads,
    ) -> None:
        """`route` has a gap for the communication."""
        super().__init__(caller, route, kind)
        self._conversations = conversations

    def call(self, patch: Patch) -> Awaitable[Answer | PatchOutcome]:
        """Likewise; how the patch is settled where there is nowhere to send it."""
        return self._call(patch)

    async def _call(self, patch: Patch) -> Answer | PatchOutcome:
        try:
            found = await self._conversations.read(patch.conversation_id, max_age_s=READ_AGE_S)
        except AccessError as error:
            raise AccessError(
                f"--route {self._route.name} reads conversations; --route {self._route.otherwise} "
                f"does not. {error}"
            ) from None
        if not isinstance(found, Conversation):
            return outcomes.unread(found)
        participant = found.participant(patch.participant_id)
        if participant is None:
            return outcomes.not_in_conversation(found)
        if not participant.communications:
            return outcomes.no_communication(self._route)
        return await self._send_to(participant.communications[-1], patch)

    def _send_to(self, one: Communication, patch: Patch) -> Awaitable[Answer]:
        ids = patch.conversation_id, patch.participant_id
        path = self._route.communication_path(*ids, one.media, one.id)
        return self._caller.call(self._method, path, self._body(patch.attributes))


def sender_for(
    caller: PatchCaller, route: Route, kind: WriteKind, *, conversations: Reads
) -> Sender:
    """What sends along that route."""
    if route.of_communication:
        return CommunicationSender(caller, route, kind, conversations=conversations)
    return Sender(caller, route, kind)
