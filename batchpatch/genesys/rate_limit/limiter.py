"""Who may send next, and with which token: the waiting around `quota` and `choosing`.

A permit is taken for each attempt, whatever its purpose, and settled with its answer. It names
the token to use, because the allowance is counted by token.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from batchpatch.errors import AccessError, BatchpatchError
from batchpatch.genesys.rate_limit.allowance import Allowance
from batchpatch.genesys.rate_limit.token_slots import Permit, QuotaOptions, TokenSlot, choose
from batchpatch.genesys.replies import NoReply, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchpatch.genesys.account.tokens import Token, TokenSource


_log = logging.getLogger(__name__)


# A token more is minted for a wait longer than this: shorter ones end with the next answer.
_WORTH_A_TOKEN_S = 1.5


# A lane whose token cannot be had is left out for so long, while others go on.
_REST_S = 30.0


class RateLimiter:
    """Hands out permits, first come first served. Belongs to one event loop."""

    def __init__(
        self,
        sources: Sequence[TokenSource],
        options: QuotaOptions,
        *,
        clock: Callable[[], float],
    ) -> None:
        """One lane for each source; a token is minted only once those before it do not suffice.

        Args:
            sources: at least one.
            options: of each token's quota.
            clock: monotonic, in seconds.
        """
        self.lanes = [TokenSlot(source) for source in sources]
        self._options = options
        self._clock = clock
        self._last = 0
        self._waiters: deque[asyncio.Future[Permit | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = math.inf
        """When the timer is."""
        self._minting: asyncio.Task[None] | None = None
        self._fresh: deque[TokenSlot] = deque()
        """Lanes with a token that was not used yet: its window begins with its first request."""
        self._foreseen = 0
        """Requests to come, about, beside those that have been let through."""
        self._looks_ahead = False
        """What is foreseen has not been compared with the allowance yet."""

    @property
    def minted(self) -> int:
        """Tokens minted so far."""
        return sum(lane.source.minted for lane in self.lanes)

    @property
    def offered(self) -> int:
        """Requests that the windows touched so far have allowed; 0 where nothing is known."""
        return sum(lane.offered for lane in self.lanes)

    @property
    def silent(self) -> bool:
        """Answers bear no headers."""
        return any(lane.quota.silent for lane in self.lanes)

    @property
    def wait_s(self) -> float:
        """Seconds for which nothing may leave: 0 where nobody waits, infinite for a token."""
        if not self._waiters:
            return 0.0
        now_s = self._clock()
        wait_s = self._wait_s(now_s)
        if wait_s == math.inf and self._timer is not None:
            # Their token has run out meanwhile: they are let go when the timer is due, and mint.
            return max(0.0, self._due_s - now_s)
        return wait_s

    def allowance(self) -> Allowance | None:
        """What the platform admits from now on; None before it has said so."""
        now_s = self._clock()
        heard = [quota for lane in self.lanes if (quota := lane.quota).allowed is not None]
        if not heard:
            return None
        most = max(quota.most for quota in heard)
        length_s = max(quota.length_s for quota in heard)
        ends_s = [quota.edge.most_s for quota in heard if quota.edge is not None]
        return Allowance(
            most,
            max(1.0, length_s),
            len(self.lanes),
            sum(quota.left(now_s) for quota in heard) + most * (len(self.lanes) - len(heard)),
            max(0.0, min(ends_s, default=now_s + length_s) - now_s),
        )

    def assume(self, per_s: float) -> None:
        """Keep another pace per token while answers bear no headers; requests a second."""
        self._options = self._options._replace(assumed_per_s=per_s)
        for lane in self.lanes:
            lane.quota.assumed_per_s = per_s

    def foresee(self, requests: int) -> None:
        """Be prepared for so many requests: tokens that they will need are minted ahead.

        A token's windows follow its first request, so the last token should not begin late.
        """
        self._foreseen = requests
        self._looks_ahead = len(self.lanes) > 1

    def take(self) -> Permit | None:
        """Return a permit where one is to be had at once: most of the time, and at little cost."""
        return None if self._waiters else self._take()

    async def wait(self) -> Permit:
        """Return a permit, once one is to be had.

        Raises what the minting of the only token raises, see `MintedTokens.current`.
        """
        while True:
            if not self._waiters:
                await self.get_token()
            if (permit := self.take() or await self._queue()) is not None:
                return permit

    async def get_token(self) -> None:
        """Return once there is a token, or one is on its way; raises as `wait` does."""
        while not self._ready() and self._minting is None:
            lane = min(self.lanes, key=lambda lane: lane.rests_until_s)
            await lane.source.current()
            lane.rests_until_s = -math.inf

    def settle(self, permit: Permit, answer: Reply | NoReply | None) -> None:
        """Take in what came of a permit; None where the attempt was broken off."""
        now_s = self._clock()
        quota, ticket = permit.quota, permit.ticket
        if not isinstance(answer, Reply):
            quota.lost(ticket, now_s, left=answer is None or answer.sent)
        elif answer.status == 429:
            quota.refused(ticket, answer.retry_after_s, now_s)
        else:
            quota.answered(ticket, answer.quota, now_s)
        if self._looks_ahead:
            self._mint_ahead()
        if self._waiters and not self._changes_nothing(permit, now_s):
            self._pump()

    def _changes_nothing(self, permit: Permit, now_s: float) -> bool:
        """True where the answer brings its lane nothing; the others are as they were."""
        if self._timer is None or permit.lane.quota is not permit.quota:
            return False
        wait_s = permit.quota.wait_s(now_s)
        return wait_s > 0 and now_s + wait_s >= self._due_s

    def give_back(self, permit: Permit) -> None:
        """Take back a permit of which no use was made."""
        permit.quota.lost(permit.ticket, self._clock(), left=False)
        self._pump()

    def reject(self, permit: Permit) -> None:
        """Forget the token of a permit, which was answered with 401.

        Raises:
            AccessError: there will be no other, and no other lane has a token that works.
        """
        lane = permit.lane
        try:
            lane.source.reject(permit.token)
        except AccessError:
            others = [other for other in self.lanes if other is not lane and self._works(other)]
            if not others:
                raise
            lane.rests_until_s = self._clock() + _REST_S

    def close(self) -> None:
        """Mint nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._minting is not None:
            self._minting.cancel()

    def _works(self, lane: TokenSlot) -> bool:
        token = lane.source.ready()
        return token is not None and token.accepted and self._clock() >= lane.rests_until_s

    def _ready(self) -> list[TokenSlot]:
        """Lanes whose token is at hand."""
        now_s = self._clock()
        return [
            lane
            for lane in self.lanes
            if lane.source.ready() is not None and now_s >= lane.rests_until_s
        ]

    def _take(self) -> Permit | None:
        now_s = self._clock()
        if self._fresh:
            self._last = self.lanes.index(self._fresh.popleft())
        lane = self.lanes[self._last]
        token = lane.source.ready()
        if token is not lane.token or token is None or lane.quota.wait_s(now_s) > 0:
            found = self._choose(now_s)
            if found is None:
                return None
            lane, token = found
        self._foreseen -= 1
        return Permit(lane, token, lane.quota, lane.quota.sent(now_s))

    def _choose(self, now_s: float) -> tuple[TokenSlot, Token] | None:
        """The lane that may send now, where there is one."""
        ready = self._ready()
        for lane in ready:
            token = lane.source.ready()
            if token is not None and token is not lane.token:
                lane.use(token, self._options)
        if not ready:
            return None
        lane = self.lanes[self._last]
        last = ready.index(lane) if lane in ready else 0
        choice = choose([lane.quota for lane in ready], now_s, last)
        lane = ready[choice.which]
        self._last = self.lanes.index(lane)
        return (lane, lane.token) if choice.wait_s <= 0 and lane.token is not None else None

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
                self.give_back(permit)
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
        minting = self._minting is not None
        if not minting and not self._ready():
            # The last token has expired or was rejected: one of those who wait mints another.
            self._send_away()
            return
        wait_s = self._wait_s(self._clock())
        if not minting and (wait_s > _WORTH_A_TOKEN_S or self.silent):
            self._mint_another()
        if wait_s < math.inf:
            self._due_s = self._clock() + wait_s
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._pump)

    def _send_away(self) -> None:
        while self._waiters:
            if not (turn := self._waiters.popleft()).done():
                turn.set_result(None)

    def _wait_s(self, now_s: float) -> float:
        return min((lane.quota.wait_s(now_s) for lane in self._ready()), default=math.inf)

    def _mint_ahead(self) -> None:
        """Mint where the tokens at hand do not suffice for what is foreseen."""
        now_s = self._clock()
        most = max(lane.quota.most for lane in self.lanes)
        if self._minting is not None or not most:
            return
        quotas = [lane.quota for lane in self._ready()]
        left = sum(quota.left(now_s) if quota.most else most for quota in quotas)
        self._looks_ahead = self._foreseen > left and self._mint_another()

    def _mint_another(self) -> bool:
        """Get a token for one lane more, where there is one, while the others go on."""
        now_s = self._clock()
        for lane in self.lanes:
            if lane.source.ready() is None and now_s >= lane.rests_until_s:
                self._minting = asyncio.get_running_loop().create_task(self._mint(lane))
                return True
        return False

    async def _mint(self, lane: TokenSlot) -> None:
        try:
            await lane.source.current()
            self._fresh.append(lane)
        except BatchpatchError as error:
            _log.debug("one token less: %s", error)
            lane.rests_until_s = self._clock() + _REST_S
        finally:
            self._minting = None
            if self._looks_ahead:
                self._mint_ahead()
            self._pump()
