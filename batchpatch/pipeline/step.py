"""The step: what is done with a patch. The one thing in which a run and a plan differ at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from batchpatch.sending.denials import DenialBuffer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from batchpatch.model import Delivery, InvalidRow, Patch, Row
    from batchpatch.sending.delivery import Deliverer

    Check = Callable[[list[Row | InvalidRow]], Awaitable[list[Row | InvalidRow]]]
    """What rows pass before participants are found: the same rows, some of them invalid by then."""


class Step(Protocol):
    """What a patch takes between the queue and its lines. Belongs to one event loop."""

    async def take(self, patch: Patch) -> Delivery:
        """Do with a patch what is to be done; the delivery says what is to be done next.

        Raises:
            BatchpatchError: what ends the whole run; the patch has then no line.
        """

    async def verify(self, delivery: Delivery) -> Delivery:
        """Look whether what was accepted is stored, for deliveries that are `to_verify`."""

    def recordable(self, delivery: Delivery) -> list[Delivery]:
        """The deliveries that may be recorded now that this one is there, in order.

        Raises:
            BatchpatchError: what ends the whole run; this one has then no line.
        """

    def remaining(self) -> list[Delivery]:
        """Those that are still held back, and are to be recorded at the end all the same."""

    def stop(self) -> None:
        """Begin nothing new, and verify no more: what was accepted stays accepted."""


class SendStep:
    """Sends patches; until anything is allowed it holds refusals of the token back."""

    def __init__(self, deliverer: Deliverer) -> None:
        # Bound, not wrapped: one await more would be paid by every row.
        self.take = deliverer.deliver
        self.verify = deliverer.verify
        self.stop = deliverer.close
        self._denials = DenialBuffer()
        self.recordable = self._denials.judge
        self.remaining = self._denials.release
