"""How a run ended: exit code and summary."""

from __future__ import annotations

import pytest

from batchpatch.model import Outcome, Stop
from batchpatch.recording.bitmap import Bitmap
from batchpatch.recording.checkpoint import Proof
from batchpatch.recording.reasons import FailureReasons
from batchpatch.recording.summary import Counters, exit_code_for, summarize

COUNTERS = Counters(
    rows=10,
    patches=4,
    reads=1,
    lookups=0,
    verifications=1,
    retries=2,
    requests=8,
    throttled=1,
    tokens_minted=1,
    allowance_used=None,
    elapsed_s=2.5,
    started="2025-01-01T00:00:00Z",
    ended="2025-01-01T00:00:02Z",
    input_exhausted=True,
)


def proof_of(problems: tuple[str, ...] = (), **outcomes: int) -> Proof:
    return Proof(
        outcomes, sum(outcomes.values()), Bitmap(), 0, 0, 0, 0, list(problems), FailureReasons()
    )


@pytest.mark.parametrize("outcome", Outcome)
def test_only_rows_that_made_it_make_a_success(outcome: Outcome) -> None:
    """Scripts act on the exit code, so each outcome has its side."""
    good = outcome in {Outcome.UPDATED, Outcome.PLANNED, Outcome.UNCHANGED, Outcome.SUPERSEDED}
    assert exit_code_for({"updated": 3, str(outcome): 1}) == (0 if good else 1)


@pytest.mark.parametrize("code", [3, 4, 130])
def test_a_stop_decides_over_failed_rows(code: int) -> None:
    """What to do next is to resume; the failed rows are in the report either way."""
    stop = Stop(code, "why")
    summary = summarize(proof_of(rejected=4), COUNTERS, stop=stop)
    assert (summary.exit_code, summary.stopped_because) == (code, "why")
    assert summary.unattempted == 6


def test_a_clean_run_has_nothing_to_explain() -> None:
    """`stopped_because` is null exactly where the run ended by itself."""
    summary = summarize(proof_of(superseded=4, updated=6), COUNTERS)
    assert (summary.exit_code, summary.stopped_because, summary.unattempted) == (0, None, 0)
    assert list(summary.outcomes) == ["updated", "superseded"]
    assert summary.requests == 8


def test_counts_that_are_not_proved_are_no_success() -> None:
    """A run that cannot say what became of each row must not report that all is well."""
    summary = summarize(proof_of(("row 3 has more than one line",), updated=10), COUNTERS)
    assert summary.exit_code == 1
    assert summary.stopped_because is not None
    assert "row 3 has more than one line" in summary.stopped_because


def test_rows_that_vanished_are_no_success() -> None:
    """A run that ended by itself has settled every row it read, or something was lost."""
    summary = summarize(proof_of(updated=9), COUNTERS)
    assert (summary.exit_code, summary.unattempted) == (1, 1)
    assert "1 rows were read but have no line" in str(summary.stopped_because)


def test_a_check_that_could_not_be_made_is_no_success() -> None:
    """Whoever asks for a verification wants to hear that it never took place."""
    proof = proof_of(updated=10)._replace(verified=9, unverified=1)
    summary = summarize(proof, COUNTERS)
    assert (summary.exit_code, summary.stopped_because) == (1, None)
    assert (summary.verified, summary.not_stored, summary.unverified) == (9, 0, 1)
