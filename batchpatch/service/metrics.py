"""The metrics of a run or a service, as OpenMetrics: a custom collector over a monitor's readings.

The library that writes them is an extra, and loaded only where somebody asks for metrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import SettingsError, with_extra
from batchpatch.model import Outcome
from batchpatch.pipeline.monitor import LATENCY_BOUNDS_S
from batchpatch.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from batchpatch.pipeline.monitor import Latency, Monitor, Readings

MISSING = (
    f"Metrics need the Prometheus client library, which is not installed: {with_extra('metrics')}."
)


class Exposition:
    """What a scrape gets. Belongs to the event loop of what the monitor watches."""

    def __init__(self, monitor: Monitor) -> None:
        """Load the library, and register what it is to collect.

        Raises:
            SettingsError: the extra is not installed.
        """
        try:
            from prometheus_client import CollectorRegistry  # noqa: PLC0415 - an extra
        except ImportError:
            raise SettingsError(MISSING) from None
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(monitor))

    def text(self, accept: str) -> tuple[bytes, str]:
        """The metrics and their content type: OpenMetrics, unless only the older text will do."""
        from prometheus_client import exposition  # noqa: PLC0415 - an extra
        from prometheus_client.openmetrics import exposition as openmetrics  # noqa: PLC0415

        if "text/plain" in accept and "openmetrics" not in accept:
            return exposition.generate_latest(self._registry), exposition.CONTENT_TYPE_LATEST
        text: bytes = openmetrics.generate_latest(self._registry)  # type: ignore[no-untyped-call]
        return text, openmetrics.CONTENT_TYPE_LATEST


class _Collector:
    """Reads the monitor when it is asked, so that nothing is counted a second time."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def describe(self) -> list[Metric]:
        """None: what is collected has names of its own."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The metrics as of now."""
        from prometheus_client.metrics_core import InfoMetricFamily  # noqa: PLC0415 - an extra

        yield InfoMetricFamily("batchpatch", "The program.", {"version": VERSION})
        readings = self._monitor.readings()
        if readings is not None:
            yield from _counters(readings)
            yield from _gauges(readings)
            yield _histogram(readings.latency)


def _counters(readings: Readings) -> Iterator[Metric]:
    from prometheus_client.metrics_core import CounterMetricFamily  # noqa: PLC0415 - an extra

    rows = CounterMetricFamily("batchpatch_rows", "Settled rows.", labels=["outcome"])
    for outcome in Outcome:
        rows.add_metric([outcome.value], readings.outcomes.get(outcome, 0))
    yield rows
    requests = CounterMetricFamily(
        "batchpatch_requests",
        "Answered requests to the API, those that repeat one included.",
        labels=["purpose", "status"],
    )
    for (purpose, status), number in readings.requests.items():
        requests.add_metric([purpose, status], number)
    yield requests
    for name, text, number in (
        ("retries", "Requests that repeat an earlier one.", readings.retries),
        ("refusals", "Requests answered with status 429.", readings.refusals),
        ("tokens_minted", "Tokens minted.", readings.tokens_minted),
    ):
        yield CounterMetricFamily(f"batchpatch_{name}", text, number)


def _gauges(readings: Readings) -> Iterator[Metric]:
    from prometheus_client.metrics_core import GaugeMetricFamily  # noqa: PLC0415 - an extra

    gauges: list[tuple[str, str, float]] = [
        ("requests_in_flight", "Requests without an answer yet.", readings.in_flight),
        ("rows_waiting", "Rows without a result yet.", readings.waiting),
        ("oldest_row_age_seconds", "How long the first of them has waited.", readings.oldest_s),
        ("outage_seconds", "How long the platform has not answered.", readings.outage_s),
    ]
    allowance = readings.allowance
    if allowance is not None and allowance.per_window is not None:
        allowed = allowance.per_window * allowance.tokens
        left = allowed if allowance.left is None else allowance.left
        gauges += [
            ("allowance_requests", "Requests that a rate-limit window admits.", allowed),
            ("allowance_left", "Those of the window under way that are left.", left),
            ("allowance_used", "Those of the window under way that are used.", allowed - left),
        ]
    for name, text, number in gauges:
        yield GaugeMetricFamily(f"batchpatch_{name}", text, number)


def _histogram(latency: Latency) -> Metric:
    from prometheus_client.metrics_core import HistogramMetricFamily  # noqa: PLC0415 - an extra

    buckets, total = [], 0
    names = [*map(str, LATENCY_BOUNDS_S), "+Inf"]
    for name, number in zip(names, latency.counts, strict=True):
        total += number
        buckets.append((name, total))
    return HistogramMetricFamily(
        "batchpatch_row_latency_seconds",
        "From a row's arrival to its result.",
        buckets=buckets,
        sum_value=latency.sum_s,
    )
