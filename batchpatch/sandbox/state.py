"""State: all that one sandbox remembers, for its handlers and for the tests that look into it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from batchpatch.sandbox.codes import CodeBook
from batchpatch.sandbox.conversations import Conversations
from batchpatch.sandbox.injection import Injector
from batchpatch.sandbox.replies import Refusal
from batchpatch.sandbox.routes import WRITES, Resource
from batchpatch.sandbox.tokens import TokenBook
from batchpatch.sandbox.windows import Allowance, FixedWindows, Tally
from batchpatch.sandbox.writes import WriteLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.sandbox.conversations import Participant
    from batchpatch.sandbox.options import SandboxOptions
    from batchpatch.sandbox.writes import Write


class Clock(Protocol):
    """What the sandbox needs to know about time. Seconds throughout."""

    def now_s(self) -> float:
        """Monotonic time."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Come back after `delay_s`."""
        ...

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call back after `delay_s`, without being waited for."""
        ...


class SystemClock:
    """The real one, on the running event loop."""

    def now_s(self) -> float:
        """Monotonic time."""
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        """Come back after `delay_s`."""
        await asyncio.sleep(delay_s)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call back after `delay_s`, if the loop still runs then."""
        asyncio.get_running_loop().call_later(delay_s, callback)


@dataclass(slots=True)
class Counts:
    """API requests, counted; minting and revoking are not among them."""

    requests: int = 0
    """Requests that arrived."""
    resources: Counter[Resource] = field(default_factory=Counter)
    """Requests by what they were for."""
    statuses: Counter[int] = field(default_factory=Counter)
    """Requests by the status that they were answered with."""
    cut: int = 0
    """Requests whose connection ended without an answer."""
    refused_by_token: int = 0
    """Requests refused by the token's own rate limit, not by a fault."""
    refused_by_organization: int = 0
    """Requests refused by the limit over all tokens."""
    revoked: int = 0
    """Tokens revoked by those who held them."""
    peak_in_flight: int = 0
    """Most requests in flight at once."""
    dropped: int = 0
    """Writes that were accepted and never applied."""
    pending: int = 0
    """Writes that are to be applied later."""


