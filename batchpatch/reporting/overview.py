"""The overview of a run: what its summary says, or, of one without, what its results prove."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import as_typed
from batchpatch.formats.result_line import MAX_ROW
from batchpatch.model import Outcome
from batchpatch.recording.checkpoint import counted, prove
from batchpatch.recording.manifest import find_changes
from batchpatch.reporting.glance import Glance, glance_at
from batchpatch.reporting.history import History, history_of

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.model import FailureReason, Summary
    from batchpatch.recording.checkpoint import Proof
    from batchpatch.recording.run_directory import RunDirectory


_MOST_REASONS = 5


class Counts(NamedTuple):
    """Rows of a run, as its results prove them now."""

    rows: int
    """Read, as far as it is known."""
    outcomes: dict[str, int]
    unattempted: int
    rows_expected: int | None

    @property
    def settled(self) -> int:
        """Rows that have a line."""
        return sum(self.outcomes.values())


class Overview(NamedTuple):
    """What there is to say of a run."""

    glance: Glance
    counts: Counts
    summary: Summary | None
    """How it ended, with the counts of the results; None where no process has lived to say so."""
    reasons: list[FailureReason]
    """Why rows did not make it, the most frequent first."""
    failed: list[Path]
    """Files of the rows that did not make it."""
    left_because: list[str]
    """Why what is left cannot be sent as it is: sentences about its inputs."""
    problems: list[str]
    """What does not fit together in its directory."""
    results_sha256: str | None
    history: History

    @property
    def unfinished(self) -> bool:
        """No process is at work, and there is something to read, to send, or to derive."""
        return self.glance.resumable


def overview_of(path: Path) -> Overview:
    """What there is to say of a run; its results are read whole.

    Raises:
        SettingsError: there is no run.
        RecordError: a file of it cannot be read.
    """
    glance = glance_at(path)
    directory, manifest = glance.directory, glance.manifest
    proof = _prove(directory)
    counts = _counts(glance, proof)
    overview = Overview(
        glance,
        counts,
        glance.summary and glance.summary._replace(outcomes=counts.outcomes),
        proof.reasons.most_common(_MOST_REASONS),
        directory.failed_paths() if glance.pid is None else [],
        [],
        _problems(glance, proof),
        proof.sha256,
        history_of(glance, proof.failed),
    )
    if not overview.unfinished:
        return overview
    changes = find_changes(manifest, spool_path=directory.spool_path, at_a_glance=True)
    return overview._replace(left_because=[change.sentence for change in changes])


def quick_counts(glance: Glance) -> Counts:
    """The rows of a run as it has last counted them itself; else its results are read.

    Raises:
        RecordError: they cannot be read.
    """
    summary, moment = glance.summary, glance.moment
    if summary is not None:
        known = summary.rows, summary.outcomes, summary.unattempted, summary.rows_expected
        return Counts(*known)
    if moment is not None and glance.pid is not None:
        left = max(0, moment.rows_read - moment.settled)
        return Counts(moment.rows_read, moment.outcomes, left, moment.rows_expected)
    return _counts(glance, _prove(glance.directory))


def _prove(directory: RunDirectory) -> Proof:
    if not directory.results_path.exists():
        return counted({})
    return prove(directory.results_path, rows=MAX_ROW)


def _counts(glance: Glance, proof: Proof) -> Counts:
    outcomes = {str(word): proof.outcomes[word] for word in Outcome if proof.outcomes.get(word)}
    if (summary := glance.summary) is not None:
        return Counts(summary.rows, outcomes, summary.unattempted, summary.rows_expected)
    moment = glance.moment
    rows = max(proof.settled, moment.rows_read if moment else 0)
    expected = moment.rows_expected if moment else None
    return Counts(rows, outcomes, rows - proof.settled, expected)


def _problems(glance: Glance, proof: Proof) -> list[str]:
    """What a person should know; the last line of a run without an end may be torn."""
    path, summary = glance.directory.results_path, glance.summary
    if summary is None:
        return []
    if proof.sha256 is None and summary.outcomes:
        return [f"{as_typed(path)} is gone, and with it all outcomes: restore it from a copy."]
    if summary.results_sha256 is not None and proof.sha256 not in (None, summary.results_sha256):
        changed = "is not what it was when the run ended: the outcomes are those of now."
        return [f"{as_typed(path)} {changed}"]
    return [f"{as_typed(path)}: {problem}" for problem in proof.problems]
