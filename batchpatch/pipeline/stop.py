"""Stopping: how a run is told to stop, by a signal or a threshold."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from batchpatch.errors import ExitCode, LeftError, ended
from batchpatch.model import LIMIT_IN_WORDS, Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchpatch.genesys.client import GenesysClient
    from batchpatch.options.run import DailyHours

WIRE_EVERY_S = 0.05

_CLOCK_EVERY_S = 60.0
"""Short: clocks are set, and laptops sleep."""


class Stopper:
    """Asked once, a run settles what is in flight; asked again, it leaves at once.

    Belongs to one event loop. The first reason given stands.
    """

    def __init__(self, *, tell: Callable[[str], None] | None = None) -> None:
        """`tell` is called with what a person should know about what the end waits for."""
        self.tell: Callable[[str], None] = tell or (lambda _: None)
        self.stop: Stop | None = None
        """Why the run stops, or ended early; None while nobody has asked."""
        self._asked = asyncio.Event()
        self._urged = asyncio.Event()
        self._requests = 0
        self._requested = asyncio.Event()
        """Since somebody has looked for it last."""
        self.is_idle = False
        """Nothing is in flight: the first request ends it at once."""
        self.is_leaving = False
        """What is still done after the work is not waited for. May be read by any thread."""

    def request(self, stop: Stop) -> None:
        """Stop reading and handing out; the second request stops everything."""
        self._requests += 1
        self._requested.set()
        if self._asked.is_set():
            self._urged.set()
        self.record(stop)
        self._asked.set()

    def record(self, stop: Stop) -> None:
        """Why the run will have ended early, without stopping what is under way."""
        self.stop = self.stop or stop

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Around what the first request ends at once: nothing is in flight."""
        self.is_idle = True
        try:
            yield
        finally:
            self.is_idle = False

    @property
    def is_asked(self) -> bool:
        """A stop has been requested."""
        return self._asked.is_set()

    async def asked(self) -> None:
        """Returns when a stop has been requested."""
        await self._asked.wait()

    async def asked_again(self) -> None:
        """Returns at the next request, or at once where there have been two."""
        await (self._urged if self._asked.is_set() else self._asked).wait()

    async def asked_to_leave(self) -> None:
        """Returns at the next request that is not the first: then nothing is waited for."""
        least = max(2, self._requests + 1)
        while self._requests < least:
            self._requested.clear()
            await self._requested.wait()
        self.is_leaving = True

    def refuse_leaving(self) -> None:
        """Raise LeftError where somebody has asked to leave; from any thread."""
        if self.is_leaving:
            raise LeftError("Left before the end.")

    async def expire(self, after_s: float) -> None:
        """Request a stop when the time is over, unless something else has."""
        await asyncio.sleep(after_s)
        if self.stop is None:
            self.request(Stop(ExitCode.STOPPED, f"--max-duration of {after_s:g} s is over."))

    async def grace_is_over(self, grace_s: float, *, unless: asyncio.Task[None]) -> None:
        """Returns after the grace, or as soon as a stop was requested again.

        Args:
            grace_s: how long to wait at most.
            unless: when this is done, there is nothing to wait for.
        """
        urged = asyncio.create_task(self._urged.wait())
        try:
            await asyncio.wait(
                [urged, unless], timeout=grace_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            urged.cancel()


def both(stop: Stop | None, other: Stop | None) -> Stop | None:
    """Both reasons to stop, with the exit code of the first that is one of trouble."""
    if other is None:
        return stop
    if stop is None or stop.exit_code == ExitCode.DONE:
        return other
    return stop._replace(because=sentences(stop.because, other.because))


def sentences(*those: str) -> str:
    """What ends a run, one reason after the other: what the system refuses comes unended."""
    return " ".join(map(ended, those))


def in_vain(stop: Stop | None, *, limit_reached: bool) -> Stop | None:
    """A stop that came once every row had its outcome: a threshold is told, and ends nothing.

    `limit_reached`: every row up to `--limit`.
    """
    if stop is None or stop.exit_code != ExitCode.STOPPED:
        return stop
    end = LIMIT_IN_WORDS if limit_reached else "No row was left by then."
    return Stop(ExitCode.DONE, sentences(stop.because, end))


class OpeningHours:
    """The hours in which requests may begin."""

    def __init__(self, between: DailyHours, stopper: Stopper) -> None:
        self._between = between
        self._stopper = stopper
        self._closed = False

    @property
    def waiting_for(self) -> str | None:
        """The hours in words, while they are waited for."""
        return str(self._between) if self._closed else None

    async def wait(self) -> bool:
        """Return once they are open; False where a stop was asked for before that."""
        try:
            while (wait_s := self._between.wait_s(datetime.now().astimezone())) > 0:
                self._closed = True
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(wait_s, _CLOCK_EVERY_S)):
                        await self._stopper.asked()
                        return False
            return True
        finally:
            self._closed = False


async def nothing_on_the_wire(client: GenesysClient) -> None:
    """Return when what has left is answered: a worker that waits for its turn has sent nothing,
    and need not be waited for."""
    while client.traffic.on_the_wire:  # noqa: ASYNC110 - an event would cost every request
        await asyncio.sleep(WIRE_EVERY_S)
