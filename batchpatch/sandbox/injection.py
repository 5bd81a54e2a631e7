"""Which fault hits which request: a pure choice, so that runs repeat whatever the timing."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.sandbox.faults import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Sequence


class Injection(NamedTuple):
    """What happens to one request."""

    delay_s: float = 0.0
    """Wait this long before anything else."""
    fault: Fault | None = None
    """What goes wrong after that."""
    bounded: bool = False
    """True where it counts towards the faults in a row of its participant."""


_NOTHING = Injection()


def choose(
    faults: Sequence[Fault],
    *,
    seed: int,
    conversation_id: str,
    participant_id: str,
    attempt: int,
    in_a_row: int,
) -> Injection:
    """Choose what happens to a participant's attempt (from 1) after `in_a_row` bounded faults.

    The first rule that fits decides what goes wrong; every latency rule that fits adds its delay.
    """
    delay_s = 0.0
    bounded = False
    for rule, fault in enumerate(faults):
        if fault.participant_id not in (None, participant_id):
            continue
        if fault.conversation_id not in (None, conversation_id):
            continue
        if fault.times is not None and in_a_row >= fault.times:
            continue
        moment = 0 if fault.permanent else attempt
        if _share(f"{seed}/{rule}/{participant_id}/{moment}") >= fault.rate:
            continue
        bounded = bounded or fault.times is not None
        if fault.kind is not FaultKind.LATENCY:
            return Injection(delay_s, fault, bounded)
        delay_s += fault.ms / 1000
    return Injection(delay_s, None, bounded) if delay_s else _NOTHING


def _share(text: str) -> float:
    """Spread texts evenly over 0 <= share < 1."""
    # 53 bits, because a float holds no more and 1.0 must stay out of reach.
    return (int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 11) / 2**53


class Injector:
    """The rules in force, and how often each participant was asked."""

    def __init__(self, faults: Sequence[Fault], *, seed: int) -> None:
        self._faults = tuple(faults)
        self._seed = seed
        self._asked: dict[str, tuple[int, int]] = {}

    def replace(self, faults: Sequence[Fault]) -> None:
        """Put other rules in force; participants keep their count of attempts."""
        self._faults = tuple(faults)

    def forget(self) -> None:
        """Count every participant's attempts from the start again."""
        self._asked.clear()

    def draw(self, *, conversation_id: str, participant_id: str) -> Injection:
        """Count one more attempt of this participant and choose what happens to it."""
        if not self._faults:
            # Nothing to choose from: a million participants need not be remembered.
            return _NOTHING
        attempt, in_a_row = self._asked.get(participant_id, (0, 0))
        chosen = choose(
            self._faults,
            seed=self._seed,
            conversation_id=conversation_id,
            participant_id=participant_id,
            attempt=attempt + 1,
            in_a_row=in_a_row,
        )
        self._asked[participant_id] = (attempt + 1, in_a_row + 1 if chosen.bounded else 0)
        return chosen
