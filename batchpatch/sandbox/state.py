"""Everything that one sandbox remembers, for its handlers and for the tests that look into it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from batchpatch.sandbox.conversations import Conversations
from batchpatch.sandbox.injection import Injector
from batchpatch.sandbox.tokens import TokenBook
from batchpatch.sandbox.writes import WriteLog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchpatch.sandbox.clock import Clock
    from batchpatch.sandbox.options import SandboxOptions
    from batchpatch.sandbox.writes import Write


@dataclass(slots=True)
class Counts:
    """API requests, counted; minting is not among them."""

    requests: int = 0
    """Requests that arrived."""
    statuses: Counter[int] = field(default_factory=Counter)
    """Requests by the status that they were answered with."""
    cut: int = 0
    """Requests whose connection ended without an answer."""
    throttled: int = 0
    """Requests refused by the rate limit itself, not by a fault."""
    peak_in_flight: int = 0
    """Most requests in flight at once."""


class SandboxState:
    """Conversations, tokens, rules and counts. Belongs to the server's event loop."""

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        self.options = options
        self.clock = clock
        self.conversations = Conversations(strict=options.strict)
        self.tokens = TokenBook(options, clock)
        self.injector = Injector(options.faults, seed=options.seed)
        self.writes = WriteLog(cap=options.log_writes, now_s=clock.now_s)
        self.counts = Counts()
        self._in_flight = 0
        self._late = 0

    def enter(self) -> None:
        """Count an API request that arrives."""
        self.counts.requests += 1
        self._in_flight += 1
        self.counts.peak_in_flight = max(self.counts.peak_in_flight, self._in_flight)

    def leave(self, status: int | None) -> None:
        """Count an API request that is answered with `status`, or not at all (None)."""
        self._in_flight -= 1
        if status is None:
            self.counts.cut += 1
        else:
            self.counts.statuses[status] += 1

    def store(self, write: Write, attributes: Mapping[str, str]) -> bool:
        """Merge attributes into their participant; False where there is no such participant."""
        participant = self.conversations.find_participant(
            write.conversation_id, write.participant_id
        )
        if participant is None:
            return False
        participant.attributes.update(attributes)
        self.writes.apply(write, attributes)
        return True

    def store_later(self, write: Write, attributes: Mapping[str, str], delay_s: float) -> None:
        """Merge attributes after `delay_s`, whatever their client knows about it."""
        self._late += 1

        def arrive() -> None:
            self._late -= 1
            self.store(write, attributes)

        self.clock.call_later(delay_s, arrive)

    def stats(self) -> dict[str, Any]:
        """The counts, as one JSON document."""
        counts = self.counts
        foreign_admitted, foreign_throttled = self.tokens.foreign()
        return {
            "requests": counts.requests,
            "patches_applied": self.writes.applied,
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
            "late_writes_pending": self._late,
        }

    def reset(self) -> None:
        """Forget conversations, writes, attempts and counts. Tokens stay valid, rules in force."""
        self.conversations.forget()
        self.writes.forget()
        self.injector.forget()
        self.tokens.minted = self.tokens.refused = 0
        self.counts = Counts()
