"""Verification: what was accepted is read back until it is stored, or the time is over."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

from batchpatch.errors import BatchpatchError
from batchpatch.sending.read_back import Group, Turns, Waiting, is_sampled
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from batchpatch.genesys.routes import Route
    from batchpatch.model import Patch, PatchOutcome
    from batchpatch.options.run import VerifyOptions
    from batchpatch.sending.compare import Reads
    from batchpatch.writes.kind import WriteKind

CONCURRENCY = 8


class Verifier:
    """Reads back what was accepted. Belongs to one event loop; any number of tasks may wait.

    The delays between reads grow, because a 202 is applied later. Patches that
    one read tells of share it (`WriteKind.read_key`), such as those of one conversation, and
    nothing runs but the callers themselves. Times are those of the loop's clock.
    """

    def __init__(
        self,
        reads: Reads,
        options: VerifyOptions,
        *,
        route: Route,
        kind: WriteKind = USUAL,
        concurrency: int = CONCURRENCY,
        read_s: float = inf,
    ) -> None:
        """Look for nothing yet.

        Args:
            reads: tell what participants have, by the keys of `kind`.
            options: what is read back, and for how long.
            route: the one that is written to.
            kind: what is written.
            concurrency: reads at once, at most.
            read_s: what one read may take.
        """
        self._reads = reads
        self._options = options
        self._route = route
        self._kind = kind
        self._read_s = read_s
        self._turns = Turns(concurrency)
        self._groups: dict[str, Group] = {}
        self._closed = False
        self._has_taken = False

    @property
    def reads(self) -> bool:
        """Something is to be read back."""
        return self._options.share > 0

    def wanted(self, patch: Patch) -> bool:
        """True where this patch belongs to the sample."""
        return is_sampled(patch, self._options.share)

    def takes(self, patch: Patch) -> bool:
        """True where this patch, which was accepted, is to be read back: the sample, and the first.

        Of a few participants a sample may hold none, and then nobody would have looked at all.
        """
        is_first, self._has_taken = self.reads and not self._has_taken, True
        return is_first or self.wanted(patch)

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
        key = self._kind.read_key(patch.conversation_id, patch.participant_id)
        group = self._groups.setdefault(key, Group(key))
        one = Waiting(
            patch,
            outcome,
            for_s=self._options.for_s,
            read_s=self._read_s,
            route=self._route,
            kind=self._kind,
        )
        group.join(one)
        try:
            if group.leader is not one:
                await one.called
            while one.verdict is None:
                await self._lead(group)
        finally:
            group.leave(one)
            if not group.members:
                del self._groups[key]
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
