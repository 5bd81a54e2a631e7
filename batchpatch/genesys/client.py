"""Calls: an attempt made again until it is settled.

The loop is all there is: permit, attempt, decision. Each of these is a part with one job that is
given from outside, so a test puts a virtual clock or a scripted server in its place. Whatever has
to be waited for before an attempt is waited for in `_admit`, and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit

from batchpatch.errors import OutageError
from batchpatch.genesys.account.token_endpoint import tls_error
from batchpatch.genesys.circuit_breaker import MAX_OUTAGE_S, CircuitBreaker
from batchpatch.genesys.http import ERROR_BODY_BYTES
from batchpatch.genesys.rate_limit.allowance import Allowance
from batchpatch.genesys.replies import NoReply, Reply
from batchpatch.genesys.retry import (
    FIRST,
    OutcomeKind,
    Renew,
    Settle,
    Throttled,
    Tries,
    Wait,
    decide,
    is_down,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from batchpatch.genesys.rate_limit.limiter import RateLimiter
    from batchpatch.genesys.rate_limit.rate_cap import RateCap
    from batchpatch.genesys.rate_limit.token_slots import Permit
    from batchpatch.options.send import RetryPolicy


_log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """How a call was settled."""

    outcome_kind: OutcomeKind
    reply: Reply | None
    """The last answer; None where the last attempt got none."""
    failure: NoReply | None
    """Why the last attempt got no answer; None where it got one."""
    attempts: int
    """Requests that left for this call, the refused and the repeated ones included."""


class Attempter(Protocol):
    """The part of the transport that calls need."""

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        body_limit_bytes: int = ...,
    ) -> Reply | NoReply:
        """Make one attempt."""


class GenesysClient:
    """Calls the API of one organisation. Any number of tasks may share one client."""

    def __init__(
        self,
        api_url: str,
        *,
        transport: Attempter,
        gate: RateLimiter,
        pacer: RateCap | None = None,
        policy: RetryPolicy,
        sleep: Callable[[float], Awaitable[object]],
        random: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
        max_outage_s: float = MAX_OUTAGE_S,
    ) -> None:
        self.gate = gate
        self._pacer = pacer
        self._outage = CircuitBreaker(
            urlsplit(api_url).netloc, max_outage_s=max_outage_s, clock=clock, sleep=sleep
        )
        self._api_url = api_url
        self._transport = transport
        self._policy = policy
        self._sleep = sleep
        self._random = random
        self._heard = False
        self._draining = False
        self.requests = 0
        """Attempts made so far."""
        self.on_the_wire = 0
        """Requests that have left and have no answer yet."""
        self.retries = 0
        """Those among them that repeat an earlier one of the same call."""
        self.throttled = 0
        """Those that were answered with 429."""

    def drain(self) -> None:
        """Send nothing more: what has left is awaited, and every other call waits for its end."""
        self._draining = True

    @property
    def waiting_for(self) -> str | None:
        """What all calls wait for at this moment, in words; None where nothing holds them up."""
        if self._outage.waiting_for:
            return self._outage.waiting_for
        if (wait_s := self.gate.wait_s) == math.inf:
            return "a token"
        if wait_s >= 1:
            return f"the rate limit ({math.ceil(wait_s)} s)"
        return self._pacer.waiting_for if self._pacer else None

    def allowance(self) -> Allowance | None:
        """What may be sent from now on; None where no answer has said so and no cap is kept."""
        cap = self._pacer.rate if self._pacer else None
        found = self.gate.allowance()
        if found is None:
            return None if cap is None else Allowance(None, cap=cap)
        return found._replace(cap=cap)

    @property
    def allowance_used(self) -> float | None:
        """Requests that were admitted over what their windows allowed; None where unknown."""
        offered = self.gate.offered
        return round(self.admitted / offered, 4) if offered else None

    @property
    def tokens_minted(self) -> int:
        """Tokens minted so far; 0 with a ready access token."""
        return self.gate.minted

    @property
    def admitted(self) -> int:
        """Attempts made so far that the platform has not refused for its rate limit."""
        return self.requests - self.throttled

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        body_limit_bytes: int = ERROR_BODY_BYTES,
        policy: RetryPolicy | None = None,
    ) -> Answer:
        """Send a request until it is settled.

        `path` begins with a slash and is percent-encoded; `body` is JSON. An answer's body is
        read up to `body_limit_bytes`. `policy` takes the place of the client's own. The request
        must be idempotent, because one whose answer was lost is sent again.

        Raises what ends a run: `AccessError` where the credentials are refused, `SettingsError`
        where a host cannot be the platform's, `OutageError` where the platform is down for too
        long, or was never heard of. A no from the API, or no answer, is an `Answer`.
        """
        url = self._api_url + path
        tries = FIRST
        outage = self._outage
        while True:
            probe = outage.down and await outage.turn()
            try:
                permit = (self._pacer is None and self.gate.take()) or await self._admit()
                answer = await self._attempt(
                    permit, method, url, body, body_limit_bytes, again=tries is not FIRST
                )
            except BaseException as error:
                if isinstance(error, OutageError) and self._heard:
                    outage.no_token(error, probe=probe)
                    continue
                if probe:
                    outage.abandoned()
                raise
            if isinstance(answer, Reply):
                self._heard = True
                if answer.status != 401:
                    permit.token.accepted = True
                if 200 <= answer.status < 300:
                    outage.answered()
                    return Answer(OutcomeKind.ACCEPTED, answer, None, tries.attempts + 1)
            after = await self._follow_up(answer, tries, permit, policy, probe=probe)
            if isinstance(after, Answer):
                return after
            tries = after

    async def _admit(self) -> Permit:
        """Return when one more request may leave."""
        if self._pacer is None:
            return await self.gate.wait()
        while True:
            await self.gate.get_token()
            await self._pacer.permit()
            if (permit := self.gate.take()) is not None:
                return permit
            # Its turn at the cap is lost by waiting, or all that wait would leave as one.
            self.gate.give_back(await self.gate.wait())

    async def _attempt(
        self,
        permit: Permit,
        method: str,
        url: str,
        body: bytes | None,
        body_limit_bytes: int,
        *,
        again: bool,
    ) -> Reply | NoReply:
        answer = None
        try:
            if self._draining:
                await asyncio.get_running_loop().create_future()  # until it is cancelled
            self.requests += 1
            self.retries += again
            self.on_the_wire += 1
            try:
                answer = await self._transport.send(
                    method, url, permit.token.headers, body, body_limit_bytes=body_limit_bytes
                )
            finally:
                self.on_the_wire -= 1
        finally:
            self.gate.settle(permit, answer)
        return answer

    async def _follow_up(
        self,
        answer: Reply | NoReply,
        tries: Tries,
        permit: Permit,
        policy: RetryPolicy | None,
        *,
        probe: bool,
    ) -> Tries | Answer:
        """Do what has been decided about an attempt that was no success."""
        if isinstance(answer, NoReply) and answer.kind == "tls" and not self._heard:
            # Nothing has worked yet: it is the setting that is wrong, and no retry mends it.
            raise tls_error(urlsplit(self._api_url).netloc)
        decision = decide(answer, tries, policy or self._policy, self._random())
        if not is_down(answer):
            self._outage.answered()
        elif self._outage.failed(
            fresh=tries.attempts == 0, last_try=isinstance(decision, Settle), probe=probe
        ):
            _log.debug("outage: %s", _words(answer))
            return tries._replace(attempts=tries.attempts + 1)  # it waits, and is not charged
        _log.debug("%s: %s", _words(answer), _FOLLOWS[decision.__class__])
        if isinstance(decision, Settle):
            return _settled(decision, answer, tries)
        if isinstance(decision, Renew):
            self.gate.reject(permit)
        elif isinstance(decision, Throttled):
            self.throttled += 1
        else:
            await self._sleep(decision.wait_s)
        return decision.tries


def _settled(decision: Settle, answer: Reply | NoReply, tries: Tries) -> Answer:
    attempts = tries.attempts + 1
    if isinstance(answer, Reply):
        return Answer(decision.kind, answer, None, attempts)
    return Answer(decision.kind, None, answer, attempts)


_FOLLOWS = {
    Settle: "final",
    Wait: "tried again after a pause",
    Throttled: "tried again when the allowance admits it",
    Renew: "another token is taken",
}


def _words(answer: Reply | NoReply) -> str:
    """For the log: no body, no value, no token."""
    if isinstance(answer, NoReply):
        return f"no answer ({answer.kind})"
    return f"{answer.status} {answer.code or ''} {answer.correlation_id or ''}".rstrip()