class SandboxState:
    """Conversations, tokens, rules and counts. Belongs to the server's event loop."""

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        self.options = options
        self.clock = clock
        self.conversations = Conversations(
            strict=options.strict,
            ended=options.ended,
            analytics_unknown=options.analytics_unknown,
            seed=options.seed,
        )
        self.codes = CodeBook(seed=options.seed, strict=options.strict)
        self.tokens = TokenBook(options, clock.now_s)
        self.injector = Injector(options.faults, seed=options.seed)
        self.writes = WriteLog(cap=options.log_writes, now_s=clock.now_s)
        self.counts = Counts()
        self.organization: FixedWindows | None = None
        """The windows of the limit over all tokens; None where there is none."""
        if options.org_allowed is not None:
            allowance = Allowance(options.org_allowed)
            self.organization = FixedWindows(allowance, window_s=options.org_window_s)
        self._tallies = (Tally(options.rate_window_s), Tally(options.org_window_s))
        self._in_flight = 0
        self._accepted: deque[Callable[[], None]] = deque()

    def enter(self, resource: Resource) -> None:
        """Count an API request that arrives."""
        self.counts.requests += 1
        self.counts.resources[resource] += 1
        self._in_flight += 1
        self.counts.peak_in_flight = max(self.counts.peak_in_flight, self._in_flight)

    def leave(self, status: int | None) -> None:
        """Count an API request that is answered with `status`, or not at all (None)."""
        self._in_flight -= 1
        if status is None:
            self.counts.cut += 1
        else:
            self.counts.statuses[status] += 1

    def arrive(self) -> None:
        """Count a request that comes before the rate limits."""
        for tally in self._tallies:
            tally.ask(self.clock.now_s())

    def refuse(self, *, by_organization: bool) -> None:
        """Count a request that a rate limit refuses."""
        if by_organization:
            self.counts.refused_by_organization += 1
        else:
            self.counts.refused_by_token += 1
        self._tallies[by_organization].refuse()

    def open_participant(self, conversation_id: str, participant_id: str) -> Participant:
        """The participant whose attributes may be written; raises the Refusal if there is none."""
        participant = self.conversations.find_participant(conversation_id, participant_id)
        if participant is None:
            raise Refusal(404)
        if participant.left_at is not None:
            raise Refusal(409, message=f"The participant [{participant_id}] has already left.")
        return participant

    def store(self, write: Write, effect: Callable[[], None]) -> None:
        """Let a write take effect, after the delay of all writes."""

        def apply() -> None:
            effect()
            self.writes.apply(write)

        if self.options.apply_delay_s:
            # Timers that are due together need not fire in order; what was accepted first is first.
            self._accepted.append(apply)
            self._later(self.options.apply_delay_s, self._apply_oldest)
        else:
            apply()

    def store_late(self, write: Write, effect: Callable[[], None], delay_s: float) -> None:
        """Accept a write after `delay_s`, whatever its client knows about it."""
        self._later(delay_s, lambda: self.store(write, effect))

    def _apply_oldest(self) -> None:
        apply = self._accepted.popleft()
        apply()

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        counts = self.counts
        counts.pending += 1

        def arrive() -> None:
            counts.pending -= 1
            # After a reset these are other counts, and what was to come belongs to another run.
            if counts is self.counts:
                act()

        self.clock.call_later(delay_s, arrive)

    def stats(self) -> dict[str, Any]:
        """The counts, as one JSON document."""
        counts = self.counts
        foreign_admitted, foreign_throttled = self.tokens.foreign()
        return {
            "requests": counts.requests,
            "by_resource": {one.name.lower(): counts.resources[one] for one in Resource},
            **self._kinds(),
            "patches_applied": self.writes.applied,
            "writes_dropped": counts.dropped,
            "statuses": {str(status): n for status, n in sorted(counts.statuses.items())},
            "connections_cut": counts.cut,
            "throttled": counts.refused_by_token + counts.refused_by_organization,
            "refused_by_token": counts.refused_by_token,
            "refused_by_organization": counts.refused_by_organization,
            **self._peaks(),
            "foreign_admitted": foreign_admitted,
            "foreign_throttled": foreign_throttled,
            "tokens_minted": self.tokens.minted,
            "mints_refused": self.tokens.refused,
            "revoked": counts.revoked,
            "overlaps": self.writes.overlaps,
            "in_flight": self._in_flight,
            "peak_in_flight": counts.peak_in_flight,
            "late_writes_pending": counts.pending,
        }

    def _kinds(self) -> dict[str, int]:
        """Requests by what they cost a client's budget for."""
        asked = self.counts.resources
        return {
            "patches": sum(asked[resource] for resource in WRITES),
            "reads": asked[Resource.CONVERSATION],
            "lookups": asked[Resource.ANALYTICS],
            "wrapup_reads": asked[Resource.WRAPUP] + asked[Resource.WRAPUP_CODES],
            "code_lookups": asked[Resource.CODES] + asked[Resource.QUEUE_CODES],
            "mints": self.tokens.minted + self.tokens.refused,
        }

    def _peaks(self) -> dict[str, int]:
        of_tokens, of_all = self._tallies
        return {
            "peak_in_window": of_tokens.peak_asked,
            "peak_refused_in_window": of_tokens.peak_refused,
            "peak_in_organization_window": of_all.peak_asked,
            "peak_refused_in_organization_window": of_all.peak_refused,
        }

    def reset(self) -> None:
        """Forget conversations, writes, attempts and counts. Tokens stay valid, rules in force."""
        self.conversations.forget()
        self.codes.forget()
        self.writes.forget()
        self.injector.forget()
        self.tokens.minted = self.tokens.refused = 0
        self.counts = Counts()
        for tally in self._tallies:
            tally.forget()
        self._accepted.clear()
