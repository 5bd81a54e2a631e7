"""The rate limiter: a permit for each attempt, first come first served.

A permit is taken for each attempt, whatever its purpose, and released with its answer. It names the
token to use, because the allowance is counted by token. Whether one more may start is asked of
meters with the same interface: `wait_s(now_s)` until one may start, `started(now_s)` when it does.
A token's quota is one, what refusals tell of other limits is another; this module is the waiting
around them. Where the user has named a rate for the process, a turn of that cap comes first.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from contextlib import suppress
from random import random as any_random
from typing import TYPE_CHECKING

from batchpatch.genesys.rate_limit.rate_cap import RateCap
from batchpatch.genesys.rate_limit.refusals import Refusal, Refusals
from batchpatch.genesys.rate_limit.token_pool import TokenPool
from batchpatch.genesys.rate_limit.token_slots import Permit, QuotaOptions
from batchpatch.genesys.replies import NoReply, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchpatch.genesys.account.tokens import TokenSource
    from batchpatch.genesys.rate_limit.pace import Allowance
    from batchpatch.genesys.rate_limit.shared_limit import Passed
    from batchpatch.options.run import Rate

# A token more is minted for a wait longer than this: shorter ones end with the next answer.
_WORTH_A_TOKEN_S = 1.5


class RateLimiter:
    """Hands out permits. Belongs to one event loop."""

    def __init__(
        self,
        sources: Sequence[TokenSource],
        options: QuotaOptions,
        *,
        clock: Callable[[], float],
        cap: Rate | None = None,
        random: Callable[[], float] = any_random,
        patience_s: float = math.inf,
    ) -> None:
        """One token slot for each source.

        Args:
            sources: at least one.
            options: of each token's quota.
            clock: monotonic, in seconds.
            cap: of the whole process.
            random: in [0, 1).
            patience_s: how long nothing but 429s may come: the last try is made then.
        """
        self.pool = TokenPool(sources, options, clock=clock, on_change=self._pump)
        self.refusals = Refusals(
            self.pool.slots,
            clock=clock,
            random=random,
            on_change=self._pump,
            patience_s=patience_s,
        )
        self._cap = None if cap is None else RateCap(cap)
        self._clock = clock
        self._waiters: deque[asyncio.Future[Permit | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._moved_s = clock()
        """When a request left or was answered last."""
        self._due_s = math.inf
        """When the timer is."""

    @property
    def wait_s(self) -> float:
        """Seconds for which nothing may leave: 0 where nobody waits, infinite for a token."""
        return self._wait_s(self._clock())

    def _wait_s(self, now_s: float) -> float:
        if not self._waiters:
            return 0.0
        wait_s = max(self.pool.wait_s(now_s), self.refusals.wait_s(now_s))
        if wait_s == math.inf and self._timer is not None:
            # Their token has run out meanwhile: they are let go when the timer is due, and mint.
            return max(0.0, self._due_s - now_s)
        return wait_s

    @property
    def waiting_for(self) -> str | None:
        """What those who wait for a permit wait for, in words; None where nobody does for long."""
        now_s = self._clock()  # once: two readings never compare as equal waits
        if self.pool.missing_since_s is not None or (wait_s := self._wait_s(now_s)) == math.inf:
            return self.pool.waiting_for
        if wait_s >= 1 and self.pool.wait_s(now_s) >= wait_s:
            return f"the rate limit ({math.ceil(wait_s)} s)"
        if self._waiters and self.refusals.wait_s(now_s) > 0:
            return self.refusals.reason
        return self._cap.waiting_for if self._cap is not None else None

    def still_s(self) -> float:
        """How long no request has left and no answer has come."""
        return self._clock() - self._moved_s

    def allowance(self) -> Allowance | None:
        """What the platform admits from now on; None before it has said so."""
        return self.pool.allowance()

    @property
    def cap(self) -> Rate | None:
        """Of the whole process; None where the platform's own limits are the only ones."""
        return None if self._cap is None else self._cap.rate

    def change_cap(self, rate: Rate | None) -> None:
        """Keep another cap from now on, for those who wait as well; None keeps none."""
        if self._cap is not None:
            self._cap.change(rate)
        if rate is None:
            self._cap = None
        elif self._cap is None:
            self._cap = RateCap(rate)

    def take(self) -> Permit | None:
        """Return a permit where one is to be had at once: most of the time, and at little cost."""
        return None if self._waiters or self._cap is not None else self._take()

    async def wait(self) -> Permit:
        """Return a permit, once one is to be had; raises as `TokenPool.get_token` does."""
        if self._cap is not None:
            await self._cap.turn()
        while True:
            if not self._waiters:
                await self.pool.get_token()
            found = None if self._waiters else self._take()
            if (permit := found or await self._queue()) is not None:
                return permit

    def release(
        self, permit: Permit, answer: Reply | NoReply | None, before: Passed | None = None
    ) -> Refusal | None:
        """Take in what came of a permit.

        Args:
            permit: of the attempt.
            answer: None where the attempt was broken off.
            before: what had come of all requests when the call was refused before.

        Returns:
            What is known of a 429, or will be in a moment; None for any other answer.
        """
        self._moved_s = now_s = self._clock()
        refusal = None
        if not isinstance(answer, Reply):
            permit.quota.lost(permit.number, now_s, left=answer is None or answer.sent)
            self.refusals.lost(permit)
        elif answer.status == 429:
            refusal = self.refusals.refused(permit, answer, now_s, before)
            # More tokens are no way around a limit of all.
            self.pool.looks_ahead &= not self.refusals.shared.is_known
        else:
            permit.quota.answered(permit.number, answer.quota, now_s)
            self.refusals.admitted(permit, now_s)
        if self.pool.looks_ahead:
            self.pool.mint_ahead()
        if self._waiters and not self._changes_nothing(permit, now_s):
            self._pump()
        return refusal

    def _changes_nothing(self, permit: Permit, now_s: float) -> bool:
        """True where the answer brings its slot nothing; the others are as they were."""
        if self._timer is None or permit.slot.quota is not permit.quota:
            return False
        wait_s = permit.quota.wait_s(now_s)
        return wait_s > 0 and now_s + wait_s >= self._due_s

    def return_unused(self, permit: Permit) -> None:
        """Take back a permit of which no use was made."""
        permit.quota.lost(permit.number, self._clock(), left=False)
        self._pump()

    def reject(self, permit: Permit) -> None:
        """Forget the token of a permit, which was answered with 401.

        Raises:
            AccessError: there will be no other, and no other slot has a token that works.
        """
        self.pool.reject(permit.slot, permit.token)

    def close(self) -> None:
        """Let nobody go any more, and mint nothing."""
        if self._timer is not None:
            self._timer.cancel()
        self.refusals.close()
        self.pool.close()

    def _take(self) -> Permit | None:
        now_s = self._clock()
        metered = self.refusals.is_active
        if metered and self.refusals.wait_s(now_s) > 0:
            return None
        if (found := self.pool.take(now_s)) is None:
            return None
        slot, token = found
        self._moved_s = now_s
        if metered:
            self.refusals.started(now_s)
        return Permit(slot, token, slot.quota, slot.quota.started(now_s))

    async def _queue(self) -> Permit | None:
        """Wait for one's turn; None where there is no token left to wait for."""
        turn: asyncio.Future[Permit | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(turn)
        if len(self._waiters) == 1:
            self._pump()  # those behind it get nothing that it could not
        try:
            return await turn
        except asyncio.CancelledError:
            with suppress(ValueError):
                self._waiters.remove(turn)
            if turn.done() and not turn.cancelled() and (permit := turn.result()) is not None:
                self.return_unused(permit)
            else:
                self._pump()
            raise

    def _pump(self) -> None:
        """Give what is to be had to those who wait, and come back when there is more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiters = self._waiters
        while waiters:
            if waiters[0].done():  # cancelled
                waiters.popleft()
            elif (permit := self._take()) is not None:
                waiters.popleft().set_result(permit)
            else:
                self._wait_on()
                break

    def _wait_on(self) -> None:
        """Nothing is to be had now: find out when, or from where."""
        pool, now_s = self.pool, self._clock()
        if not pool.minting and not pool.ready(now_s):
            # The last token has expired or was rejected: one of those who wait mints another.
            self._send_away()
            return
        wait_s = pool.wait_s(now_s)
        if not pool.minting and (wait_s > _WORTH_A_TOKEN_S or (wait_s > 0 and pool.silent)):
            pool.mint_another()
        if wait_s < math.inf:
            wait_s = max(wait_s, self.refusals.wait_s(now_s))
            self._due_s = now_s + wait_s
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._pump)

    def _send_away(self) -> None:
        while self._waiters:
            if not (turn := self._waiters.popleft()).done():
                turn.set_result(None)
