"""Progress, stops, reasons of failure, summary: what a run says of itself, on the way and last."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.model.outcome import Outcome


LIMIT_REACHED = "limit"
"""Of `stopped_because`: `--limit` ended it, as asked."""
LIMIT_IN_WORDS = "--limit is reached."
"""The same for a person, and where there is more to say."""


class Stop(NamedTuple):
    """Why a run ended before its input did."""

    exit_code: int
    """3 (threshold, outage, limit, an input gone bad), 4 (credentials) or 130 (interrupted)."""
    because: str
    """For a person, such as `interrupted` or `more than 50 rows failed`."""


class FailureReason(NamedTuple):
    """Why some rows did not make it, with one of their messages."""

    outcome: Outcome
    code: str | None
    rows: int
    message: str | None
    hint: str | None


class Summary(NamedTuple):
    """`summary.json`; the field names are the contract."""

    rows: int
    """Rows read, across all inputs."""
    outcomes: dict[str, int]
    """Settled rows by outcome, counted from `results.jsonl` itself."""
    unattempted: int
    """Rows read and not settled: the run stopped before them."""
    patches: int
    """Writes that left at least once, each counted once however often it was repeated."""
    retries: int
    """Attempts after the first of whatever was asked, those after a 429 included."""
    requests: int
    """All requests to the API: patches, reads, look-ups, verifications and a few about the
    organisation, each once, plus `retries`. Of a run that was resumed: of all its processes but
    those that were killed."""
    throttled: int
    """Answers with status 429."""
    tokens_minted: int
    allowance_used: float | None
    """Requests that were not refused, over what the rate-limit windows touched allowed; None where
    the platform has not said what it allows."""
    elapsed_s: float
    started: str
    """UTC, RFC 3339."""
    ended: str
    exit_code: int
    stopped_because: str | None
    """None where the run ended by itself."""
    input_exhausted: bool
    """False where rows may be left that were never read."""
    blanked: int = 0
    """Of an undo: attributes that were absent, which the platform cannot delete: set to ""."""
    unkept: int = 0
    """Of an undo: rows of the run that it cannot take back, because no values before were kept."""
    reads: int = 0
    """Reads of one conversation before something is written, counted likewise."""
    lookups: int = 0
    """Requests that ask analytics about many conversations, counted likewise."""
    verifications: int = 0
    """Reads of one conversation after something was written, counted likewise."""
    other: int = 0
    """Requests about the token or the organisation, counted likewise."""
    verified: int = 0
    """Rows that were read back and found stored, counted from `results.jsonl` itself."""
    not_stored: int = 0
    """Rows that were read back and found otherwise."""
    unverified: int = 0
    """Rows for which that check was asked for and could not be made."""
    after_end: int = 0
    """Rows that were written to a conversation that is known to have ended: what is written there
    does not reach analytics."""
    rows_expected: int | None = None
    """Rows that the inputs have in all; an estimate where they were not read to their end, None
    where that is unknown."""
    notices: tuple[str, ...] = ()
    """What there is to know of the inputs, as `check` says it."""
    results_sha256: str | None = None
    """Of `results.jsonl`, as the counts were proved from it."""


class WindowUse(NamedTuple):
    """How much of the platform's present windows is used, all tokens together."""

    used: int
    allowed: int
    ends_in_s: float


class Progress(NamedTuple):
    """A look at a run that is under way."""

    rows_read: int
    outcomes: dict[str, int]
    """Rows settled so far, by outcome."""
    settled_before: int
    """Those among them that an earlier process of the same run had settled."""
    requests: int
    throttled: int
    waiting_for: str | None
    """What holds everything up at this moment, in words; None where nothing does."""
    elapsed_s: float
    rows_expected: int | None
    """Rows in all; an estimate until the input has been read to its end, None where unknown."""
    left_s: float | None = None
    """Seconds to go, about; None where nobody can know."""
    doing: str = "sending"
    """What most of its requests are for at this moment, in a word or two."""
    all_read: bool = False
    """`rows_expected` is no estimate any more."""
    requests_per_s: float = 0.0
    """Over the last minute."""
    window: WindowUse | None = None
    """None where the platform has not said what it allows."""
    reasons: Sequence[FailureReason] = ()
    """Why rows have not made it so far, the most frequent reasons first."""
    organisation: str | None = None
    """Whose data it is, once that is known."""

    @property
    def settled(self) -> int:
        """Rows that have an outcome."""
        return sum(self.outcomes.values())

    @property
    def rows_per_s(self) -> float:
        """Rows settled per second since this process began."""
        here = self.settled - self.settled_before
        return here / self.elapsed_s if self.elapsed_s > 0 else 0.0
