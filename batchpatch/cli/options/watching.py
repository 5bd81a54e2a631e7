"""The flags of watching: a log for programs, metrics, spans."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from batchpatch.cli.options.declare import Options, Reach, flag
from batchpatch.cli.options.reporting import RecordFlags
from batchpatch.options.spelling import parse_whole


@dataclass(frozen=True, kw_only=True)
class WatchFlags(Options):
    """What programs are told that watch it."""

    TITLE: ClassVar[str] = RecordFlags.TITLE
    REACH: ClassVar[Reach] = Reach.USER

    log_json: Literal["failed", "rows"] | None = flag(
        "--log-json",
        "Write stderr as a log, one JSON object a line, with the rows that did not make it; "
        "--log-json=rows: with all rows.",
        metavar="[rows]",
        choices=("failed", "rows"),
        bare="failed",
    )
    otel: bool = flag(
        "--otel", "Make an OpenTelemetry span of each request that writes.", default=False
    )


@dataclass(frozen=True, kw_only=True)
class MetricsFlags(Options):
    """Where metrics are."""

    TITLE: ClassVar[str] = RecordFlags.TITLE
    REACH: ClassVar[Reach] = Reach.USER

    metrics_port: int | None = flag(
        "--metrics-port",
        "Serve metrics at http://127.0.0.1:N/metrics while it works; 0 picks a free port.",
        metavar="N",
        parse=partial(parse_whole, most=65535),
    )
