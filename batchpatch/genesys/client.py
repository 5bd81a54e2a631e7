"""The API client: a call is an attempt made again until it has a final answer.

The loop is all there is: circuit breaker, permit, attempt, decision. Each is a part of its own that
is given from outside, so a test puts a virtual clock or a scripted server in its place.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING, Never
from urllib.parse import urlsplit

from batchpatch.errors import OutageError
from batchpatch.genesys.circuit_breaker import MAX_OUTAGE_S, CircuitBreaker
from batchpatch.genesys.departure import departing
from batchpatch.genesys.failures import FailureJudge
from batchpatch.genesys.http import ERROR_BODY_BYTES
from batchpatch.genesys.purpose import Asked, fitting, purpose_of
from batchpatch.genesys.rate_limit.admission import Admission
from batchpatch.genesys.rate_limit.pace import Allowance
from batchpatch.genesys.replies import NoReply, Reply
from batchpatch.genesys.retry import (
    FIRST,
    FOLLOWS,
    Answer,
    Final,
    OutcomeKind,
    Renew,
    Tries,
    Wait,
    decide,
    ended,
    is_down,
    words_for,
)
from batchpatch.genesys.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from batchpatch.genesys.departure import Departure
    from batchpatch.genesys.http import Attempter
    from batchpatch.genesys.purpose import Purpose
    from batchpatch.genesys.rate_limit.limiter import RateLimiter
    from batchpatch.genesys.rate_limit.refusals import Refusal
    from batchpatch.genesys.rate_limit.shared_limit import Passed
    from batchpatch.genesys.rate_limit.token_slots import Permit
    from batchpatch.options.run import RetryPolicy

__all__ = ["Answer", "GenesysClient"]
_log = logging.getLogger(__name__)
# Answers take less than a second, so silence of this length is worth a word.
_STILL_S = 2.0


# Python 3.11 looks a member up in its enum seven times as slowly as a name of the module.
_ACCEPTED = OutcomeKind.ACCEPTED


class GenesysClient:
    """Calls the API of one organisation, for any number of tasks."""

    def __init__(
        self,
        api_url: str,
        *,
        transport: Attempter,
        limiter: RateLimiter,
        policy: RetryPolicy,
        sleep: Callable[[float], Awaitable[object]],
        random: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        max_outage_s: float = MAX_OUTAGE_S,
    ) -> None:
        self.limiter = limiter
        self.admission, self.reading = Admission(), Admission()
        """Of patches, and of reads, to the limiter; whoever has many in store asks it first."""
        self._host = urlsplit(api_url).netloc
        self._breaker = CircuitBreaker(
            self._host, max_outage_s=max_outage_s, clock=clock, sleep=sleep
        )
        self._api_url = api_url
        self._pausing: Counter[str] = Counter()
        """Calls that wait by themselves before their next try, by what it is after."""
        self._transport = transport
        self._policy = policy
        self._sleep = sleep
        self._random = random
        self._max_outage_s = max_outage_s
        self._failures = FailureJudge(
            self._host, self._breaker, max_outage_s=max_outage_s, wall_clock=wall_clock
        )
        self._stopped = False
        self.traffic = Traffic()
        """What has left, and what came of it."""

    def stop_sending(self) -> None:
        """Send nothing more: what has left is awaited, and every other call waits for its end."""
        self._stopped = True
        self.admission.close()
        self.reading.close()

    def foresee(self, requests: int) -> None:
        """Be prepared for so many requests; see `TokenPool.foresee`."""
        self.limiter.pool.foresee(requests)

    def assume(self, per_s: float) -> None:
        """Keep another pace per token while answers bear no headers; requests a second."""
        self.limiter.pool.assume(per_s)

    @property
    def waiting_for(self) -> str | None:
        """What all calls wait for at this moment, in words; None where nothing holds them up."""
        found = self._breaker.waiting_for or self.limiter.waiting_for
        on_the_wire = self.traffic.on_the_wire
        if found is None and on_the_wire and (still_s := self.limiter.still_s()) >= _STILL_S:
            return f"an answer from {self._host} ({still_s:.0f} s)"
        if found is None and not on_the_wire and (pausing := +self._pausing):
            return f"another try after {', '.join(sorted(pausing))}"
        return found

    @property
    def silent_s(self) -> float:
        """How long an outage has lasted, in seconds; 0 where there is none."""
        return self._breaker.lasted_s

    def allowance(self) -> Allowance | None:
        """What may be sent from now on; None where no answer has said so and no cap is kept."""
        found = self.limiter.allowance()
        if found is None:
            return None if self.limiter.cap is None else Allowance(None, cap=self.limiter.cap)
        return found._replace(cap=self.limiter.cap)

    @property
    def allowance_used(self) -> float | None:
        """Requests that were admitted over what their windows allowed; None where unknown."""
        offered = self.limiter.pool.offered
        return round(self.traffic.admitted / offered, 4) if offered else None

    @property
    def tokens_minted(self) -> int:
        """Tokens minted so far; 0 with a ready access token."""
        return self.limiter.pool.minted

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        body_limit_bytes: int = ERROR_BODY_BYTES,
        policy: RetryPolicy | None = None,
    ) -> Answer:
        """Send a request until its answer is final.

        `path` begins with a slash and is percent-encoded; `body` is JSON. An answer's body is
        read up to `body_limit_bytes`. `policy` takes the place of the client's own. The request
        must be idempotent, because one whose answer was lost is sent again.

        Raises what ends a run: `AccessError` where the credentials are refused, `SettingsError`
        where a host cannot be the platform's, `OutageError` where the platform is down for too
        long, or was never heard of. A no from the API, or no answer, is an `Answer`.
        """
        url, purpose, traffic = self._api_url + path, purpose_of(method), self.traffic
        tries, passed = FIRST, None
        while True:
            if self._breaker.is_open:
                await self._breaker.wait()
            try:
                permit = self.limiter.take() or await self._wait(purpose)
                if self._stopped:
                    await self._hold(permit)
                traffic.left(purpose, first=tries is FIRST)
                departure = self._departs(purpose)
                answer = refusal = None
                try:
                    answer = await self._transport.send(
                        method, url, permit.token.headers, body, body_limit_bytes=body_limit_bytes
                    )
                finally:
                    traffic.on_the_wire -= 1
                    if departure is not None:
                        departure.on_the_wire = False
                    refusal = self.limiter.release(permit, answer, passed)
            except BaseException as error:
                if not (isinstance(error, OutageError) and self._failures.heard):
                    self._breaker.abandoned()
                    raise
                self._breaker.no_token(error, since_s=self.limiter.pool.missing_since_s)
                continue
            if isinstance(answer, Reply) and 200 <= answer.status < 300:
                traffic.answered(purpose, answer.status)
                self._failures.heard = permit.token.accepted = True
                self._breaker.answered()
                return Answer(_ACCEPTED, answer, None, tries.attempts + 1)
            self._note(purpose, answer, permit)
            if refusal is not None:
                passed = await self._judge_refusal(refusal, policy or self._policy)
            after = await self._follow_up(
                Asked(purpose, url, reads=method == "GET"),
                answer,
                tries,
                permit,
                fitting(policy or self._policy),
                alone=passed is not None and passed.alone,
            )
            if isinstance(after, Answer):
                return after
            tries = after

    async def _wait(self, purpose: Purpose) -> Permit:
        admission = {"patches": self.admission, "reads": self.reading}.get(purpose)
        with nullcontext() if admission is None else admission.waiting():
            return await self.limiter.wait()

    def _departs(self, purpose: Purpose) -> Departure | None:
        """Who is told of an attempt that leaves now, and is to be told of its answer."""
        departure = departing() if purpose == "patches" else None
        if departure is not None:
            departure.attempts += 1
            departure.on_the_wire = True
        return departure

    def _note(self, purpose: Purpose, answer: Reply | NoReply, permit: Permit) -> None:
        """Count what was no success, and what is known by it of the host and the token."""
        if isinstance(answer, NoReply):
            self.traffic.answered(purpose, answer.kind)
        else:
            self.traffic.answered(purpose, answer.status)
            self._failures.heard = True
            permit.token.accepted |= answer.status != 401

    async def _hold(self, permit: Permit) -> Never:
        """Send nothing until this is cancelled."""
        try:
            while True:
                await asyncio.get_running_loop().create_future()
        finally:
            self.limiter.release(permit, None)

    async def _follow_up(
        self,
        asked: Asked,
        answer: Reply | NoReply,
        tries: Tries,
        permit: Permit,
        policy: RetryPolicy,
        *,
        alone: bool,
    ) -> Tries | Answer:
        """Do what has been decided about an attempt that was no success."""
        page = self._failures.judge_no_reply(answer) if isinstance(answer, NoReply) else None
        before, tries = tries, tries._replace(answers=self._breaker.answers)
        decision = decide(answer, tries, policy, self._random(), alone=alone)
        if not is_down(answer):
            self._breaker.answered()
        elif self._failures.is_outage(
            answer,
            before,
            policy,
            last_try=isinstance(decision, Final),
            asked=asked.url if asked.reads else None,
            told=page,
        ):
            _log.debug("outage: %s", words_for(answer), extra=asked.log_fields("outage", answer))
            return tries._replace(attempts=tries.attempts + 1)  # it waits, and is not charged
        follows = FOLLOWS[decision.__class__]
        event = "failed" if isinstance(decision, Final) else "retry"
        _log.debug("%s: %s", words_for(answer), follows, extra=asked.log_fields(event, answer))
        if isinstance(decision, Final):
            return ended(decision, answer, tries)
        if isinstance(decision, Renew):
            self.limiter.reject(permit)
        elif isinstance(decision, Wait):
            after = "no answer" if isinstance(answer, NoReply) else f"status {answer.status}"
            await self._pause(decision.wait_s, after)
        return decision.tries

    async def _pause(self, wait_s: float, after: str) -> None:
        # However long a server asks to be left alone, it is an outage that is waited out then.
        wait_s = min(wait_s, self._max_outage_s)
        self._pausing[after] += 1
        try:
            await self._sleep(wait_s)
        finally:
            self._pausing[after] -= 1

    async def _judge_refusal(self, refusal: Refusal, policy: RetryPolicy) -> Passed:
        """Return what had come of all requests by a 429, once it is known whose limit it is.

        Raises `OutageError` where it lasts too long to be waited for.
        """
        self.traffic.throttled += 1
        self._failures.judge_refusal(refusal.reply, policy, self.limiter.refusals.lasted_s())
        return await refusal.passed()
