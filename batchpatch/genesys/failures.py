"""Failures of calls: which end the run, which are an outage of all, and which a call's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.genesys.hints import (
    long_refusal_error,
    page_error,
    postponed_error,
    refusals_error,
    time_words,
    tls_error,
)
from batchpatch.genesys.purpose import looks_again
from batchpatch.genesys.replies import Reply
from batchpatch.genesys.retry import asks_for_long

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.errors import OutageError
    from batchpatch.genesys.circuit_breaker import CircuitBreaker
    from batchpatch.genesys.replies import NoReply
    from batchpatch.genesys.retry import Tries
    from batchpatch.options.run import RetryPolicy

# So many pages before the platform was ever heard: a gateway's hiccup is one or two.
_PAGES_ENOUGH = 3


class FailureJudge:
    """Tells of each failure whose it is. Belongs to one event loop."""

    def __init__(
        self,
        host: str,
        breaker: CircuitBreaker,
        *,
        max_outage_s: float,
        wall_clock: Callable[[], float],
    ) -> None:
        self.heard = False
        """The platform has answered."""
        self._host = host
        self._breaker = breaker
        self._max_outage_s = max_outage_s
        self._wall_clock = wall_clock
        self._pages = 0
        """Pages that have answered in its place."""

    def judge_no_reply(self, answer: NoReply) -> OutageError | None:
        """What there is to say of a page that answers in the platform's place; None of no page.

        Raises what ends a run where nothing has worked yet.
        """
        if answer.kind == "tls" and not self.heard:
            raise tls_error(self._host)  # no retry mends a setting
        if answer.kind != "page":
            return None
        error = page_error(self._host, answer)
        self._pages += 1
        if not self.heard and self._pages >= _PAGES_ENOUGH:
            raise error
        return error

    def judge_refusal(self, reply: Reply, policy: RetryPolicy, lasted_s: float) -> None:
        """Raise `OutageError` where a 429 asks for too long, or nothing else has come for so long.

        `lasted_s`: since the first 429 after which nothing was admitted.
        """
        self._breaker.answered()
        if (reply.retry_after_s or 0.0) > policy.max_wait_s:
            raise long_refusal_error(self._host, reply, policy, now_s=self._wall_clock())
        if lasted_s >= self._max_outage_s:
            raise refusals_error(self._host, lasted_s)

    def is_outage(
        self,
        answer: Reply | NoReply,
        tries: Tries,
        policy: RetryPolicy,
        *,
        last_try: bool,
        asked: str | None,
        told: OutageError | None,
    ) -> bool:
        """Take in what a platform that is down does; True where its call is not to be charged.

        Args:
            answer: or why there is none.
            tries: of the call, before this one.
            policy: of the call.
            last_try: it has no further one.
            asked: what for, see `OutageWatch.failed`.
            told: what there is to say where it lasts too long, if it is not that nothing answers.
        """
        if looks_again() and not self._breaker.is_open:
            return False  # while others are answered, or nobody else asks, its time is its own
        until = None
        # Where others were answered since its last try, it is this call alone that is put off.
        nobody_passed = tries.answers in (None, self._breaker.answers)
        if isinstance(answer, Reply) and asks_for_long(answer, policy) and nobody_passed:
            until = time_words(self._wall_clock() + (answer.retry_after_s or 0.0))
            told = postponed_error(self._host, answer.status, until)
        return self._breaker.failed(
            fresh=tries.attempts == 0, last_try=last_try, asked=asked, told=told, until=until
        )
