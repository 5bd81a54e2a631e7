"""The pool of token slots: which token is next, and when another is minted.

A token more is minted only where those at hand do not suffice for what is to be sent, because each
one weighs on the platform; and ahead of need where that is foreseen, because a token's windows
begin with its first request.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from typing import TYPE_CHECKING

from batchpatch.errors import AccessError, BatchpatchError
from batchpatch.genesys.rate_limit.pace import Allowance
from batchpatch.genesys.rate_limit.token_slots import QuotaOptions, TokenSlot, choose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchpatch.genesys.account.token_endpoint import Token
    from batchpatch.genesys.account.tokens import TokenSource

_log = logging.getLogger(__name__)
# A slot whose token cannot be had is left out for so long, while others go on.
_REST_S = 30.0


class TokenPool:
    """The tokens of one account, each with its quota. Belongs to one event loop."""

    def __init__(
        self,
        sources: Sequence[TokenSource],
        options: QuotaOptions,
        *,
        clock: Callable[[], float],
        on_change: Callable[[], None],
    ) -> None:
        """One slot for each source; nothing is minted yet.

        Args:
            sources: at least one.
            options: of each token's quota.
            clock: monotonic, in seconds.
            on_change: called when a token came, or did not, that somebody may wait for.
        """
        self.slots = [TokenSlot(source) for source in sources]
        self._options = options
        self._clock = clock
        self._on_change = on_change
        self._last = 0
        self.missing_since_s: float | None = None
        """Since when there is no token at all, and somebody waits for one."""
        self._minting: asyncio.Task[None] | None = None
        self._fresh: deque[TokenSlot] = deque()
        """Slots with a token that was not used yet: its window begins with its first request."""
        self._foreseen = 0
        """Requests to come, about, beside those that have been let through."""
        self.looks_ahead = False
        """What is foreseen has not been compared with the allowance yet."""

    @property
    def minted(self) -> int:
        """Tokens minted so far."""
        return sum(slot.source.minted for slot in self.slots)

    @property
    def offered(self) -> int:
        """Requests that the windows touched so far have allowed; 0 where nothing is known."""
        return sum(slot.offered for slot in self.slots)

    @property
    def silent(self) -> bool:
        """Answers bear no headers."""
        return any(slot.quota.silent for slot in self.slots)

    @property
    def minting(self) -> bool:
        """Another token is on its way."""
        return self._minting is not None

    @property
    def waiting_for(self) -> str:
        """A token that is not there, in words, with what holds its mint up."""
        troubles = (slot.source.trouble for slot in self.slots)
        return ": ".join(("a token", *dict.fromkeys(filter(None, troubles))))

    def allowance(self) -> Allowance | None:
        """What the platform admits from now on; None before it has said so."""
        now_s = self._clock()
        heard = [quota for slot in self.slots if (quota := slot.quota).allowed is not None]
        if not heard:
            return None
        most = max(quota.most for quota in heard)
        length_s = max(quota.length_s for quota in heard)
        ends_s = [quota.reset.most_s for quota in heard if quota.reset is not None]
        return Allowance(
            most,
            max(1.0, length_s),
            len(self.slots),
            sum(quota.left(now_s) for quota in heard) + most * (len(self.slots) - len(heard)),
            max(0.0, min(ends_s, default=now_s + length_s) - now_s),
        )

    def assume(self, per_s: float) -> None:
        """Keep another pace per token while answers bear no headers; requests a second."""
        self._options = self._options._replace(assumed_per_s=per_s)
        for slot in self.slots:
            slot.quota.assume(per_s)

    def foresee(self, requests: int) -> None:
        """Be prepared for so many requests: tokens that they will need are minted ahead."""
        self._foreseen = requests
        self.looks_ahead = len(self.slots) > 1

    def ready(self, now_s: float) -> list[TokenSlot]:
        """Slots whose token is at hand."""
        return [slot for slot in self.slots if slot.is_ready(now_s)]

    def wait_s(self, now_s: float) -> float:
        """Seconds until one of the tokens at hand may be used; infinite where there is none."""
        return min((slot.quota.wait_s(now_s) for slot in self.ready(now_s)), default=math.inf)

    def take(self, now_s: float) -> tuple[TokenSlot, Token] | None:
        """The slot and token that may send now, where there is one."""
        if self._fresh:
            self._last = self.slots.index(self._fresh.popleft())
        slot = self.slots[self._last]
        token = slot.source.ready()
        if token is None or token is not slot.token or slot.quota.wait_s(now_s) > 0:
            found = self._choose(now_s)
            if found is None:
                return None
            slot, token = found
        self._foreseen -= 1
        return slot, token

    def _choose(self, now_s: float) -> tuple[TokenSlot, Token] | None:
        ready = self.ready(now_s)
        for slot in ready:
            token = slot.source.ready()
            if token is not None and token is not slot.token:
                slot.use(token, self._options)
        if not ready:
            return None
        slot = self.slots[self._last]
        last = ready.index(slot) if slot in ready else 0
        choice = choose([slot.quota for slot in ready], now_s, last)
        slot = ready[choice.which]
        self._last = self.slots.index(slot)
        return (slot, slot.token) if choice.wait_s <= 0 and slot.token is not None else None

    async def get_token(self) -> None:
        """Return once there is a token, or one is on its way.

        Raises what the minting of the only token raises, see `MintedTokens.current`.
        """
        while not self.minting and not self.ready(self._clock()):
            if self.missing_since_s is None:
                self.missing_since_s = self._clock()
            slot = min(self.slots, key=lambda slot: slot.rests_until_s)
            await slot.source.current()
            slot.rests_until_s = -math.inf
        self.missing_since_s = None

    def reject(self, slot: TokenSlot, token: Token) -> None:
        """Forget the token of a slot, which was answered with 401.

        Raises:
            AccessError: there will be no other, and no other slot has a token that works.
        """
        try:
            slot.source.reject(token)
        except AccessError:
            if not any(other is not slot and self._works(other) for other in self.slots):
                raise
            slot.rests_until_s = self._clock() + _REST_S

    def _works(self, slot: TokenSlot) -> bool:
        token = slot.source.ready()
        return token is not None and token.accepted and self._clock() >= slot.rests_until_s

    def mint_ahead(self) -> None:
        """Mint where the tokens at hand do not suffice for what is foreseen."""
        now_s = self._clock()
        most = max(slot.quota.most for slot in self.slots)
        if self.minting or not most:
            return
        quotas = [slot.quota for slot in self.ready(now_s)]
        left = sum(quota.left(now_s) if quota.most else most for quota in quotas)
        self.looks_ahead = self._foreseen > left and self.mint_another()

    def mint_another(self) -> bool:
        """Get a token for one slot more, where there is one, while the others go on."""
        now_s = self._clock()
        for slot in self.slots:
            if slot.source.ready() is None and now_s >= slot.rests_until_s:
                self._minting = asyncio.get_running_loop().create_task(self._mint(slot))
                return True
        return False

    async def _mint(self, slot: TokenSlot) -> None:
        try:
            await slot.source.current()
            self._fresh.append(slot)
        except BatchpatchError as error:
            _log.debug("one token less: %s", error)
            slot.rests_until_s = self._clock() + _REST_S
        finally:
            self._minting = None
            if self.looks_ahead:
                self.mint_ahead()
            self._on_change()

    def close(self) -> None:
        """Mint nothing more."""
        if self._minting is not None:
            self._minting.cancel()
