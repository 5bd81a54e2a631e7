"""The sender: patch -> outcome in one call, however many attempts that takes.

And the explainer: what a refusal that may mean several things does mean, by one read more.
"""

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

    from batchpatch.genesys.conversations.conversation import Communication
    from batchpatch.genesys.retry import Answer
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


EXPLAINED = frozenset({404, 409})
"""Statuses of a PATCH that may mean several things."""
ENOUGH = 5
"""So many reads in a row that explain nothing: it is the route that does not exist."""


class Explainer:
    """Tells an unknown conversation from a participant that is not in it, or that has left.

    It costs a read per conversation, shared by its rows, and gives up for good where reading is
    not permitted or where it keeps finding everything in its place.
    """

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._in_vain = 0

    async def explain(self, patch: Patch, outcome: PatchOutcome) -> PatchOutcome:
        """The outcome with a code, a message and a hint that say more, where more can be said.

        Raises:
            BatchpatchError: what ends the whole run; a missing permission to read does not.
        """
        if outcome.status not in EXPLAINED or self._in_vain >= ENOUGH:
            return outcome
        try:
            found = await self._reads.read(patch.conversation_id, max_age_s=READ_AGE_S)
        except AccessError:
            self._in_vain = ENOUGH
            return outcome
        verdict = outcomes.diagnose(patch, outcome.status, found)
        self._in_vain = 0 if verdict else self._in_vain + 1
        return outcomes.explained(outcome, verdict) if verdict else outcome
