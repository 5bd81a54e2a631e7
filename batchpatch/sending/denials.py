"""The denial buffer: tells a token that may do nothing from a row that may not be written. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import AccessError

if TYPE_CHECKING:
    from batchpatch.model import Delivery, PatchOutcome

DENIED = frozenset({401, 403})
ENOUGH = 5


class DenialBuffer:
    """Holds denials back until it is known whether anything is allowed at all.

    A run whose first `ENOUGH` answers are all 401 or 403 is refused as a whole: its rows keep no
    line, because they were never judged one by one.
    """

    def __init__(self) -> None:
        self._held: list[Delivery] = []
        self._open = False

    def judge(self, delivery: Delivery) -> list[Delivery]:
        """The deliveries that may be recorded now, in order of settlement.

        Raises:
            AccessError: nothing has ever been allowed.
        """
        if self._open or not any(outcome.attempts for _, outcome in delivery.parts):
            return [delivery]  # what was not sent says nothing about what is allowed
        self._held.append(delivery)
        if not all(outcome.status in DENIED for _, outcome in delivery.parts):
            self._open = True
            return self.release()
        if len(self._held) >= ENOUGH:
            raise AccessError(_refusal(delivery.parts[0][1]))
        return []

    def release(self) -> list[Delivery]:
        """What is still held, to be recorded: the run ended before there were enough answers."""
        held, self._held = self._held, []
        return held


def _refusal(outcome: PatchOutcome) -> str:
    said = f" ({outcome.message})" if outcome.message else ""
    return (
        f"The first {ENOUGH} answers were all refusals, the last with status {outcome.status}"
        f"{said}, so nothing was recorded. {outcome.hint or ''}"
    ).strip()
