"""Whether what was accepted is stored: read back until it is there, or the time is over."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from batchpatch.errors import BatchpatchError, SettingsError
from batchpatch.sending.readback import is_sampled
from batchpatch.sending.waiting import Group, Waiting

if TYPE_CHECKING:
    from batchpatch.genesys.conversations import Conversation
    from batchpatch.genesys.reads import Unread
    from batchpatch.genesys.routes import Route
    from batchpatch.model import Patch, PatchOutcome

CONCURRENCY = 8
_LONGEST_S = 86_400.0


class Reads(Protocol):
    """The part of the reader of conversations that sending needs."""

    async def read(
        self, conversation_id: str, *, max_age_s: float | None = None, fresh: bool = False
    ) -> Conversation | Unread:
        """The conversation as it is, or why it could not be read. Raises AccessError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """What is read back, and for how long."""

    share: float = 0.0
    """Of the participants: 0 is none, 1 is all, 0.05 a sample."""
    for_s: float = 30.0
    """Seconds after the platform accepted a write in which it has to become readable."""

    def __post_init__(self) -> None:
        if not (0 <= self.share <= 1 and 0 <= self.for_s <= _LONGEST_S):
            raise SettingsError("--verify takes a share up to 100%, and --verify-for up to a day.")


def parse_verify(text: str) -> float:
    """`100%`, or a sample such as `5%`, as a share from 0 to 1.

    Raises:
        SettingsError: it is neither.
    """
    number = text.strip()
    with suppress(ValueError):
        if number.endswith("%") and 0 <= (percent := float(number[:-1])) <= 100:
            return percent / 100
    raise SettingsError(f"--verify {text!r}: write a share such as 5%, or 100% for all.")


class Verifier:
    """Reads back what was accepted. Belongs to one event loop; any number of tasks may wait.

    The delays between reads grow, because a 202 is applied later. Patches of one conversation
    share each read, so the number of reads follows that of conversations, and nothing runs but
    the callers themselves. Times are those of the loop's clock.
    """

    def __init__(
        self,
        reads: Reads,
        options: VerifyOptions,
        *,
        route: Route,
        concurrency: int = CONCURRENCY,
    ) -> None:
        """`route` is the one that is written to; `concurrency`, the reads at once, at most."""
        self._reads = reads
        self._options = options
        self._route = route
        self._turns = asyncio.Semaphore(concurrency)
        self._groups: dict[str, Group] = {}
        self._closed = False

    @property
    def waiting(self) -> int:
        """Patches that wait for their verdict."""
        return sum(len(group.members) for group in self._groups.values())

    def wanted(self, patch: Patch) -> bool:
        """True where this patch is to be read back."""
        return is_sampled(patch, self._options.share)

    async def verify(self, patch: Patch, outcome: PatchOutcome) -> PatchOutcome:
        """Wait until what was just accepted can be read, or the time is over.

        Returns:
            The outcome with `verified` true; or `not_stored`, by the last read that succeeded;
            or the outcome as it was, where no read did (with a hint) or after `close`.

        Raises:
            AccessError: these credentials may not read.
            BatchpatchError: what else ends the whole run.
        """
        if self._closed:
            return outcome
        group = self._groups.setdefault(patch.conversation_id, Group(patch.conversation_id))
        one = Waiting(patch, outcome, for_s=self._options.for_s, route=self._route)
        group.join(one)
        try:
            if group.leader is not one:
                await one.called
            while one.verdict is None:
                await self._lead(group)
        finally:
            group.leave(one)
            if not group.members:
                del self._groups[patch.conversation_id]
        if isinstance(one.verdict, BatchpatchError):
            raise one.verdict
        return one.verdict

    def close(self) -> None:
        """Look for nothing more: whoever waits gets the outcome that it came with, at once."""
        self._closed = True
        for group in self._groups.values():
            group.close()

    async def _lead(self, group: Group) -> None:
        if (due_s := group.due_s()) > asyncio.get_running_loop().time():
            await group.sleep(due_s)
        else:
            await group.look(self._reads, self._turns)
