"""What programs are told that watch the work: a log, metrics, spans; each only where asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from batchpatch.cli.output import log_to, say
from batchpatch.errors import SettingsError, with_extra
from batchpatch.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from opentelemetry.trace import Tracer

    from batchpatch.cli.json_log import JsonLog
    from batchpatch.cli.options.watching import WatchFlags
    from batchpatch.pipeline.monitor import Monitor
    from batchpatch.service.metrics import Exposition

Report = TypeVar("Report")


class Watch:
    """The log, the metrics and the spans of one command."""

    def __init__(self, *, name: str | None = None) -> None:
        """Nobody watches yet; `name` is the work's, where it leaves no directory."""
        self._name = name
        self._metrics: Exposition | None = None
        self._port = 0
        self.log: JsonLog | None = None
        self.monitor: Monitor | None = None
        self.tracer: Tracer | None = None

    def begin(self, flags: WatchFlags, *, monitored: bool = False) -> None:
        """Do what the flags ask for; from now on lines for a person may be events of the log.

        Raises:
            SettingsError: what it needs is not installed.
        """
        from batchpatch.pipeline.monitor import Monitor  # noqa: PLC0415 - not for --help

        if flags.log_json is not None:
            from batchpatch.cli.json_log import JsonLog  # noqa: PLC0415

            log = self.log = JsonLog(run=self._name)
            log_to(log)
            tell = log.row_settled if flags.log_json == "rows" else log.failed_settled
            self.monitor = log.monitor = Monitor(settled=tell)
        elif monitored:
            self.monitor = Monitor()
        if flags.otel:
            self.tracer = _tracer()

    def serve_metrics(self, port: int) -> None:
        """Have metrics at that port while the work goes on.

        Raises:
            SettingsError: their library is not installed.
        """
        from batchpatch.service.metrics import Exposition  # noqa: PLC0415 - only where asked for

        assert self.monitor is not None  # noqa: S101 - it was asked for
        self._metrics, self._port = Exposition(self.monitor), port

    async def around(self, work: Callable[[], Coroutine[Any, Any, Report]]) -> Report:
        """Do the work, with metrics while it goes on.

        Raises:
            SettingsError: they cannot be served there.
        """
        if self._metrics is None:
            return await work()
        from batchpatch.service.metrics_port import metrics_served  # noqa: PLC0415

        async with metrics_served(self._metrics, port=self._port) as url:
            say(f"Metrics at {url}")
            return await work()


def watch_run(flags: WatchFlags, metrics_port: int | None) -> Watch:
    """What watches a run. Raises SettingsError."""
    watch = Watch()
    watch.begin(flags, monitored=metrics_port is not None)
    if metrics_port is not None:
        watch.serve_metrics(metrics_port)
    return watch


def _tracer() -> Tracer:
    try:
        from opentelemetry import trace  # noqa: PLC0415 - an extra
    except ImportError:
        raise SettingsError(
            f"--otel needs the OpenTelemetry API, which is not installed: {with_extra('otel')}."
        ) from None
    return trace.get_tracer("batchpatch", VERSION)
