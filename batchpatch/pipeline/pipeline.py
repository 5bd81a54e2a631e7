"""The pipeline: one run at work, its tasks and what they share."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.errors import BatchpatchError, InputError, RecordError, first_of
from batchpatch.formats.skips import without_skipped
from batchpatch.genesys.rate_limit.allowance import BURST_PER_S
from batchpatch.model import InvalidRow, Progress, Row, Stop
from batchpatch.pipeline.observing import Observer, attempt_to_show
from batchpatch.pipeline.patch_queue import PatchQueue
from batchpatch.reading.background_reader import BackgroundReader
from batchpatch.recording.results import ResultsLog
from batchpatch.recording.row_results import FanIn, count_blanked, of_patch, of_unsent
from batchpatch.sending.denials import DenialBuffer
from batchpatch.sending.outcomes import unverified

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from pathlib import Path

    from batchpatch.finding.finder import Finder
    from batchpatch.genesys.client import GenesysClient
    from batchpatch.merging.window import Window
    from batchpatch.model import Delivery, Patch, PatchOutcome, RowResult, RowSet, Skips
    from batchpatch.options.run import LimitOptions
    from batchpatch.pipeline.organisation_check import OrganisationCheck
    from batchpatch.pipeline.stop import Stopper
    from batchpatch.reading.inputs import Reader
    from batchpatch.sending.delivery import Deliverer


SYNC_EVERY_S = 1.0


WIRE_EVERY_S = 0.05


FEW_ROWS = 50
"""Before so many are settled, what a row costs is taken to be one request."""


MOST_VERIFYING = 2000
"""Patches that wait to be read back, at most; each of them holds its participant's lease."""


class EarlierRun(NamedTuple):
    """What an earlier process of the same run has settled."""

    outcomes: dict[str, int] = {}  # noqa: RUF012 - never changed
    settled: RowSet | None = None
    last_row: int = 0
    last_patch: int = 0
    newer: Mapping[int, Skips] = {}
    """Of rows that are sent again: what later rows have applied in the meantime, to whom."""


