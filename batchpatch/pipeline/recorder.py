"""The recorder: each row's one line, the counts, and the threshold of failures."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import ExitCode, RecordError
from batchpatch.formats.result_line import encode_updated
from batchpatch.formats.skips import without_skipped
from batchpatch.model import UPDATED, InvalidRow, Stop
from batchpatch.pipeline.report import attempt_to_show
from batchpatch.recording.reasons import FailureReasons
from batchpatch.recording.results import ResultsLog
from batchpatch.recording.row_results import FanIn, count_blanked, of_dropped, of_patch, of_unsent
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from batchpatch.model import (
        Delivery,
        Patch,
        PatchOutcome,
        Row,
        RowResult,
        RowSet,
        Skips,
    )
    from batchpatch.options.run import MaxFailures
    from batchpatch.pipeline.stop import Stopper
    from batchpatch.writes.kind import WriteKind


class EarlierRun(NamedTuple):
    """What earlier processes of the same run have recorded."""

    outcomes: dict[str, int] = {}  # noqa: RUF012 - never changed
    settled: RowSet | None = None
    last_row: int = 0
    last_patch: int = 0
    newer: Mapping[int, Skips] = {}
    """Of rows that are sent again: what later rows have applied in the meantime, to whom."""
    elsewhere: Mapping[int, Skips] = {}
    """Of rows that failed in another run: the same, of that run's rows."""
    reasons: FailureReasons | None = None
    """Why rows did not make it."""

    def without_newer(self, row: Row | InvalidRow, *, whole: bool) -> Row | InvalidRow:
        """The row without what is newer: old never beats new. `whole`: as `without_skipped`."""
        for newer, in_this_run in ((self.newer, True), (self.elsewhere, False)):
            skips = newer.get(row.number)
            if skips is not None and not isinstance(row, InvalidRow):
                row = without_skipped(row, skips, in_this_run=in_this_run, whole=whole)
        return row


class Recorder:
    """Writes results in the order in which they are given, and counts them."""

    def __init__(
        self,
        results_path: Path | None,
        *,
        sources: Sequence[str],
        earlier: EarlierRun,
        max_failures: MaxFailures | None,
        stopper: Stopper,
        total: Callable[[], int | None] = lambda: None,
        listener: Callable[[RowResult], None] | None = None,
        kind: WriteKind = USUAL,
    ) -> None:
        """Open the log.

        Args:
            results_path: where the lines go; None counts only.
            sources: names of the inputs.
            earlier: what has been recorded before.
            max_failures: more of them than this request a stop.
            stopper: is then asked.
            total: tells how many rows there are, once that is known.
            listener: gets each result once its line is in the writer's buffer.
            kind: what is written.
        """
        self._listener = listener
        self._log = None if results_path is None else ResultsLog(results_path)
        self._sources = sources
        self._kind = kind
        self._max_failures = max_failures
        self._stopper = stopper
        self._total = total
        self._fan_in = FanIn()
        self.counts = Counter(earlier.outcomes)
        """Rows by outcome, those of earlier processes among them."""
        self.settled_before = self.counts.total()
        self.patches_sent = 0
        """Patches whose rows this process has recorded, and that had left."""
        self._failed = 0
        self.reasons = earlier.reasons or FailureReasons()
        """Why rows did not make it, those of earlier processes among them."""
        self.blanked = 0
        """Attributes that an undo could only blank, by this process."""

    @property
    def settled_here(self) -> int:
        """Rows that this process has recorded."""
        return self.counts.total() - self.settled_before

    def expect(self, rows: Sequence[Row | InvalidRow]) -> None:
        """See the rows of a batch in which some stand several times."""
        self._fan_in.expect(rows)

    def record_unsent(self, rows: Sequence[Row | InvalidRow]) -> None:
        """Record rows that never become part of a patch."""
        at = _now()
        for row in rows:
            self._add(of_unsent(row, sources=self._sources, at=at, kind=self._kind))
        self.judge_failures()

    def record_dropped(self, row: Row, outcome: PatchOutcome) -> None:
        """Record a row that was to become part of a patch, and was not. Raises RecordError."""
        self._add(of_dropped(row, outcome, sources=self._sources, at=_now()))
        self.judge_failures()

    def record(self, delivery: Delivery) -> None:
        """Record the rows of a patch. Raises RecordError."""
        at = _now()
        for part, outcome in delivery.parts:
            self.patches_sent += outcome.attempts > 0
            if self._is_plain(part, outcome):
                if self._log is not None:
                    source = self._sources[part.rows[0].source]
                    self._log.append(encode_updated(part, outcome, source=source, at=at))
                self.counts[UPDATED] += 1
            else:
                self.blanked += count_blanked(part, outcome)
                of_rows = of_patch(part, outcome, sources=self._sources, at=at, kind=self._kind)
                for result in of_rows:
                    self._add(result)
        if self._failed:
            self.judge_failures()

    def _is_plain(self, part: Patch, outcome: PatchOutcome) -> bool:
        """True for the only row of an accepted patch, about which no more is to say."""
        rows = part.rows
        return (
            outcome.outcome is UPDATED
            and len(rows) == 1
            and rows[0].context is None
            and outcome.code is outcome.message is outcome.hint is None
            and not outcome.ended
            and not self._fan_in.waits
            and self._listener is None
        )

    def _add(self, one: RowResult) -> None:
        for result in self._fan_in.add(one):
            if self._log is not None:
                self._log.add(result)
            self._count(result)
            if self._listener is not None:
                self._listener(result)

    def _count(self, result: RowResult) -> None:
        self.counts[result.outcome] += 1
        if not result.outcome.made_it:
            attempt_to_show("The reasons", lambda: self.reasons.add(result))
            self._failed += 1

    def judge_failures(self) -> None:
        """Request a stop where too many rows have failed.

        With each row that is settled, because one that made it may be what makes them enough to
        tell; and once it is known how many rows there are.
        """
        most = self._max_failures
        if most is None or not self._failed or self._stopper.stop is not None:
            return
        # Of this process: what was settled before it would hide that nothing works any more.
        total = self._total()
        here = None if total is None else total - self.settled_before
        because = most.breach(self._failed, self.settled_here, total=here)
        if because is not None:
            self._stopper.request(Stop(ExitCode.STOPPED, because))

    def flush(self) -> None:
        """Hand what is buffered to the system. Raises RecordError."""
        if self._log is not None:
            self._log.flush()

    def sync(self) -> None:
        """Make what was flushed survive a power loss; from any thread. Raises RecordError."""
        if self._log is not None:
            self._log.sync()

    def close(self, *, failed: bool) -> None:
        """Flush, sync and close. Raises RecordError, unless something has failed before."""
        if self._log is None:
            return
        if not failed:
            self._log.close()
            return
        with suppress(RecordError):  # the first failure is the one to tell
            self._log.close()


def _now() -> str:
    """As `rfc3339` spells it: every line has one, mostly the millisecond of the line before."""
    return _moment(time_ns() // 1_000_000)


@lru_cache(maxsize=2)
def _moment(now_ms: int) -> str:
    second, millisecond = divmod(now_ms, 1000)
    return f"{_second(second)}.{millisecond:03d}Z"


@lru_cache(maxsize=2)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
