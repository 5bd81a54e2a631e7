"""Fault injection: which request is hit, a pure choice, so that runs repeat whatever the timing."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.sandbox.conversations import share_of
from batchpatch.sandbox.faults import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from batchpatch.sandbox.faults import FaultOn

_HIT_BY: dict[FaultOn, tuple[FaultOn, ...]] = {
    "patch": ("patch",),
    "read": ("read",),
    "any": ("patch", "read"),
    "token": ("token",),
}


class Target(NamedTuple):
    """What a fault may hit: one write, one read or one request for a token."""

    verb: FaultOn
    """What a fault's `on` calls it."""
    subject: str
    """Whose attempts are counted: a participant, what is read, or the token endpoint."""
    conversation_ids: Collection[str] = ()
    participant_id: str | None = None
    """Of a write alone."""


class Injection(NamedTuple):
    """What happens to one request."""

    delay_s: float = 0.0
    """Wait this long before anything else."""
    fault: Fault | None = None
    """What goes wrong after that."""
    bounded: bool = False
    """True where it counts towards the faults in a row of its subject."""


_NOTHING = Injection()
TOKEN_TARGET = Target("token", "token")
"""A request to the token endpoint."""


def patch_target(conversation_id: str, participant_id: str) -> Target:
    """A write to one participant."""
    return Target("patch", participant_id, (conversation_id,), participant_id)


def read_target(what: str, conversation_ids: Collection[str]) -> Target:
    """A read of conversations; in whatever order they are named, it is the same one."""
    ids = "/".join(sorted(conversation_ids))
    # An analytics request names a hundred: what is remembered of it must not be that long.
    digest = blake2b(ids.encode(), digest_size=16).hexdigest()
    return Target("read", f"{what}/{digest}", conversation_ids)


def choose(
    faults: Sequence[Fault], target: Target, *, seed: int, attempt: int, in_a_row: int
) -> Injection:
    """Choose what happens to a subject's attempt (from 1) after `in_a_row` bounded faults.

    The first rule that fits decides what goes wrong; every latency rule that fits adds its delay.
    """
    delay_s = 0.0
    bounded = False
    for rule, fault in enumerate(faults):
        if not _fits(fault, target):
            continue
        if fault.times is not None and in_a_row >= fault.times:
            continue
        moment = 0 if fault.permanent else attempt
        if share_of(f"{seed}/{rule}/{target.subject}/{moment}") >= fault.rate:
            continue
        bounded = bounded or fault.times is not None
        if fault.kind is not FaultKind.LATENCY:
            return Injection(delay_s, fault, bounded)
        delay_s += fault.ms / 1000
    return Injection(delay_s, None, bounded) if delay_s else _NOTHING


def _fits(fault: Fault, target: Target) -> bool:
    if target.verb not in _HIT_BY[fault.on]:
        return False
    if fault.participant_id not in (None, target.participant_id):
        return False
    return fault.conversation_id is None or fault.conversation_id in target.conversation_ids


class Injector:
    """The rules in force, and how often each subject was asked for."""

    def __init__(self, faults: Sequence[Fault], *, seed: int) -> None:
        self._seed = seed
        self._asked: dict[str, tuple[int, int]] = {}
        self.replace(faults)

    def replace(self, faults: Sequence[Fault]) -> None:
        """Put other rules in force; subjects keep their count of attempts."""
        self._faults = tuple(faults)
        self._verbs = {verb for fault in faults for verb in _HIT_BY[fault.on]}

    def forget(self) -> None:
        """Count every subject's attempts from the start again."""
        self._asked.clear()

    def draw(self, target: Target) -> Injection:
        """Count one more attempt of this subject and choose what happens to it."""
        if target.verb not in self._verbs:
            # Nothing to choose from: a million participants need not be remembered.
            return _NOTHING
        attempt, in_a_row = self._asked.get(target.subject, (0, 0))
        chosen = choose(
            self._faults, target, seed=self._seed, attempt=attempt + 1, in_a_row=in_a_row
        )
        self._asked[target.subject] = (attempt + 1, in_a_row + 1 if chosen.bounded else 0)
        return chosen
