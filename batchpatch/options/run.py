"""The options of a run as a whole: its limits, its record, and all stages' options together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from batchpatch.options.read import FindOptions, ReadOptions
from batchpatch.options.send import (
    DEFAULT_CONNECT,
    DEFAULT_PACE,
    DEFAULT_POLICY,
    ConnectOptions,
    MergeOptions,
    PaceOptions,
    RetryPolicy,
    Safeguards,
)

JUDGED_ROWS = 100
"""A share of failures is not judged before so many rows: two of three are no trend."""


class MaxFailures(NamedTuple):
    """More failures than this stop the run: a number of rows, or a share of the settled ones."""

    rows: int | None = None
    percent: float | None = None

    def exceeded(self, failed: int, settled: int) -> bool:
        """True where the run is to stop.

        Args:
            failed: rows that did not make it so far.
            settled: rows with an outcome so far.
        """
        if self.rows is not None:
            return failed > self.rows
        if self.percent is not None and settled >= JUDGED_ROWS:
            return failed * 100 > self.percent * settled
        return False

    def __str__(self) -> str:
        """As the flag spells it."""
        return f"{self.percent:g}%" if self.percent is not None else str(self.rows)


class DailyHours(NamedTuple):
    """A stretch of every day, in local time; it may run over midnight."""

    begin: time
    end: time

    def wait_s(self, now: datetime) -> float:
        """Seconds until it is open; 0 while it is."""
        clock = now.time()
        if self.begin <= self.end:
            is_open = self.begin <= clock < self.end
        else:
            is_open = clock >= self.begin or clock < self.end
        if is_open:
            return 0.0
        opening = datetime.combine(now.date(), self.begin, now.tzinfo)
        if opening <= now:
            opening += timedelta(days=1)
        return (opening - now).total_seconds()

    def __str__(self) -> str:
        """As the flag spells it."""
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOptions:
    """What ends or pauses a run before its input does."""

    max_failures: MaxFailures | None = None
    max_duration_s: float | None = None
    between: DailyHours | None = None
    max_outage_s: float = 900.0
    """How long the platform may answer nothing at all before the run gives up."""
    grace_s: float = 10.0
    """How long what is in flight may take once the run was told to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What each stage was told. Holds no secret."""

    read: ReadOptions = field(default_factory=ReadOptions)
    find: FindOptions = field(default_factory=FindOptions)
    merge: MergeOptions = field(default_factory=MergeOptions)
    connect: ConnectOptions = DEFAULT_CONNECT
    retry: RetryPolicy = DEFAULT_POLICY
    pace: PaceOptions = DEFAULT_PACE
    route: str = ""
    """Name or template of the path that a write takes; empty for the usual one."""
    safeguards: Safeguards = field(default_factory=Safeguards)

    @property
    def write(self) -> str | None:
        """Name of the kind of write; it decides what columns mean, so reading keeps it."""
        return self.read.write


def without_limit(read: ReadOptions) -> ReadOptions:
    """The same, to the end of the input: a canary is resumed to finish the job."""
    return replace(read, limit=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOptions:
    """Where the report goes."""

    out: Path | None = None
    """Directory of the run, new or empty; None makes one under `base`."""
    base: Path = Path("batchpatch-runs")
    spool: bool = True
    """Keep a copy of standard input, without which such a run cannot be resumed."""
    flags: tuple[str, ...] = ()
    """Of the command line, kept in `run.json` to print the command for the failed rows."""
    resume: bool = False
    """Go on where `out` holds this very run, begun earlier; begin it where that is empty."""
    unkept: int = 0
    """Of an undo: rows that it is known not to take back; they are in its summary."""
