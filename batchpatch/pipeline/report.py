"""What a run tells: its progress, and its report at the end.

Observers, words and estimates only show: they run behind an exception barrier, and none may end the
work.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchpatch.formats.undo_line import ConflictEntry
    from batchpatch.genesys.account.organisation import Identity
    from batchpatch.genesys.rate_limit.pace import Allowance
    from batchpatch.model import Change, FailureReason, Progress, Summary
    from batchpatch.recording.manifest import InputChange

_log = logging.getLogger(__name__)

OBSERVE_EVERY_S = 0.25

_ANY = (Exception, asyncio.CancelledError)
"""CancelledError too: what is called here awaits nothing, so it never is a cancellation of ours."""

Shown = TypeVar("Shown")

_told: set[tuple[str, type]] = set()
"""What was logged already; the next one says nothing new, and comes four times a second."""


def attempt_to_show(what: str, act: Callable[[], Shown]) -> Shown | None:
    """What `act` returns; None where it fails, which is logged once and changes nothing else.

    Args:
        what: is shown, in words that can begin a sentence.
        act: a plain function. SystemExit and KeyboardInterrupt pass: they are meant.
    """
    try:
        return act()
    except _ANY as error:
        _tell(what, error)
        return None


class Observer:
    """Shows the progress of some work to a function of the caller's, which may fail as it likes."""

    def __init__(
        self, observe: Callable[[Progress], None] | None, progress: Callable[[], Progress]
    ) -> None:
        """`observe` is given what `progress` returns; None observes nothing."""
        self._observe = observe
        self._progress = progress

    def look(self) -> None:
        """Show how far the work is."""
        if (observe := self._observe) is not None:
            attempt_to_show("The progress", lambda: observe(self._progress()))

    async def watch(self) -> None:
        """Show it again and again, until cancelled."""
        while self._observe is not None:
            self.look()
            await asyncio.sleep(OBSERVE_EVERY_S)


def _tell(what: str, error: BaseException) -> None:
    kind = error.__class__
    if (what, kind) in _told:
        return
    _told.add((what, kind))
    # Only the name: the text may be anybody's, and hold anything.
    _log.warning("%s cannot be shown (%s); the work goes on.", what, kind.__name__)
    _log.debug("where that came from", exc_info=error)


STDOUT = Path("-")
"""Where a plan goes that is to be no file."""


class PlanReport(NamedTuple):
    """What is to be said of a plan beside what is said of every run."""

    identity: Identity
    """Whose data it is."""
    region: str
    requests_per_min: int | None
    """The organisation's limit for one token; None where the platform does not tell."""
    out: Path
    """What a whole plan is called, or `STDOUT`."""
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
    nothing_left: bool = False
    """It was resumed, and all was done already."""
    warns_of_end: bool = True
    """That conversations had ended is to be said: `--ended warn`."""
    plan: PlanReport | None = None
    """Of a plan only."""