class Pipeline:
    """Rows from the reader to the log, until the input ends or something else does it."""

    def __init__(
        self,
        reader: Reader,
        results_path: Path,
        *,
        client: GenesysClient,
        origin: OrganisationCheck,
        finder: Finder,
        window: Window,
        deliverer: Deliverer,
        limits: LimitOptions,
        stopper: Stopper,
        before: EarlierRun,
        beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """`beside` runs along with the rows, and is broken off with their end."""
        self._beside = beside
        self._reader = reader
        self._client = client
        self._origin = origin
        self._finder = finder
        self._deliverer = deliverer
        self._limits = limits
        self._stopper = stopper
        self._newer = before.newer
        self._window = window
        self._flow = PatchQueue(window)
        self._gate = DenialBuffer()
        self._joiner = FanIn()
        self._verifying = asyncio.Semaphore(MOST_VERIFYING)
        self._cut_short = False
        """A stop was asked for: nothing is looked for any more."""
        self._log = ResultsLog(results_path)
        self._counts = Counter(before.outcomes)
        self._settled_before = self._counts.total()
        self._failed = 0
        self._began_s = monotonic()
        self._closed_until: datetime | None = None
        self.blanked = 0
        """Attributes that an undo could only blank, by this process."""
        self.rows = before.last_row
        """Number of the last row that was read, now or by an earlier process."""
        self.exhausted = False
        """Every input was read to its end."""
        self.anything_to_send = before.settled is not None
        """A row was found that can be sent, now or earlier."""

    @property
    def patches(self) -> int:
        """Number of the last patch."""
        return self._window.patches

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return monotonic() - self._began_s

    async def work(self, *, workers: int, observe: Callable[[Progress], None] | None) -> None:
        """Run to the end of the input, to a stop, or to what makes going on useless.

        Raises:
            BatchpatchError: what ended it; all lines up to then are in the file.
        """
        failure: BatchpatchError | None = None
        observer = Observer(observe, self.progress)
        try:
            async with asyncio.TaskGroup() as background:
                beside = [background.create_task(self._sync())]
                if self._limits.max_duration_s is not None:
                    beside.append(background.create_task(self._expire(self._limits.max_duration_s)))
                if self._beside is not None:
                    beside.append(background.create_task(self._beside()))
                beside.append(background.create_task(observer.watch()))
                await self._send_all(workers)
                for task in beside:
                    task.cancel()
            for delivery in self._gate.release():
                self._record(delivery)
        except* BatchpatchError as group:
            failure = first_of(group)
        finally:
            self._close(failed=failure is not None)
            observer.look()
        if failure is not None:
            raise failure

    def _close(self, *, failed: bool) -> None:
        if failed:
            with suppress(RecordError):  # the first failure is the one to tell
                self._log.close()
        else:
            self._log.close()

    async def _send_all(self, workers: int) -> None:
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(self._feed())
            working = [group.create_task(self._work(group)) for _ in range(workers)]
            watching = group.create_task(self._watch(feeding, working))
            await asyncio.wait([feeding, *working])
            watching.cancel()

    async def _feed(self) -> None:
        source = BackgroundReader(self._reader)
        try:
            while (batch := await source.next()) is not None:
                self.rows = max(self.rows, batch.last)
                left = attempt_to_show("What is left", self.requests_left)
                if left is not None:
                    self._client.foresee(left)
                rows = await self._origin.check(batch.rows)
                found = await self._finder.find(batch._replace(rows=rows))
                if found.rows is not batch.rows:
                    self._joiner.expect(found.rows)
                await self._flow.put(self._to_send(found.rows), starved=found.starved)
            self.exhausted = self._reader.exhausted
        except InputError as error:
            if not self.anything_to_send:
                raise
            self._stopper.note(Stop(3, f"The input turned bad after row {self.rows:,}: {error}"))
        finally:
            source.stop()
            self._flow.end()

    def _to_send(self, rows: list[Row | InvalidRow]) -> list[Row]:
        """Those that ask for something; the others are recorded here and now."""
        if self._newer:
            rows = [self._without_newer(row) for row in rows]
        wanted = [row for row in rows if row.__class__ is Row and row.names]
        if len(wanted) < len(rows):
            at = _now()
            for row in rows:
                if isinstance(row, InvalidRow) or not row.names:
                    self._add(of_unsent(row, sources=self._reader.names, at=at))
        self.anything_to_send = self.anything_to_send or bool(wanted)
        return wanted

    def _without_newer(self, row: Row | InvalidRow) -> Row | InvalidRow:
        """Old never beats new: what a later row has applied is left out."""
        newer = self._newer.get(row.number)
        if newer is None or isinstance(row, InvalidRow):
            return row
        return without_skipped(row, newer, in_this_run=True)

    async def _work(self, group: asyncio.TaskGroup) -> None:
        while (patch := await self._flow.take()) is not None:
            if self._limits.between is not None and not await self._is_open():
                return
            delivery = await self._deliverer.deliver(patch)
            if delivery.to_verify:
                # The worker goes on: what it has sent is looked for in seconds, not at once.
                await self._verifying.acquire()
                group.create_task(self._verify(delivery))
            else:
                self._settle(delivery)

    async def _verify(self, delivery: Delivery) -> None:
        try:
            verified = await self._deliverer.verify(delivery)
            if self._cut_short and verified.parts[0][1].verified is None:
                return  # without a line it is sent and looked for again, as the user has asked
            self._settle(verified)
        except BatchpatchError as error:
            # Accepted it was, and is not to be sent again.
            self._settle(delivery._replace(parts=_unverified(delivery, str(error))))
            raise
        finally:
            self._verifying.release()

    def _settle(self, delivery: Delivery) -> None:
        for judged in self._gate.judge(delivery):
            self._record(judged)
        # A denial that the gate holds back changed nothing, and its lines still come first:
        # its participant goes on, or the end of a short input would wait for itself.
        self._flow.give_back(delivery.patch)

    async def _is_open(self) -> bool:
        """True, once the hours are open; False where a stop was asked for before that."""
        between = self._limits.between
        while between and (wait_s := between.wait_s(datetime.now().astimezone())) > 0:
            self._closed_until = datetime.now().astimezone()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(wait_s, 60)):  # short: clocks are set, laptops sleep
                    await self._stopper.asked()
                    return False
        self._closed_until = None
        return True

    def _record(self, delivery: Delivery) -> None:
        at = _now()
        for part, outcome in delivery.parts:
            if part.rows[0].note is not None:
                self.blanked += count_blanked(part, outcome)
            for result in of_patch(part, outcome, sources=self._reader.names, at=at):
                self._add(result)

    def _add(self, one: RowResult) -> None:
        for result in self._joiner.add(one):
            self._write(result)

    def _write(self, result: RowResult) -> None:
        self._log.add(result)
        self._counts[result.outcome] += 1
        if not result.outcome.made_it:
            self._failed += 1
            self._judge_failures()

    def _judge_failures(self) -> None:
        most = self._limits.max_failures
        if most is None or self._stopper.stop is not None:
            return
        # Of this process: what was settled before it would hide that nothing works any more.
        if most.exceeded(self._failed, self._counts.total() - self._settled_before):
            self._stopper.request(
                Stop(3, f"More rows failed than --max-failures {most} allows: {self._failed:,}.")
            )

    async def _watch(self, feeding: asyncio.Task[None], working: list[asyncio.Task[None]]) -> None:
        """On a stop: read no more, hand out no more, and after the grace wait no more."""
        await self._stopper.asked()
        feeding.cancel()
        self._flow.close()
        self._client.stop_sending()
        self._cut_short = True
        self._deliverer.close()
        settling = asyncio.create_task(self._nothing_on_the_wire())
        try:
            await self._stopper.grace_is_over(self._limits.grace_s, unless=settling)
        finally:
            settling.cancel()
        for task in working:
            task.cancel()

    async def _nothing_on_the_wire(self) -> None:
        """Returns when what has left is answered: a worker that waits for its turn has sent
        nothing, and need not be waited for."""
        while self._client.on_the_wire:  # noqa: ASYNC110 - an event would cost every request
            await asyncio.sleep(WIRE_EVERY_S)

    async def _expire(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if self._stopper.stop is None:
            self._stopper.request(Stop(3, f"--max-duration of {after_s:g} s is over."))

    async def _sync(self) -> None:
        """What is settled survives a power loss a second later."""
        while True:
            await asyncio.sleep(SYNC_EVERY_S)
            self._log.flush()
            await asyncio.to_thread(self._log.sync)

    def progress(self) -> Progress:
        """How far it is."""
        closed = f"{self._limits.between}" if self._closed_until else None
        return Progress(
            rows_read=self.rows,
            outcomes=dict(self._counts),
            settled_before=self._settled_before,
            requests=self._client.requests,
            throttled=self._client.throttled,
            waiting_for=closed or self._client.waiting_for,
            elapsed_s=self.elapsed_s,
            rows_expected=self._reader.rows_expected,
            allowance_left_s=self._allowance_left_s(),
        )

    def requests_left(self) -> int | None:
        """About how many requests are to come; None where nobody knows how many rows are."""
        expected = self._reader.rows_expected
        if expected is None:
            return None
        here = self._counts.total() - self._settled_before
        per_row = self._client.admitted / here if here >= FEW_ROWS else 1.0
        return round(max(0, expected - self._counts.total()) * per_row)

    def _allowance_left_s(self) -> float | None:
        left, allowance = self.requests_left(), self._client.allowance()
        if left is None or allowance is None:
            return None
        per_s = self._client.requests / self.elapsed_s
        return allowance.duration_s(left, burst_per_s=max(BURST_PER_S, per_s))


def _unverified(delivery: Delivery, reason: str) -> list[tuple[Patch, PatchOutcome]]:
    return [(part, unverified(outcome, reason)) for part, outcome in delivery.parts]


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and a Z."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=2)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _now() -> str:
    """As `rfc3339`; every line has one, and most share their second with the line before."""
    second, millisecond = divmod(time_ns() // 1_000_000, 1000)
    return f"{_second(second)}.{millisecond:03d}Z"
