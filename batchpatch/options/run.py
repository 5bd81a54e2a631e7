"""The options of merging, sending and looking, and of a run as a whole; values with checks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from batchpatch.errors import SettingsError
from batchpatch.options.bounds import refuse_limits, refuse_pace, refuse_patience
from batchpatch.options.read import FindOptions, ReadOptions


class Rate(NamedTuple):
    """So many requests per second, on average."""

    per_s: float

    def __str__(self) -> str:
        """Return the shortest usual spelling, which `parse_rate` reads back."""
        for unit, seconds, most in (("min", 60.0, 1000.0), ("s", 1.0, 1e9), ("h", 3600.0, 1e9)):
            count = round(self.per_s * seconds, 6)
            if count.is_integer() and 1 <= count < most:
                return f"{count:.0f}/{unit}"
        return f"{self.per_s * 60:.6f}".rstrip("0").rstrip(".") + "/min"


DEFAULT_RATE = Rate(300 / 60)
"""`client.credentials.token.rate.per.minute` as the platform sets it for every organisation."""


class PaceOptions(NamedTuple):
    """How fast a run may go. Where answers bear the server's limit, that is kept besides."""

    rate: Rate | None = None
    """Cap for the whole process; None is none."""
    assumed: Rate | None = DEFAULT_RATE
    """Per token, as long as no answer bears the server's limit; None is no limit."""
    share: float = 1.0
    """Above 0 and up to 1: the part of every window that is used, the rest is left to others."""
    tokens: int = 1
    """From 1 to 50: tokens of the OAuth client to use at once, each with its own allowance."""


DEFAULT_PACE = PaceOptions()


class RetryPolicy(NamedTuple):
    """How patient to be."""

    retries: int = 5
    """Attempts after the first; waiting for a 429 or for a new token uses none."""
    base_s: float = 0.5
    cap_s: float = 30.0
    """The pause before retry n is drawn from 0 to base_s * 2**n, at most cap_s (full jitter)."""
    conflict_pause_s: float = 2.0
    """Before the one repetition after a 409."""
    max_wait_s: float = 180.0
    """A 429 that names a longer wait than this ends the run. The vendor's own clients give up there
    too."""
    renewals: int = 3
    """Rejected tokens for one request: beyond this it is the request that is refused."""


DEFAULT_POLICY = RetryPolicy()


class ConnectOptions(NamedTuple):
    """How to connect."""

    concurrency: int = 32
    """Connections at most, in all."""
    connect_s: float = 10.0
    """For the connection to stand, TLS included."""
    read_s: float = 30.0
    """Between two pieces of an answer."""
    total_s: float = 60.0
    """For the attempt as a whole."""
    ca_file: str | None = None
    """A PEM file of certificates to trust besides the system's."""


DEFAULT_CONNECT = ConnectOptions()


LIVE_WINDOW_ROWS = 50_000
"""Where somebody waits for each row: urgent ones go first only among those that are in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOptions:
    """Bounds of the window.

    Raises:
        SettingsError: one of them would hold no row.
    """

    window_rows: int = 10_000
    """Rows that may wait, and so the distance within which rows of a participant meet."""
    window_bytes: int = 64 << 20
    """Text that may wait, whichever is reached first."""
    body_bytes: int = 512_000
    """The platform's `request.bytes.max`: a merge that would pass it starts the next patch."""
    live_first: bool = False
    """Conversations known to have ended leave after the others, as far as the window reaches."""

    def __post_init__(self) -> None:
        if min(self.window_rows, self.window_bytes, self.body_bytes) < 1:
            raise SettingsError("--window takes a number of rows, from 1.")


_LONGEST_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """What is read back, and for how long."""

    share: float = 0.0
    """Of the participants: 0 is none, 1 is all, 0.05 a sample."""
    for_s: float = 30.0
    """Seconds after the platform accepted a write in which it has to become readable."""

    def __post_init__(self) -> None:
        if not (0 <= self.share <= 1 and 0 <= self.for_s <= _LONGEST_S):
            raise SettingsError("--verify takes a share up to 100%, and --verify-for up to a day.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Safeguards:
    """Looks at the platform beside the PATCH itself; each is a request of the same quota."""

    guard: bool = False
    """Where a plan expects another value than there is, nothing is sent."""
    skip_unchanged: bool = False
    """What is there already is not sent."""
    keep_before: bool = False
    """The values before are kept, so that the run can be undone; a plan brings its own."""
    verify: VerifyOptions = field(default_factory=VerifyOptions)
    check_choices: bool = False
    """Of a plan: it is read whether participants may be given what rows ask for."""

    @property
    def reads_first(self) -> bool:
        """The participant is read before it is written."""
        return self.guard or self.skip_unchanged or self.keep_before


JUDGED_ROWS = 100
"""Where nobody knows yet how many rows there are, a share of failures is not judged before so many
are settled: two of three are no trend."""


class MaxFailures(NamedTuple):
    """More failures than this stop the run: a number of rows, or a share of them."""

    rows: int | None = None
    percent: float | None = None

    def breach(self, failed: int, settled: int, *, total: int | None = None) -> str | None:
        """How more rows failed than may, in a sentence; None where the run may go on.

        A share is judged of all rows where their number is known: what exceeds it then does so
        whatever comes. Else it is judged of those that are settled, once they are enough.

        Args:
            failed: rows that did not make it so far.
            settled: rows with an outcome so far.
            total: rows that there will be with an outcome; None where nobody knows yet.
        """
        of = ""
        if self.rows is not None:
            exceeded = failed > self.rows
        elif self.percent is None:
            return None
        elif total is not None and total >= settled and failed * 100 > self.percent * total:
            exceeded, of = True, f" of {total:,}"
        else:
            enough = settled >= JUDGED_ROWS and failed * 100 > self.percent * settled
            exceeded, of = enough, f" of the first {settled:,}"
        if not exceeded:
            return None
        rows = "row" if failed == 1 and not of else "rows"
        return f"{failed:,}{of} {rows} failed, more than --max-failures {self} allows."

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

    def __post_init__(self) -> None:
        refuse_limits(self)


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

    def __post_init__(self) -> None:
        refuse_pace(self.pace)
        refuse_patience(self.connect, self.retry)

    @property
    def write(self) -> str | None:
        """Name of the kind of write; it decides what columns mean, so reading keeps it."""
        return self.read.write


def read_afresh(settings: Settings) -> Settings:
    """The same, without analytics, which does not know yet of what happens right now."""
    return replace(settings, find=replace(settings.find, fresh=True))


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

    def __post_init__(self) -> None:
        if self.out is not None:
            object.__setattr__(self, "out", Path(self.out))  # a program may have it as a text
