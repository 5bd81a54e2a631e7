"""Outcomes of patches: each answer, or look at the conversation, as one value. Pure.

None of these texts holds an attribute's value: they go into the report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from batchpatch.genesys.conversations.conversation import Conversation
from batchpatch.genesys.hints import UNKNOWN_CONVERSATION, hint_for
from batchpatch.genesys.retry import OutcomeKind
from batchpatch.model import UPDATED, Outcome, PatchOutcome
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.genesys.conversations.reader import Unread
    from batchpatch.genesys.retry import Answer
    from batchpatch.genesys.routes import Route
    from batchpatch.model import Patch
    from batchpatch.writes.columns import RefusedError
    from batchpatch.writes.kind import WriteKind

_ACCEPTED = OutcomeKind.ACCEPTED


_OVERWRITTEN = (
    "A flow or another program may have written it since, or the write was lost:"
    " sending the row again is safe."
)
_NOBODY_KNOWS = "Whether it was written nobody knows: sending the row again is safe."
_OR_THE_ROUTE = " If it is so for every row, this route stores nothing: try --route {}."


class Lost(NamedTuple):
    """What is not as it was written."""

    missing: tuple[str, ...]
    """Names of attributes that are not there."""
    differing: tuple[str, ...]
    """Names of attributes that have another value."""
    listed: bool = True
    """The conversation lists the participant."""

    def __str__(self) -> str:
        """In words, by name."""
        if not self.listed:
            return "the conversation does not list the participant"
        parts = (("missing", self.missing), ("differs", self.differing))
        return "; ".join(f"{word}: {listed(names)}" for word, names in parts if names)


def stored(outcome: PatchOutcome) -> PatchOutcome:
    """All that was written was read back."""
    return outcome._replace(verified=True)


def not_stored(outcome: PatchOutcome, lost: Lost, *, after_s: float, route: Route) -> PatchOutcome:
    """It was accepted, and when it was last read back something was not there.

    Args:
        outcome: what the platform answered to the PATCH.
        lost: what was not there.
        after_s: seconds from the acceptance to that read.
        route: the one that was taken.
    """
    hint = route.warning or _OVERWRITTEN
    if route.warning is None and route.otherwise:
        hint += _OR_THE_ROUTE.format(route.otherwise)
    return outcome._replace(
        outcome=Outcome.NOT_STORED,
        code="not_stored",
        message=f"accepted, but read back {after_s:.0f} s later: {lost}",
        hint=hint,
        verified=False,
    )


def not_read_back(outcome: PatchOutcome, found: Unread) -> PatchOutcome:
    """It was accepted, and no read has shown whether it is stored."""
    return unverified(outcome, found.message)


def unverified(outcome: PatchOutcome, reason: str) -> PatchOutcome:
    """A check that was asked for could not be made: that is not a check that passed."""
    hint = f"It could not be read back: {reason}."
    return outcome._replace(hint=hint, verified=None, unverified=reason)


def outcome_of(answer: Answer, *, route: Route, elapsed_s: float) -> PatchOutcome:
    """How a call that was settled reads in the report."""
    kind, reply, failure, attempts = answer
    if kind is _ACCEPTED and reply is not None:  # hot: by position
        return PatchOutcome(
            UPDATED, reply.status, None, None, None, reply.correlation_id, attempts, elapsed_s
        )
    if reply is not None:
        return PatchOutcome(
            Outcome.REJECTED,
            status=reply.status,
            code=reply.code,
            message=reply.message,
            hint=hint_for(reply, route=route),
            correlation_id=reply.correlation_id,
            attempts=attempts,
            elapsed_s=elapsed_s,
        )
    return PatchOutcome(
        Outcome.UNKNOWN,
        code=failure.code if failure else "no_answer",
        message=failure.message if failure else None,
        hint=hint_for(failure, route=route) if failure else None,
        attempts=attempts,
        elapsed_s=elapsed_s,
    )


_NAMES = 5
_NAME_CHARS = 60


def unchanged(kind: WriteKind = USUAL) -> PatchOutcome:
    """The participant has all that is asked for: nothing was sent."""
    return PatchOutcome(Outcome.UNCHANGED, code="already_so", message=kind.already_so)


def conflict(names: Iterable[str]) -> PatchOutcome:
    """These attributes are no longer what a plan or an undo expects: nothing was sent."""
    return PatchOutcome(
        Outcome.CONFLICT,
        code="changed_since",
        message=f"no longer the value that is expected: {listed(names)}",
        hint="Nothing was sent: make the plan again, or send without --guard (an undo: --force).",
    )


def unplanned(names: Iterable[str]) -> PatchOutcome:
    """A guard was asked for, and nothing says what is expected of these attributes."""
    return PatchOutcome(
        Outcome.INVALID,
        code="not_planned",
        message=f"--guard compares with a plan's `before`, which says nothing of: {listed(names)}",
        hint="Run a plan that `batchpatch plan` has made, or leave out --guard.",
    )


def unread(found: Unread) -> PatchOutcome:
    """The conversation could not be read before sending: nothing was sent.

    Where nothing is known of it the outcome is `unknown`, not `rejected`: the platform has not
    judged the row, and the same row may well be written the next time.
    """
    if found.is_unknown:
        return unknown_conversation()._replace(
            status=found.status, correlation_id=found.correlation_id
        )
    return PatchOutcome(
        Outcome.UNKNOWN,
        status=found.status,
        code="not_read",
        message=f"not sent, because it could not be read first: {found.message}",
        hint=found.hint,
        correlation_id=found.correlation_id,
    )


def unknown_conversation() -> PatchOutcome:
    """The platform does not know the conversation."""
    return _told(Outcome.REJECTED, *UNKNOWN_CONVERSATION)


def refused(error: RefusedError) -> PatchOutcome:
    """The kind of write has no way to write this: nothing was sent."""
    return _told(Outcome.REJECTED, error.code, error.message, error.hint)


def _told(outcome: Outcome, code: str, message: str, hint: str) -> PatchOutcome:
    return PatchOutcome(outcome, code=code, message=message, hint=hint)


def not_in_conversation(conversation: Conversation) -> PatchOutcome:
    """The conversation is known, and the participant is none of its participants."""
    count = len(conversation.participants)
    return PatchOutcome(
        Outcome.REJECTED,
        code="participant_not_in_conversation",
        message=f"the participant is none of the conversation's {count}",
        hint=(
            "The row pairs ids that do not belong together: check both columns, or let"
            " --participant (customer, agent...) find the participant."
        ),
    )


def no_communication(route: Route) -> PatchOutcome:
    """The participant has no call, email or the like that could be written to."""
    return PatchOutcome(
        Outcome.REJECTED,
        code="no_communication",
        message="the participant has no communication in this conversation",
        hint=f"Is it the right participant? --route {route.otherwise} needs no communication.",
    )


def not_allowed(error: RefusedError) -> PatchOutcome:
    """The participant may not be given what a row asks for: it is not planned."""
    return _told(Outcome.INVALID, error.code, error.message, error.hint)


def has_left() -> PatchOutcome:
    """The participant is no longer in the conversation, which is why the platform says 409."""
    return PatchOutcome(
        Outcome.REJECTED,
        code="participant_has_left",
        message="the participant has left the conversation",
        hint=(
            "Sending it again will not help: leave the row out, or name a participant that is"
            " still there (a customer who came back has another id)."
        ),
    )


def no_platform(message: str) -> PatchOutcome:
    """The platform cannot be had: whether anything of it was written nobody knows."""
    return _told(
        Outcome.UNKNOWN, "outage", message, "Send the row again: that is safe, whatever came of it."
    )


def left_without_answer(attempts: int) -> PatchOutcome:
    """Its deadline has passed, and no request of it that has left got a final answer."""
    times = "once" if attempts == 1 else f"{attempts} times"
    return _told(
        Outcome.UNKNOWN,
        "deadline",
        f"sent {times} without a final answer before its deadline",
        _NOBODY_KNOWS,
    )._replace(attempts=attempts)


def diagnose(patch: Patch, status: int | None, found: Conversation | Unread) -> PatchOutcome | None:
    """What a read says about a refusal with that status; None where it explains nothing. Pure."""
    if not isinstance(found, Conversation):
        return unknown_conversation() if found.is_unknown and status == 404 else None
    who = [one for one in found.participants if one.id == patch.participant_id]
    if status == 404:
        return None if who else not_in_conversation(found)
    return has_left() if who and who[0].left else None


def explained(outcome: PatchOutcome, verdict: PatchOutcome) -> PatchOutcome:
    """What the platform answered, told in the words of a verdict."""
    return outcome._replace(code=verdict.code, message=verdict.message, hint=verdict.hint)


def too_late() -> PatchOutcome:
    """Its deadline has passed while it waited: nothing was sent."""
    return _told(
        Outcome.REJECTED,
        "deadline",
        "its deadline had passed before it could be sent",
        "Nothing was sent. Give it more time, or let it go first with a high priority; send it "
        "again if it still matters.",
    )


def withdrawn() -> PatchOutcome:
    """Whoever asked for it no longer waits for it: nothing was sent."""
    return _told(
        Outcome.REJECTED,
        "cancelled",
        "whoever asked for it gave it up before it was sent",
        "Nothing was sent: ask for it again if it still matters.",
    )


def closed() -> PatchOutcome:
    """Nobody waited for it any longer than to the end of what it was given to."""
    return _told(
        Outcome.UNKNOWN,
        "closed",
        "it was closed before the row was settled",
        _NOBODY_KNOWS,
    )


def listed(names: Iterable[str]) -> str:
    """Names for a sentence; of many only the first, and of long ones only the beginning."""
    all_names = list(names)
    shown = ", ".join(
        name if len(name) <= _NAME_CHARS else name[: _NAME_CHARS - 3] + "..."
        for name in all_names[:_NAMES]
    )
    more = len(all_names) - _NAMES
    return f"{shown} and {more} more" if more > 0 else shown
