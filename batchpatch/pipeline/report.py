"""Reports: what a run, an undo or a plan leaves behind, as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from batchpatch.formats.conflict_line import ConflictEntry
    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.genesys.rate_limit.allowance import Allowance
    from batchpatch.model import Change, FailureReason, Summary
    from batchpatch.recording.manifest import InputChange


class PlanReport(NamedTuple):
    """What is to be said of a plan beside what is said of every run."""

    identity: Identity
    """Whose data it is."""
    region: str
    requests_per_min: int | None
    """The organisation's limit for one token; None where the platform does not tell."""
    out: Path
    """What a whole plan is called; `-` is standard output."""
    file: Path
    """Where the lines are: `out`, or `out.partial` while it is not whole."""
    whole: bool
    """The input was read to its end, or to the limit: it holds all changes."""
    participants: int
    """Lines that the file holds: participants of whom something would change."""
    ended: int
    """Lines of conversations that have ended."""
    changes: list[Change]
    """The first ones; they hold values."""


class RunReport(NamedTuple):
    """What a run leaves behind."""

    summary: Summary
    directory: Path
    """Of a plan that is whole, or went to standard output, there is none any more."""
    failed: list[Path]
    """Files of the rows that did not make it, one for each input that has any."""
    reasons: list[FailureReason]
    """Why rows did not make it, the most frequent reasons first; of the whole run."""
    resumable: bool
    """There is more to do, and `resume` would do it."""
    requests_left: int | None
    """About how many requests that is; None where it is not known."""
    allowance: Allowance | None
    """What the platform admits at the end; None where it has not said so."""
    conflicts: Sequence[ConflictEntry] = ()
    """The first conflicts that this process met, with values; all are in `conflicts.jsonl`."""
    notices: Sequence[str] = ()
    """What there is to know of the inputs, as `check` says it."""
    changed: Sequence[InputChange] = ()
    """Inputs that changed while they were read: `resume` will not take them as they are."""
    unkept: int = 0
    """Of an undo: rows of the run that it cannot take back, because no values before were kept."""
    nothing_left: bool = False
    """It was resumed, and all was done already."""
    plan: PlanReport | None = None
    """Of a plan only."""
