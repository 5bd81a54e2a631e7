"""What whoever watches a run is told, and what it costs those whom nobody watches."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from batchpatch.model import InvalidRow, Outcome, RowResult
from batchpatch.pipeline.monitor import LATENCY_BOUNDS_S, Monitor


class Clock:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


CLIENT: Any = SimpleNamespace(
    traffic=SimpleNamespace(answers={("patches", "202"): 3}, retries=1, throttled=2, on_the_wire=4),
    tokens_minted=1,
    allowance=lambda: None,
    waiting_for=None,
    silent_s=0.0,
    limiter=SimpleNamespace(wait_s=5.0),
)


def some_row(number: int) -> InvalidRow:
    """Any row: the monitor knows them by their numbers."""
    return InvalidRow(number, number, 0, "bad", "bad", "mend it")


def result(number: int) -> RowResult:
    """Of that row."""
    return RowResult(number, number, "-", Outcome.INVALID, "2026-01-01T00:00:00.000Z")


@pytest.fixture
def clock() -> Clock:
    """A clock at hand."""
    return Clock()


def test_the_oldest_row_is_the_first_without_a_result(clock: Clock) -> None:
    """Its age is the alarm of a service that has stopped moving."""
    monitor = Monitor(clock=clock)
    monitor.watch(CLIENT, {}, None)
    monitor.arrived([some_row(1)])
    clock.now_s += 2
    monitor.arrived([some_row(2)])
    clock.now_s += 3
    readings = monitor.readings()
    assert readings is not None
    assert (readings.waiting, readings.oldest_s) == (2, 5)
    monitor.settled(result(1))
    readings = monitor.readings()
    assert readings is not None
    assert (readings.waiting, readings.oldest_s) == (1, 3)


@pytest.mark.parametrize(
    ("took_s", "bucket"),
    [
        (0.0, 0),
        (LATENCY_BOUNDS_S[0], 0),
        (LATENCY_BOUNDS_S[1], 1),
        (LATENCY_BOUNDS_S[-1] * 2, len(LATENCY_BOUNDS_S)),
    ],
)
def test_a_row_is_counted_where_its_time_belongs(clock: Clock, took_s: float, bucket: int) -> None:
    """A bound belongs to its own bucket: `le` is less or equal."""
    clock.now_s = 0.0
    monitor = Monitor(clock=clock)
    monitor.watch(CLIENT, {}, None)
    monitor.arrived([some_row(1)])
    clock.now_s += took_s
    monitor.settled(result(1))
    readings = monitor.readings()
    assert readings is not None
    assert readings.latency.counts[bucket] == sum(readings.latency.counts) == 1
    assert readings.latency.sum_s == took_s


def test_a_row_that_never_came_has_no_latency(clock: Clock) -> None:
    """Results of an earlier process must not count as rows that took no time."""
    monitor = Monitor(clock=clock)
    monitor.watch(CLIENT, {}, None)
    monitor.settled(result(7))
    readings = monitor.readings()
    assert readings is not None
    assert sum(readings.latency.counts) == 0


def test_before_there_is_a_run_there_is_nothing_to_read() -> None:
    """A scrape may come while the service opens."""
    assert Monitor().readings() is None
