"""Refusals (429s): the cooldowns that they start, and what waits for these."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from batchpatch.genesys.rate_limit.shared_limit import (
    Attribution,
    Passed,
    SharedLimit,
    Whose,
    whose_limit,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchpatch.genesys.rate_limit.quota import Quota
    from batchpatch.genesys.rate_limit.token_slots import Permit, TokenSlot
    from batchpatch.genesys.replies import Reply

# Those in flight with a refused request are waited for so long: mostly they take a moment.
_ATTRIBUTED_S = 1.0


class Refusal:
    """One 429."""

    def __init__(
        self, permit: Permit, reply: Reply, whose: Whose, *, sent_s: float, passed: Passed
    ) -> None:
        self.permit, self.reply, self.whose, self.sent_s = permit, reply, whose, sent_s
        self._passed = passed
        self._alone: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def passed(self) -> Passed:
        """Return what had come of all by then, once it is known whether it was refused alone."""
        return self._passed._replace(alone=await asyncio.shield(self._alone))

    def resolve(self, *, alone: bool) -> None:
        """Say it to whoever waits."""
        if not self._alone.done():
            self._alone.set_result(alone)


class Refusals:
    """The 429s of all tokens: a meter that holds all up where they do.

    Belongs to one event loop.
    """

    def __init__(
        self,
        slots: Sequence[TokenSlot],
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
        on_change: Callable[[], None],
        patience_s: float = math.inf,
    ) -> None:
        """Begin without one.

        Args:
            slots: of the tokens.
            clock: monotonic, in seconds.
            random: in [0, 1).
            on_change: called when what was held up may go on.
            patience_s: how long nothing but refusals may come.
        """
        self.shared = SharedLimit()
        self.admitted_count = 0
        self.refused_count = 0
        self.since_s: float | None = None
        """When the first was refused after the last that was admitted; None where it was."""
        self._slots = slots
        self._clock = clock
        self._random = random
        self._on_change = on_change
        self._patience_s = patience_s
        self._open: Refusal | None = None
        """The one whose resource may be refused alone."""
        self._attribution: Attribution | None = None
        self._until_s = -math.inf
        """When those in flight are waited for no longer."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_active(self) -> bool:
        """All may be held up."""
        return self._open is not None or self.shared.is_known

    @property
    def reason(self) -> str:
        """What is waited for, in words."""
        return self.shared.words

    def lasted_s(self) -> float:
        """How long nothing but refusals has come; 0 where the last request was admitted."""
        return 0.0 if self.since_s is None else self._clock() - self.since_s

    def wait_s(self, now_s: float) -> float:
        """Seconds until one more may start; 0 for now."""
        if self._open is not None:
            return max(0.0, self._until_s - now_s)
        return self.shared.wait_s(now_s)

    def started(self, now_s: float) -> None:
        """Count one that leaves now."""
        self.shared.started(now_s)

    def admitted(self, permit: Permit, now_s: float) -> None:
        """Take in an answer that is no 429; its quota has done so already."""
        self.admitted_count += 1
        self.since_s = None
        self.shared.admitted(now_s)
        if self._attribution is not None:
            self._attribution.admitted(permit.quota, permit.number)
            self._look()

    def lost(self, permit: Permit) -> None:
        """Take in that no answer came."""
        if self._attribution is not None:
            self._attribution.lost(permit.quota, permit.number)
            self._look()

    def refused(self, permit: Permit, reply: Reply, now_s: float, before: Passed | None) -> Refusal:
        """Take in a 429, the token's quota included.

        Args:
            permit: of the request.
            reply: the 429.
            now_s: when it came.
            before: what had come of all requests when its call was refused before.
        """
        quota, number = permit.quota, permit.number
        whose = whose_limit(reply, quota, now_s)
        # Where several were refused it is a limit of all, and this may be its next window's end.
        alone = (
            self.shared.hits <= 1
            and before is not None
            and before.again_alone(self.admitted_count, self.refused_count)
        )
        self.refused_count += 1
        passed = Passed(self.admitted_count, self.refused_count, alone)
        refusal = Refusal(permit, reply, whose, sent_s=quota.in_flight[number], passed=passed)
        self.since_s = now_s if self.since_s is None else self.since_s
        if whose is Whose.TOKEN:
            quota.refused(number, reply.retry_after_s, now_s, jitter=self._random())
            refusal.resolve(alone=False)
            return refusal
        if reply.quota is None:
            quota.lost(number, now_s)
        else:
            quota.answered(number, reply.quota, now_s)
        if alone:
            self._let_others_go(refusal)
        else:
            self._attribute(refusal, now_s)
        return refusal

    def _let_others_go(self, refusal: Refusal) -> None:
        if self.shared.refusals == 1:
            self.shared.forget()  # it was this one's own from the beginning
        refusal.resolve(alone=True)

    def _attribute(self, refusal: Refusal, now_s: float) -> None:
        """Find out whether it is alone: at once, or from those in flight with it."""
        if self._attribution is not None:
            self._attribution.refused()
            self._look()
        others = self._in_flight_with(refusal)
        if refusal.sent_s < self.shared.paused_until_s or not others:
            self._hold_all(refusal, now_s)
            return
        self._open, self._attribution = refusal, Attribution(refusal.sent_s, others)
        self._until_s = now_s + _ATTRIBUTED_S
        self._timer = asyncio.get_running_loop().call_later(_ATTRIBUTED_S, self._resolve)

    def _in_flight_with(self, refusal: Refusal) -> list[tuple[Quota, int, float]]:
        """What the same limit would refuse: requests of all tokens, or of this one."""
        quotas = [slot.quota for slot in self._slots]
        if refusal.whose is Whose.UNKNOWN:
            quotas = [refusal.permit.quota]
        return [
            (quota, number, at_s) for quota in quotas for number, at_s in quota.in_flight.items()
        ]

    def _hold_all(self, refusal: Refusal, now_s: float) -> None:
        wait_s, jitter = refusal.reply.retry_after_s, self._random()
        # Where nobody names a time, the last try is made when the patience ends, not after it.
        most_s = max(0.0, self._patience_s - self.lasted_s())
        if refusal.whose is Whose.OTHER:
            name = refusal.reply.limit
            self.shared.refused(now_s, wait_s, name=name, most_s=most_s, jitter=jitter)
        else:
            cool_down = refusal.permit.quota.cool_down
            cool_down(refusal.sent_s, wait_s, now_s, most_s=most_s, jitter=jitter)
        refusal.resolve(alone=False)

    def _look(self) -> None:
        if self._attribution is not None and not self._attribution.is_open:
            self._resolve()

    def _resolve(self) -> None:
        refusal, attribution = self._open, self._attribution
        self.close()
        if refusal is None or attribution is None:
            return
        if attribution.alone:
            refusal.resolve(alone=True)
        else:
            self._hold_all(refusal, self._clock())
        self._on_change()

    def close(self) -> None:
        """Wait for nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        self._open, self._attribution, self._timer = None, None, None
