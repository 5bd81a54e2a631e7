"""The workers of a pipeline: patches from the queue through the step to the record, until a stop.

A stop (a signal, a threshold, the time) is obeyed in two steps. At the first, nothing more is read,
handed out or sent, and what has left is waited for, up to the grace; what was accepted is recorded.
At the second, or after the grace, the workers are cancelled. What was cut off has no line.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from batchpatch.errors import BatchpatchError
from batchpatch.genesys.subject import concern
from batchpatch.pipeline.stop import nothing_on_the_wire
from batchpatch.sending.outcomes import unverified

if TYPE_CHECKING:
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.model import Delivery
    from batchpatch.pipeline.feeding import Feeder
    from batchpatch.pipeline.gauge import Gauge
    from batchpatch.pipeline.patch_queue import PatchQueue
    from batchpatch.pipeline.recorder import Recorder
    from batchpatch.pipeline.step import Step
    from batchpatch.pipeline.stop import OpeningHours, Stopper

MOST_VERIFYING = 2000
"""Patches that wait to be read back, at most; each of them holds its participant's lease."""


class Workers:
    """A fixed number of tasks that take patches, beside the one that feeds the queue."""

    def __init__(
        self,
        queue: PatchQueue,
        *,
        feeder: Feeder,
        step: Step,
        recorder: Recorder,
        client: GenesysClient,
        stopper: Stopper,
        grace_s: float,
        hours: OpeningHours | None,
        gauge: Gauge,
    ) -> None:
        """Nothing is taken yet.

        Args:
            queue: of the patches.
            feeder: fills it.
            step: what is done with a patch.
            recorder: of what came of it.
            client: asks the platform.
            stopper: stops the run.
            grace_s: how long a stop waits for what has left, in seconds.
            hours: in which requests may begin.
            gauge: is told how many patches wait to be read back.
        """
        self._queue = queue
        self._feeder = feeder
        self._step = step
        self._recorder = recorder
        self._client = client
        self._stopper = stopper
        self._grace_s = grace_s
        self._hours = hours
        self._gauge = gauge
        self._verifying = asyncio.Semaphore(MOST_VERIFYING)
        self._cut_short = False
        """A stop was asked for: nothing is looked for any more."""

    async def take_all(self, workers: int) -> None:
        """Feed, and work on what is fed, to the end or to a stop.

        Raises:
            BatchpatchError: what ends the whole run.
        """
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(self._feeder.feed())
            working = [group.create_task(self._work(group)) for _ in range(workers)]
            watching = group.create_task(self._watch(feeding, working))
            await asyncio.wait([feeding, *working])
            watching.cancel()

    async def _work(self, group: asyncio.TaskGroup) -> None:
        while (patch := await self._queue.take()) is not None:
            if self._hours is not None and not await self._hours.wait():
                return
            concern(patch)
            delivery = await self._step.take(patch)
            if delivery.to_verify:
                # The worker goes on: what it has sent is looked for in seconds, not at once.
                await self._verifying.acquire()
                self._gauge.verifying += 1
                verifying = group.create_task(self._verify(delivery))
                verifying.add_done_callback(self._has_verified)  # cancelled before it began, too
            else:
                self._finish(delivery)

    async def _verify(self, delivery: Delivery) -> None:
        try:
            verified = await self._step.verify(delivery)
            if self._cut_short and verified.parts[0][1].verified is None:
                return  # without a line it is sent and looked for again, as the user has asked
            self._finish(verified)
        except BatchpatchError as error:
            # Accepted it was, and is not to be sent again.
            parts = [(part, unverified(outcome, str(error))) for part, outcome in delivery.parts]
            self._finish(delivery._replace(parts=parts))
            raise

    def _has_verified(self, _task: asyncio.Task[None]) -> None:
        self._gauge.verifying -= 1
        self._verifying.release()

    def _finish(self, delivery: Delivery) -> None:
        for ready in self._step.recordable(delivery):
            self._recorder.record(ready)
        # One that the step holds back changed nothing yet, and its lines still come first: its
        # participant goes on, or the end of a short input would wait for itself.
        self._queue.give_back(delivery.patch)

    async def _watch(self, feeding: asyncio.Task[None], working: list[asyncio.Task[None]]) -> None:
        """On a stop: read no more, hand out no more, and after the grace wait no more."""
        await self._stopper.asked()
        feeding.cancel()
        self._queue.close()
        self._client.stop_sending()
        self._cut_short = True
        self._step.stop()
        landing = asyncio.create_task(nothing_on_the_wire(self._client))
        try:
            await self._stopper.grace_is_over(self._grace_s, unless=landing)
        finally:
            landing.cancel()
        for task in working:
            task.cancel()
