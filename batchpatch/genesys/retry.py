"""Retry decisions: after an attempt, end the call, wait and try again, or get another token.

Pure: the answer, the tries so far, the policy and a random number go in, a decision comes out.
A success never gets here; the client returns it on its fast path.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.genesys.replies import NoReply, Reply

if TYPE_CHECKING:
    from batchpatch.options.run import RetryPolicy

RETRIED = frozenset({408, 500, 502, 503, 504})
"""Tried again at the cost of a retry; 429, 401 and 409 have rules of their own."""

_ALONE_BASE_S = 1.0
_ALONE_CAP_S = 60.0
# 2 ** 30 seconds is beyond every cap, and larger powers only risk an overflow.
_DOUBLINGS = 30


class OutcomeKind(StrEnum):
    """The kind of a final answer."""

    ACCEPTED = "accepted"
    """An answer 2xx."""
    REFUSED = "refused"
    """The last attempt was answered, and the answer is not 2xx."""
    UNANSWERED = "unanswered"
    """The last attempt was not answered: nobody knows whether the request took effect."""


class Answer(NamedTuple):
    """The final answer to a call: how it ended, and after how many attempts."""

    outcome_kind: OutcomeKind
    reply: Reply | None
    """The last answer; None where the last attempt got none."""
    failure: NoReply | None
    """Why the last attempt got no answer; None where it got one."""
    attempts: int
    """Requests that left for this call, the refused and the repeated ones included."""


class Tries(NamedTuple):
    """What one call has gone through before the answer at hand."""

    attempts: int = 0
    """Answered or failed attempts before this one."""
    retries: int = 0
    """Retries used."""
    conflicts: int = 0
    renewals: int = 0
    rounds: int = 0
    """Waits after a 429 that came for this call alone."""
    answers: int | None = None
    """Answers to all calls by its last failure; None before one."""


FIRST = Tries()
"""Shared, because a tuple cannot change and most calls need no other."""


class Final(NamedTuple):
    """Decision: no further attempt."""

    kind: OutcomeKind


class Wait(NamedTuple):
    """Decision: another attempt after a pause."""

    wait_s: float
    tries: Tries


class Throttled(NamedTuple):
    """Decision: another attempt when the allowance of a token admits it, which costs no retry."""

    tries: Tries


class Renew(NamedTuple):
    """Decision: another attempt with another token."""

    tries: Tries


Decision = Final | Wait | Throttled | Renew


def decide(
    answer: Reply | NoReply,
    tries: Tries,
    policy: RetryPolicy,
    jitter: float = 0.0,
    *,
    alone: bool = False,
) -> Decision:
    """Decide what follows an attempt. `jitter` is random in [0, 1).

    When the tries run out the last attempt names the outcome. A final 5xx is an answer, and so
    `refused`, although an earlier attempt of the same call may have gone unanswered: the platform
    was heard to say no after it, and the write is idempotent, so sending the row again is safe
    either way. `unanswered` is for a call whose last attempt nobody answered, and for one that gets
    nothing but 429s while others pass (`alone`), or is put off for long, which may end at any time.
    """
    tries = tries._replace(attempts=tries.attempts + 1)
    if isinstance(answer, NoReply):
        return _again(tries, policy, jitter, None, OutcomeKind.UNANSWERED)
    status = answer.status
    if status == 429:
        return _refused_alone(answer, tries, policy, jitter) if alone else Throttled(tries)
    if status == 401 and tries.renewals < policy.renewals:
        return Renew(tries._replace(renewals=tries.renewals + 1))
    if status == 409 and tries.conflicts == 0 and tries.retries < policy.retries:
        tries = tries._replace(conflicts=1, retries=tries.retries + 1)
        return Wait(min(answer.retry_after_s or policy.conflict_pause_s, policy.cap_s), tries)
    if status in RETRIED:
        # Who asks to be asked later has not said no.
        later = asks_for_long(answer, policy)
        end = OutcomeKind.UNANSWERED if later else OutcomeKind.REFUSED
        return _again(tries, policy, jitter, answer.retry_after_s, end)
    return Final(OutcomeKind.REFUSED)


def is_down(answer: Reply | NoReply) -> bool:
    """True for what a platform that is down does: no answer, or a gateway's or server's error."""
    return isinstance(answer, NoReply) or answer.status >= 500


def asks_for_long(answer: Reply | NoReply, policy: RetryPolicy) -> bool:
    """True for a server's error that asks for a longer wait than is made between two tries."""
    if isinstance(answer, NoReply) or answer.status < 500:
        return False
    return (answer.retry_after_s or 0.0) > policy.cap_s


def backoff_s(turn: int, *, base_s: float, cap_s: float) -> float:
    """Return the longest pause before the given turn, counted from 0."""
    return float(min(cap_s, base_s * 2 ** min(turn, _DOUBLINGS)))


def _refused_alone(reply: Reply, tries: Tries, policy: RetryPolicy, jitter: float) -> Decision:
    """One resource has a limit of its own: its call waits by itself, and not for ever."""
    if tries.rounds >= policy.retries:
        return Final(OutcomeKind.UNANSWERED)
    wait_s = reply.retry_after_s
    if wait_s is None:
        wait_s = backoff_s(tries.rounds, base_s=_ALONE_BASE_S, cap_s=_ALONE_CAP_S)
    return Wait(wait_s + jitter, tries._replace(rounds=tries.rounds + 1))


def _again(
    tries: Tries,
    policy: RetryPolicy,
    jitter: float,
    retry_after_s: float | None,
    otherwise: OutcomeKind,
) -> Decision:
    if tries.retries >= policy.retries:
        return Final(otherwise)
    wait_s = jitter * backoff_s(tries.retries, base_s=policy.base_s, cap_s=policy.cap_s)
    if retry_after_s is not None:
        # The server's word goes first; the jitter keeps the pool from coming back as one. What
        # fails for longer than a pause is an outage, which is waited out for all.
        wait_s = min(retry_after_s, policy.cap_s) + jitter
    return Wait(wait_s, tries._replace(retries=tries.retries + 1))


def ended(decision: Final, answer: Reply | NoReply, tries: Tries) -> Answer:
    """Return what a call ends with: its last answer, or why there is none."""
    attempts = tries.attempts + 1
    if isinstance(answer, NoReply):
        return Answer(decision.kind, None, answer, attempts)
    if decision.kind is OutcomeKind.REFUSED:
        return Answer(decision.kind, answer, None, attempts)
    times = (tries.rounds if answer.status == 429 else tries.retries) + 1
    message = f"answered {answer.status} {times} times while other requests passed"
    return Answer(decision.kind, None, NoReply("throttled", message, sent=True), attempts)


FOLLOWS = {
    Final: "final",
    Wait: "tried again after a pause",
    Throttled: "tried again when the allowance admits it",
    Renew: "another token is taken",
}
"""What a decision means, for the log."""


def words_for(answer: Reply | NoReply) -> str:
    """Return an answer in words for the log: no body, no value, no token."""
    if isinstance(answer, NoReply):
        return f"no answer ({answer.kind})"
    return f"{answer.status} {answer.code or ''} {answer.correlation_id or ''}".rstrip()
