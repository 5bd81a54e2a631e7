"""The monitor of a run: what is counted only where somebody watches, and a reading of all of it.

Nothing is counted twice: what the recorder and the client count anyway is read from there. What is
added is when each row came and how long it took, which a run that nobody watches does not pay for.
"""

from __future__ import annotations

from bisect import bisect_left
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from batchpatch.genesys.client import GenesysClient
    from batchpatch.genesys.purpose import Purpose
    from batchpatch.genesys.rate_limit.pace import Allowance
    from batchpatch.model import InvalidRow, Row, RowResult

    Settled = Callable[[RowResult], None]

LATENCY_BOUNDS_S = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    *(60.0, 120.0, 300.0, 900.0, 3600.0),
)
"""Up to a window of the rate limit and far beyond: rows that wait for it are usual."""


class Latency(NamedTuple):
    """A histogram of the time from a row's arrival to its result."""

    counts: tuple[int, ...]
    """Rows by the bounds, each counted once; the last number is of those beyond all bounds."""
    sum_s: float


class Readings(NamedTuple):
    """A look at everything that is counted."""

    outcomes: Mapping[str, int]
    """Settled rows; where a run was resumed, those of its earlier processes too."""
    requests: Mapping[tuple[Purpose, str], int]
    """Requests to the API by what they were made for, and by their status or what came instead."""
    retries: int
    refusals: int
    """Answers with status 429."""
    tokens_minted: int
    allowance: Allowance | None
    """What may be sent from now on; None where no answer has said so."""
    in_flight: int
    """Requests without an answer yet."""
    waiting: int
    """Rows that have come and have no result yet."""
    oldest_s: float
    """How long the first of them has waited; 0 where none does."""
    latency: Latency
    outage_s: float
    """How long the platform has answered nothing; 0 where it answers."""
    allowance_wait_s: float
    """How long nothing may leave, as far as is known."""


class Monitor:
    """Watches one run at a time. Belongs to its event loop."""

    def __init__(
        self, *, settled: Settled | None = None, clock: Callable[[], float] = monotonic
    ) -> None:
        """Nothing is watched yet; `settled` gets each row's result, `clock` is in seconds."""
        self._clock = clock
        self._settled = settled
        self._came_s: dict[int, float] = {}
        """By number, the rows that have come and have no result: the first has waited longest."""
        self._counts = [0] * (len(LATENCY_BOUNDS_S) + 1)
        self._sum_s = 0.0
        self._client: GenesysClient | None = None
        self._outcomes: Mapping[str, int] = {}
        self.directory: Path | None = None
        """Of the run, once it has one."""

    def watch(
        self, client: GenesysClient, outcomes: Mapping[str, int], directory: Path | None
    ) -> None:
        """Read these from now on."""
        self._client, self._outcomes, self.directory = client, outcomes, directory

    def arrived(self, rows: Iterable[Row | InvalidRow]) -> None:
        """Note when these came."""
        now_s = self._clock()
        self._came_s.update((row[0], now_s) for row in rows)

    def settled(self, result: RowResult) -> None:
        """Note that a row has its result."""
        came_s = self._came_s.pop(result.row, None)
        if came_s is not None:
            took_s = self._clock() - came_s
            self._counts[bisect_left(LATENCY_BOUNDS_S, took_s)] += 1
            self._sum_s += took_s
        if self._settled is not None:
            self._settled(result)

    def readings(self) -> Readings | None:
        """All of it, as of now; None before there is anything to watch."""
        client = self._client
        if client is None:
            return None
        oldest = next(iter(self._came_s.values()), None)
        return Readings(
            outcomes=dict(self._outcomes),
            requests=client.traffic.answers,
            retries=client.traffic.retries,
            refusals=client.traffic.throttled,
            tokens_minted=client.tokens_minted,
            allowance=client.allowance(),
            in_flight=client.traffic.on_the_wire,
            waiting=len(self._came_s),
            oldest_s=0.0 if oldest is None else self._clock() - oldest,
            latency=Latency(tuple(self._counts), self._sum_s),
            outage_s=client.silent_s,
            allowance_wait_s=client.limiter.wait_s,
        )


def told(listener: Settled | None, monitor: Monitor | None) -> Settled | None:
    """What is told of each result: whoever waits for it, and whoever watches."""
    if monitor is None or listener is None:
        return listener if monitor is None else monitor.settled

    def tell(result: RowResult) -> None:
        listener(result)
        monitor.settled(result)

    return tell
