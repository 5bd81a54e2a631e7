"""The pipeline: one run, undo or plan at work.

The way of a row: a thread reads batches (`BackgroundReader`), ahead by a few. The feeding task
takes each batch, lets the checks and the finder look at it, records at once the rows that ask for
nothing, and puts the others into the patch queue, where rows of one participant merge; it waits
there while the window is full. A fixed number of workers take patches out. What a patch then takes
is the `Step`: it is sent, or compared and planned. What comes back is recorded, a line a row, and
only then may the participant's next patch leave. A delivery that is yet to be verified waits in a
task of its own, so that the worker can go on.

The tasks: feeding, the workers, and one that waits for a stop; around them the background tasks,
which end with the rows: a sync and a note each second, the progress, the end of `--max-duration`,
and what the run brings along. An error in any ends all.
"""

from __future__ import annotations

import asyncio
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from batchpatch.errors import BatchpatchError, first_of
from batchpatch.pipeline.feeding import Feeder
from batchpatch.pipeline.gauge import Gauge
from batchpatch.pipeline.live_feeding import LiveFeeder
from batchpatch.pipeline.monitor import told
from batchpatch.pipeline.patch_queue import PatchQueue
from batchpatch.pipeline.recorder import Recorder
from batchpatch.pipeline.report import Observer, attempt_to_show
from batchpatch.pipeline.stop import OpeningHours
from batchpatch.pipeline.workers import Workers
from batchpatch.recording.in_thread import in_thread
from batchpatch.sending.outcomes import too_late, withdrawn
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path

    from batchpatch.finding.finder import Finder
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.genesys.rate_limit.pace import Allowance
    from batchpatch.merging.window import Window
    from batchpatch.model import Progress, Row
    from batchpatch.options.run import LimitOptions
    from batchpatch.pipeline.feeding import Check, RowSource
    from batchpatch.pipeline.gauge import Rest
    from batchpatch.pipeline.job import Stream
    from batchpatch.pipeline.monitor import Monitor
    from batchpatch.pipeline.recorder import EarlierRun
    from batchpatch.pipeline.step import Step
    from batchpatch.pipeline.stop import Stopper
    from batchpatch.writes.kind import WriteKind

SYNC_EVERY_S = 1.0
EXPIRE_EVERY_S = 0.1


