"""Everything that one sandbox remembers, for its handlers and for the tests that look into it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from batchpatch.sandbox.conversations import Conversations
from batchpatch.sandbox.injection import Injector
from batchpatch.sandbox.replies import Refusal
from batchpatch.sandbox.routes import Resource
from batchpatch.sandbox.tokens import TokenBook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from batchpatch.sandbox.conversations import Participant
    from batchpatch.sandbox.options import SandboxOptions


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


@dataclass(slots=True, eq=False)
class Write:
    """One PATCH request. Times are seconds of the sandbox's monotonic clock."""

    number: int
    """From 1, in order of arrival."""
    conversation_id: str
    participant_id: str
    started_s: float
    keys: tuple[str, ...] = ()
    """Names of the attributes; empty where the body was not read."""
    applied: int | None = None
    """From 1, in order of taking effect; None where nothing was stored."""
    applied_s: float | None = None
    ended_s: float | None = None
    """When it was answered or cut off; None while it is in flight."""
    status: int | None = None
    """Status of the answer; None where the connection was cut, or while in flight."""
    overlapped: bool = False
    """Another request for this participant was in flight when this one arrived."""


class WriteLog:
    """The newest writes, and counts over all of them."""

    def __init__(self, *, cap: int, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._log: deque[Write] = deque(maxlen=cap)
        self._in_flight: dict[tuple[str, str], list[tuple[Write, Callable[[], bool]]]] = {}
        self._started = 0
        self.applied = 0
        """Writes that took effect."""
        self.overlaps = 0
        """Requests that arrived while another for the same participant was in flight."""

    def begin(
        self, conversation_id: str, participant_id: str, is_connected: Callable[[], bool]
    ) -> Write:
        """Note an arrival. `is_connected` tells whether its client still waits for the answer.

        A client that gave up on a request and sent it again has one in flight, not two.
        """
        self._started += 1
        write = Write(self._started, conversation_id, participant_id, self._now_s())
        others = self._in_flight.setdefault((conversation_id, participant_id), [])
        if any(connected() for _, connected in others):
            write.overlapped = True
            self.overlaps += 1
        others.append((write, is_connected))
        self._log.append(write)
        return write

    def apply(self, write: Write, keys: Iterable[str]) -> None:
        """Note that a write takes effect now."""
        self.applied += 1
        write.applied = self.applied
        write.applied_s = self._now_s()
        write.keys = tuple(keys)

    def end(self, write: Write, status: int | None) -> None:
        """Note that a write is answered with `status`, or cut off (None)."""
        write.ended_s = self._now_s()
        write.status = status
        key = (write.conversation_id, write.participant_id)
        left = [entry for entry in self._in_flight.get(key, ()) if entry[0] is not write]
        if left:
            self._in_flight[key] = left
        else:
            self._in_flight.pop(key, None)

    def entries(self) -> Iterator[Write]:
        """The logged writes in order of arrival; safe while others write."""
        return iter(list(self._log))

    def documents(self) -> Iterator[dict[str, Any]]:
        """The logged writes as JSON documents."""
        return map(asdict, self.entries())

    def forget(self) -> None:
        """Empty the log and its counts; what is in flight stays so."""
        self._log.clear()
        self._started = self.applied = self.overlaps = 0


@dataclass(slots=True)
class Counts:
    """API requests, counted; minting is not among them."""

    requests: int = 0
    """Requests that arrived."""
    resources: Counter[Resource] = field(default_factory=Counter)
    """Requests by what they were for."""
    statuses: Counter[int] = field(default_factory=Counter)
    """Requests by the status that they were answered with."""
    cut: int = 0
    """Requests whose connection ended without an answer."""
    throttled: int = 0
    """Requests refused by the rate limit itself, not by a fault."""
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
        self.tokens = TokenBook(options, clock.now_s)
        self.injector = Injector(options.faults, seed=options.seed)
        self.writes = WriteLog(cap=options.log_writes, now_s=clock.now_s)
        self.counts = Counts()
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

    def open_participant(self, conversation_id: str, participant_id: str) -> Participant:
        """The participant whose attributes may be written; raises the Refusal if there is none."""
        participant = self.conversations.find_participant(conversation_id, participant_id)
        if participant is None:
            raise Refusal(404)
        if participant.left_at is not None:
            raise Refusal(409, message=f"The participant [{participant_id}] has already left.")
        return participant

    def store(self, participant: Participant, write: Write, attributes: Mapping[str, str]) -> None:
        """Merge attributes into their participant, after the delay of all writes."""

        def apply() -> None:
            participant.attributes.update(attributes)
            self.writes.apply(write, attributes)

        if self.options.apply_delay_s:
            # Timers that are due together need not fire in order; what was accepted first is first.
            self._accepted.append(apply)
            self._later(self.options.apply_delay_s, self._apply_oldest)
        else:
            apply()

    def store_late(
        self,
        participant: Participant,
        write: Write,
        attributes: Mapping[str, str],
        delay_s: float,
    ) -> None:
        """Accept a write after `delay_s`, whatever its client knows about it."""
        self._later(delay_s, lambda: self.store(participant, write, attributes))

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
            "patches_applied": self.writes.applied,
            "writes_dropped": counts.dropped,
            "statuses": {str(status): n for status, n in sorted(counts.statuses.items())},
            "connections_cut": counts.cut,
            "throttled": counts.throttled,
            "foreign_admitted": foreign_admitted,
            "foreign_throttled": foreign_throttled,
            "tokens_minted": self.tokens.minted,
            "mints_refused": self.tokens.refused,
            "overlaps": self.writes.overlaps,
            "in_flight": self._in_flight,
            "peak_in_flight": counts.peak_in_flight,
            "late_writes_pending": counts.pending,
        }

    def reset(self) -> None:
        """Forget conversations, writes, attempts and counts. Tokens stay valid, rules in force."""
        self.conversations.forget()
        self.writes.forget()
        self.injector.forget()
        self.tokens.minted = self.tokens.refused = 0
        self.counts = Counts()
        self._accepted.clear()
