"""The summary of a run and its exit code. Pure: no file, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import ExitCode
from batchpatch.model import Outcome, Stop, Summary, count_failed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchpatch.recording.checkpoint import Proof


class Counters(NamedTuple):
    """What the run counted while it went; the outcomes are not here, they come from the proof."""

    rows: int
    patches: int
    reads: int
    lookups: int
    verifications: int
    retries: int
    requests: int
    throttled: int
    tokens_minted: int
    allowance_used: float | None
    elapsed_s: float
    started: str
    ended: str
    input_exhausted: bool
    other: int = 0
    blanked: int = 0
    unkept: int = 0
    rows_expected: int | None = None
    notices: tuple[str, ...] = ()


def exit_code_for(
    outcomes: Mapping[str, int],
    *,
    stop: Stop | None = None,
    proved: bool = True,
    unverified: int = 0,
    unkept: int = 0,
) -> int:
    """0 when every row made it; 1 when some did not, when a check that was asked for could not be
    made, when an undo could not take all back, or when the counts are not proved; else the stop's.

    A stop wins over failed rows because it says what to do next: resume. One whose own code is 0
    was asked for as the end (`--limit`), and does not.
    """
    if stop is not None and stop.exit_code != ExitCode.DONE:
        return stop.exit_code
    lost = count_failed(outcomes)
    short = lost or unverified or unkept or not proved
    return ExitCode.SOME_FAILED if short else ExitCode.DONE


def summarize(
    proof: Proof, counters: Counters, *, stop: Stop | None = None, ended_before: bool = False
) -> Summary:
    """The summary of a run whose results were read back as `proof`.

    `ended_before`: it had to end before the last row that an earlier process has read.
    """
    unattempted = counters.rows - proof.settled
    problems = list(proof.problems)
    ended_whole = stop is None or stop.exit_code == ExitCode.DONE
    if unattempted and ended_whole and not ended_before:
        problems.append(f"{unattempted} rows were read but have no line")
    reasons = [stop.because] if stop is not None else []
    if problems:
        reasons.append("the counts could not be proved from results.jsonl: " + "; ".join(problems))
    return Summary(
        **counters._asdict(),
        outcomes=_in_order(proof.outcomes),
        unattempted=unattempted,
        verified=proof.verified,
        not_stored=proof.not_stored,
        unverified=proof.unverified,
        after_end=proof.after_end,
        results_sha256=proof.sha256,
        exit_code=exit_code_for(
            proof.outcomes,
            stop=stop,
            proved=not problems,
            unverified=proof.unverified,
            unkept=counters.unkept,
        ),
        stopped_because="; ".join(reasons) or None,
    )


def _in_order(outcomes: Mapping[str, int]) -> dict[str, int]:
    """In the contract's order, so that two summaries can be compared by eye."""
    return {str(word): outcomes[word] for word in Outcome if outcomes.get(word)}
