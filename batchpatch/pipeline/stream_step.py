"""The step of a stream: as of a run, for rows whose results somebody waits for.

Nothing is held back: a refusal is the row's own result. A patch is given up when it is of no use
any more, if no request of it is under way at that moment.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from batchpatch.errors import OutageError
from batchpatch.genesys.departure import Departure, followed
from batchpatch.model import Delivery
from batchpatch.sending import outcomes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from batchpatch.model import Patch, Row
    from batchpatch.sending.delivery import Deliverer

LOOK_AGAIN_S = 0.05
"""A request is under way when its patch is due: its answer is awaited."""


class StreamStep:
    """Sends patches and gives each back at once; see `Step`. Belongs to one event loop."""

    sends = True

    def __init__(
        self,
        deliverer: Deliverer,
        *,
        patch_of: Callable[[Sequence[Row]], Patch],
        survives: bool = False,
    ) -> None:
        """Nothing is sent yet.

        Args:
            deliverer: sends.
            patch_of: makes a patch of rows of one participant, under the lease it has.
            survives: an outage is the result of those rows alone; else it ends the run.
        """
        self._deliver = deliverer.deliver
        self.verify = deliverer.verify
        self.stop = deliverer.close
        self._patch_of = patch_of
        self._survives = survives

    async def take(self, patch: Patch) -> Delivery:
        """Send a patch; a row that is of no use any more is given up, and the others go on.

        Raises:
            BatchpatchError: what ends the whole run; the patch is then not settled.
        """
        due_s = min((due for row in patch.rows if (due := _due_s(row)) is not None), default=None)
        try:
            if due_s is None:
                return await self._deliver(patch)
            if due_s <= monotonic():
                return await self._without_late(patch, due_s)
            return await self._take_in_time(patch, due_s)
        except OutageError as error:
            if not self._survives:
                raise
            return Delivery(patch, [(patch, outcomes.no_platform(str(error)))])

    async def _take_in_time(self, patch: Patch, due_s: float) -> Delivery:
        departure = Departure()
        try:
            with followed(departure), _given_up_at(due_s, departure):
                return await self._deliver(patch)
        except _GivenUpError:
            return await self._without_late(patch, due_s, attempts=departure.attempts)

    async def _without_late(self, patch: Patch, due_s: float, *, attempts: int = 0) -> Delivery:
        """What is of use yet goes on without the rest, of which so many requests have left."""
        now_s = max(due_s, monotonic())  # a timer may be early by what its clock cannot tell
        given_up, rest = _apart(patch, now_s, left=bool(attempts))
        if attempts:
            unknown = outcomes.left_without_answer(attempts)
            parts = [(self._patch_of(given_up), unknown)]
        else:
            parts = [(self._patch_of([row]), outcomes.too_late()) for row in given_up]
        if rest:
            delivery = await self.take(self._patch_of(rest))
            if delivery.to_verify:
                delivery = await self.verify(delivery)
            parts += delivery.parts
        return Delivery(patch, parts)

    def recordable(self, delivery: Delivery) -> list[Delivery]:
        """Itself."""
        return [delivery]

    def remaining(self) -> list[Delivery]:
        """None."""
        return []

    def close(self) -> None:
        """Nothing is held."""


def _apart(patch: Patch, now_s: float, *, left: bool) -> tuple[list[Row], list[Row]]:
    """The rows that are given up, and those that go on; each in their order.

    Of what has left, nobody knows whether it was written. What a row wants of a name that a later
    one may have written by now is not sent any more: old would beat new.
    """
    given_up: list[Row] = []
    rest: list[Row] = []
    written: set[str] = set()
    for row in reversed(patch.rows):
        overwritten = left and (
            not written.isdisjoint(row.names)
            or any(patch.superseded.get(row.number) == one.number for one in given_up)
        )
        due_s = _due_s(row)
        if overwritten or (due_s is not None and due_s <= now_s):
            given_up.append(row)
            written.update(row.names)
        else:
            rest.append(row)
    return given_up[::-1], rest[::-1]


def _due_s(row: Row) -> float | None:
    return None if row.context is None else row.context.due_s


class _GivenUpError(Exception):
    """The patch is of no use any more, and nothing of it is under way."""


@contextmanager
def _given_up_at(due_s: float, departure: Departure) -> Iterator[None]:
    """Cut this task short when the patch is due, or as soon after it as nothing is under way.

    Not by a timeout: that cancels one round of the loop later, when a request may have left.
    Raises _GivenUpError.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - whoever runs a coroutine is one
    cancelled_before = task.cancelling()
    given_up = False
    handle: asyncio.TimerHandle

    def look() -> None:
        nonlocal given_up, handle
        if departure.on_the_wire:
            handle = loop.call_later(LOOK_AGAIN_S, look)
        else:
            given_up = True
            task.cancel()

    handle = loop.call_later(max(0.0, due_s - monotonic()), look)
    try:
        yield
    except BaseException as error:
        alone = given_up and task.uncancel() <= cancelled_before
        if alone and isinstance(error, asyncio.CancelledError):
            raise _GivenUpError from None
        raise
    finally:
        handle.cancel()