class Pipeline:
    """Rows from the reader to the log, until the input ends or something else does it."""

    def __init__(
        self,
        reader: RowSource,
        results_path: Path | None,
        *,
        client: GenesysClient,
        checks: Sequence[Check],
        finder: Finder,
        window: Window,
        step: Step,
        limits: LimitOptions,
        stopper: Stopper,
        before: EarlierRun,
        kind: WriteKind = USUAL,
        background: Callable[[], Coroutine[Any, Any, None]] | None = None,
        stream: Stream | None = None,
        note: Callable[[Progress, Allowance | None], None] | None = None,
        reads_each: bool = False,
        verifies: float = 0.0,
        monitor: Monitor | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            reader: where rows come from.
            results_path: None where no results are kept.
            client: asks the platform.
            checks: what rows pass before participants are found.
            finder: finds them.
            window: where rows wait.
            step: what is done with a patch.
            limits: what ends or pauses the run before its input does.
            stopper: stops it.
            before: what earlier processes have recorded.
            kind: what is written.
            background: ends with the rows.
            stream: where somebody waits for each row; see `LiveFeeder`.
            note: gets the progress each second.
            reads_each: conversations are read for each patch, not only to find participants.
            verifies: the share of patches that are read back.
            monitor: told what has come.
        """
        self._source = reader
        self._background = background
        self._note = note
        self._client = client
        self._step = step
        self._limits = limits
        hours = OpeningHours(limits.between, stopper) if limits.between else None
        self._stopper = stopper
        self._window = window
        self._queue = PatchQueue(window, admission=client.admission, drop=self._drop)
        self._recorder = Recorder(
            results_path,
            sources=reader.names,
            earlier=before,
            max_failures=limits.max_failures,
            stopper=stopper,
            total=partial(_rows_of, reader),
            kind=kind,
            listener=told(None if stream is None else stream.listener, monitor),
        )
        self._feeder = (Feeder if stream is None else LiveFeeder)(
            reader,
            self._queue,
            checks=checks,
            finder=finder,
            recorder=self._recorder,
            before=before,
            kind=kind,
            stopper=stopper,
            foresee=self._foresee,
            punctual=step.sends,
            room=None if stream is None else stream.room,
            monitor=monitor,
        )
        self.gauge = Gauge(
            reader,
            feeder=self._feeder,
            recorder=self._recorder,
            client=client,
            window=window,
            hours=hours,
            sends=step.sends,
            reads_each=reads_each or not step.sends,
            verifies=verifies,
        )
        self._withdrawn: list[int] = []
        """Rows that are yet to be looked for, wherever they wait."""
        self._unread: list[Row] = []
        """Of these, those that were with their source."""
        self._workers = Workers(
            self._queue,
            feeder=self._feeder,
            step=step,
            recorder=self._recorder,
            client=client,
            stopper=stopper,
            grace_s=limits.grace_s,
            hours=hours,
            gauge=self.gauge,
        )

    @property
    def rows(self) -> int:
        """Number of the last row that was read, now or by an earlier process."""
        return self._feeder.rows

    @property
    def exhausted(self) -> bool:
        """Every input was read to its end."""
        # A stop at the last row may come before the feeding has heard that it was the last.
        source, feeder = self._source, self._feeder
        return feeder.exhausted or (source.exhausted and feeder.rows >= source.rows)

    @property
    def recorded(self) -> Recorder:
        """What has been recorded so far."""
        return self._recorder

    @property
    def patches(self) -> int:
        """Number of the last patch."""
        return self._window.patches

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self.gauge.elapsed_s

    async def work(self, *, workers: int, observe: Callable[[Progress], None] | None) -> None:
        """Run to the end of the input, to a stop, or to what makes going on useless.

        Raises:
            BatchpatchError: what ended it; all lines up to then are in the file.
        """
        failure: BatchpatchError | None = None
        observer = Observer(observe, self.progress)
        try:
            async with asyncio.TaskGroup() as group:
                background = [group.create_task(one) for one in self._background_work(observer)]
                await self._workers.take_all(workers)
                self._drop_withdrawn()
                for task in background:
                    task.cancel()
            for delivery in self._step.remaining():
                self._recorder.record(delivery)
        except* BatchpatchError as errors:
            failure = first_of(errors)
        finally:
            self._step.close()
            self._recorder.close(failed=failure is not None)
            observer.look()
            self._tell_others()
        if failure is not None:
            raise failure

    def _background_work(self, observer: Observer) -> list[Coroutine[Any, Any, None]]:
        work = [self._sync(), self._expire(), observer.watch()]
        if self._limits.max_duration_s is not None:
            work.append(self._stopper.expire(self._limits.max_duration_s))
        if self._background is not None:
            work.append(self._background())
        return work

    def _foresee(self) -> None:
        left = attempt_to_show("What is left", self.requests_left)
        if left is not None:
            self._client.foresee(left)

    def withdraw(self, number: int, *, unread: Row | None) -> None:
        """Let a row go within moments, whatever it waits for; see `Stream.withdrawn`.

        Args:
            number: of the row.
            unread: it, where its source had it and will not give it any more.
        """
        self._withdrawn.append(number)
        if unread is not None:
            self._unread.append(unread)

    def _drop_withdrawn(self) -> None:
        if not self._withdrawn:
            return
        numbers, self._withdrawn = self._withdrawn, []
        unread, self._unread = self._unread, []
        self._drop([*unread, *self._feeder.drop(numbers)])
        self._queue.drop_withdrawn(numbers)

    def _drop(self, rows: list[Row]) -> None:
        """Record rows that nobody has any use for: they are not sent."""
        now_s = monotonic()
        for row in rows:
            due_s = row.context.due_s if row.context is not None else None
            is_late = due_s is not None and due_s <= now_s
            self._recorder.record_dropped(row, too_late() if is_late else withdrawn())

    async def _expire(self) -> None:
        """Whoever waits for a row learns within moments that it is of no use any more."""
        while True:
            await asyncio.sleep(EXPIRE_EVERY_S)
            self._drop(self._feeder.expire(now_s := monotonic()))
            self._queue.expire(now_s)
            self._drop_withdrawn()

    async def _sync(self) -> None:
        """What is settled survives a power loss a second later; others see it."""
        self._tell_others()
        while True:
            await asyncio.sleep(SYNC_EVERY_S)
            self._recorder.flush()
            await in_thread(self._recorder.sync)
            self._tell_others()

    def _tell_others(self) -> None:
        """Note how far it is, for other processes."""
        if (note := self._note) is not None:
            attempt_to_show(
                "The progress file", lambda: note(self.progress(), self._client.allowance())
            )

    def progress(self) -> Progress:
        """How far it is."""
        return self.gauge.progress()

    def requests_left(self, rest: Rest | None = None) -> int | None:
        """As of the gauge."""
        return self.gauge.requests_left(rest)


def _rows_of(reader: RowSource) -> int | None:
    """How many rows there are, once all of them were read."""
    return reader.rows if reader.exhausted or reader.limit_reached else None
