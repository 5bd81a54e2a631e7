"""Exception barrier around what only shows: observers, words, estimates. None may end the work."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.model import Progress


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
