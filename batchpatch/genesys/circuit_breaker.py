"""The circuit breaker: tells an outage of the platform from trouble with single requests.

While everything fails, no row is charged for it: the breaker is open and calls wait. From time to
time it is half open, and one task's request goes through as the probe; the first answer closes it.
`OutageWatch` decides and is pure; `CircuitBreaker` waits.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

from batchpatch.genesys.hints import silence_error
from batchpatch.genesys.retry import backoff_s
from batchpatch.options.run import LimitOptions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from batchpatch.errors import OutageError

MAX_OUTAGE_S = LimitOptions().max_outage_s

_FAILURES = 5
_FRESH_CALLS = 3
_AFTER_S = 2.0
_FIRST_PROBE_S = 1.0
_LAST_PROBE_S = 30.0
_UNHEARD_S = 60.0
"""Where nothing has ever answered, the setting is more likely wrong than the platform down."""


class OutageWatch:
    """Follows failures that come with no answer in between. Pure: the time is given.

    It takes `_FAILURES` failures in a row, among them the first attempts of `_FRESH_CALLS` calls:
    the last few rows of a run, each failing for a reason of its own, are no outage. Calls for the
    same thing, such as looks at one conversation, are one.
    """

    def __init__(self) -> None:
        self.began_s: float | None = None
        """When the present row of failures began; None after an answer."""
        self._failures = 0
        self._fresh: set[object] = set()

    def answered(self) -> None:
        """An answer came: whatever failed before it was no outage, or its end."""
        self.began_s = None
        self._failures = 0
        self._fresh.clear()

    def failed(self, now_s: float, *, fresh: bool, asked: object = None) -> None:
        """An attempt failed as it does when the platform is down.

        Args:
            now_s: on a monotonic clock.
            fresh: it was the first attempt of its call.
            asked: what for; None where it was for nothing that others ask for.
        """
        if self.began_s is None:
            self.began_s = now_s
        self._failures += 1
        if fresh and len(self._fresh) < _FRESH_CALLS:
            self._fresh.add(object() if asked is None else asked)

    def is_outage(self, now_s: float, *, last_try: bool) -> bool:
        """True where single requests are no longer to blame.

        Args:
            now_s: on a monotonic clock.
            last_try: a call is about to be charged for it, so there is no time left to watch.
        """
        if self.began_s is None or self._failures < _FAILURES or len(self._fresh) < _FRESH_CALLS:
            return False
        return last_try or now_s - self.began_s >= _AFTER_S


class CircuitBreaker:
    """Where calls wait while the platform is down. Belongs to one event loop.

    The half-open probe belongs to the task that makes it: what that task says of an attempt is what
    came of the probe, so nobody has to hand it through.
    """

    def __init__(
        self,
        host: str,
        *,
        max_outage_s: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self.is_open = False
        """An outage is under way."""
        self._host = host
        self._max_outage_s = max_outage_s
        self._clock = clock
        self._sleep = sleep
        self._watch = OutageWatch()
        self._heard = False
        self.answers = 0
        """Of the platform, to whatever call, so far."""
        self._until: str | None = None
        """When to come back, as the host says."""
        self._told: OutageError | None = None
        """What there is to say where it lasts too long, if it is not that nothing answers."""
        self._prober: asyncio.Task[object] | None = None
        """The task that probes; None where none does."""
        self._last_prober: asyncio.Task[object] | None = None
        """The one that has probed last, in vain."""
        self._waiting = 0
        """Tasks that wait for another's probe."""
        self._probes = 0
        """In vain since it opened."""
        self._changed: asyncio.Event | None = None

    @property
    def waiting_for(self) -> str | None:
        """In words for the progress line; None where there is no outage."""
        if not self.is_open:
            return None
        asked = f" (it asks to wait until {self._until})" if self._until else ""
        return f"{self._host} to answer again{asked}"

    @property
    def lasted_s(self) -> float:
        """Seconds since the first failure of an outage that is under way; 0 where there is none."""
        began_s = self._watch.began_s
        return self._clock() - began_s if self.is_open and began_s is not None else 0.0

    async def wait(self) -> bool:
        """Return when the caller may send: at once, or when it is its turn to probe.

        Returns:
            True for a probe: `answered`, `failed`, `no_token` or `abandoned` must follow.

        Raises:
            OutageError: it has lasted too long.
        """
        while self.is_open:
            left_s = self._left_s()
            mine = asyncio.current_task()
            # Whose probe was in vain lets another try: it may be alone in its trouble.
            if self._prober is not None or (self._last_prober is mine and self._waiting):
                await self._next_change()
                continue
            self._prober = mine
            try:
                pause_s = backoff_s(self._probes, base_s=_FIRST_PROBE_S, cap_s=_LAST_PROBE_S)
                await self._sleep(min(pause_s, left_s))
                self._left_s()
            except BaseException:
                self.abandoned()
                raise
            # An answer to what was in flight may have ended the outage, and another may have
            # begun, with a prober of its own.
            if self._prober is mine:
                return True
        return False

    def answered(self) -> None:
        """The platform has answered, in whatever way."""
        self._heard = True
        self.answers += 1
        if self._watch.began_s is not None:
            self._watch.answered()
        if self.is_open:
            self.is_open = False
            self._told = self._until = self._prober = self._last_prober = None
            self._probes = 0
            self._wake()

    def failed(
        self,
        *,
        fresh: bool,
        last_try: bool,
        asked: object = None,
        told: OutageError | None = None,
        until: str | None = None,
    ) -> bool:
        """An attempt failed as it does when the platform is down.

        Args:
            fresh: it was the first attempt of its call.
            asked: what for, see `OutageWatch.failed`.
            last_try: its call has no further try.
            told: what there is to say where it lasts too long, if it is not that nothing answers.
            until: when to come back, in words, where the host asks for a long wait: that alone is
                an outage.

        Returns:
            True where the call is not to be charged: it waits in `wait` and tries again.
        """
        now_s = self._clock()
        self._watch.failed(now_s, fresh=fresh, asked=asked)
        self._told, self._until = told, until
        self._probed_in_vain()
        if not self.is_open:
            self.is_open = until is not None or self._watch.is_outage(now_s, last_try=last_try)
        return self.is_open

    def no_token(self, error: OutageError, *, since_s: float | None) -> None:
        """A platform that has answered before mints no token now: it is down, as a whole or not.

        Args:
            error: what there is to say where it lasts too long.
            since_s: since when there is no token.
        """
        self._watch.failed(self._clock() if since_s is None else since_s, fresh=True)
        self._told = error
        self.is_open = True
        self._probed_in_vain()

    def abandoned(self) -> None:
        """The task at hand gives up its call: where it was the probe, it is another's turn."""
        if self._prober is not None and self._prober is asyncio.current_task():
            self._prober = None
            self._wake()

    def _probed_in_vain(self) -> None:
        if self._prober is not None and self._prober is asyncio.current_task():
            self._probes += 1
            self._last_prober = self._prober
            self.abandoned()

    async def _next_change(self) -> None:
        """Return when another's probe has come to something."""
        changed = self._changed = self._changed or asyncio.Event()
        self._waiting += 1
        try:
            await changed.wait()
        except BaseException:
            if self._prober is None and changed.is_set():
                self._wake()  # it was this one's turn
            raise
        finally:
            self._waiting -= 1

    def _wake(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()

    def _left_s(self) -> float:
        """How long it may still last. Raises OutageError where that is over."""
        most_s = self._max_outage_s
        if not self._heard and most_s < inf:
            most_s = min(most_s, _UNHEARD_S)
        now_s = self._clock()
        lasted_s = 0.0 if self._watch.began_s is None else now_s - self._watch.began_s
        if lasted_s >= most_s:
            raise self._told or silence_error(self._host, lasted_s)
        return most_s - lasted_s
