"""`batchpatch serve`: the same over HTTP, for services that are not Python."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.cli.options.declare import GivenFlags, idle_lines, with_options
from batchpatch.cli.options.finding import FindingFlags
from batchpatch.cli.options.platform import PlatformFlags
from batchpatch.cli.options.reading import ReadingFlags
from batchpatch.cli.options.reporting import ReportFlags
from batchpatch.cli.options.sending import (
    AttemptFlags,
    LookingFlags,
    PaceFlags,
    SendingFlags,
    VerifyFlags,
)
from batchpatch.cli.options.serving import ListenFlags, ServiceRecordFlags
from batchpatch.cli.options.stopping import StoppingFlags
from batchpatch.cli.options.trying_out import SandboxFlags, ServerFlags
from batchpatch.cli.options.watching import WatchFlags
from batchpatch.cli.output import emit_document, say, tell
from batchpatch.errors import ExitCode

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from batchpatch.cli.watching import Watch
    from batchpatch.genesys.account.credentials import Account
    from batchpatch.model import Progress
    from batchpatch.options.run import LimitOptions, Settings
    from batchpatch.pipeline.monitor import Monitor
    from batchpatch.pipeline.report import RunReport
    from batchpatch.pipeline.stop import Stopper
    from batchpatch.service.metrics import Exposition
    from batchpatch.service.patcher import Patcher

IDLE = {
    *("--format", "--encoding", "--delimiter", "--quote", "--escape", "--comment", "--skip-lines"),
    *("--columns", "--sheet", "--multiline", "--limit", "--no-spool", "--lookup-batch"),
    *("--guard", "--window", "--partial", "--live-first", "--max-failures", "--max-duration"),
    *("--show-values", "--yes"),
}
_PLACE_S = 3.0
"""For the name of the organisation: a platform that is down must not keep the service from its
callers, who may wait for its end."""
_LAST_ANSWERS_S = 2.0
"""For what is in flight when the grace is over."""


@with_options
def serve(
    *,
    listen: ListenFlags,
    reading: ReadingFlags,
    finding: FindingFlags,
    looking: LookingFlags,
    verifying: VerifyFlags,
    pace: PaceFlags,
    attempts: AttemptFlags,
    sending: SendingFlags,
    stopping: StoppingFlags,
    platform: PlatformFlags,
    recording: ServiceRecordFlags,
    reporting: ReportFlags,
    watching: WatchFlags,
    sandbox: SandboxFlags,
    server: ServerFlags,
    given: GivenFlags,
) -> int:
    """Take rows over HTTP, and patch participants with them until it is stopped.

    Example: batchpatch serve --sandbox

    POST /patch with one row (application/json, as a line of JSONL has it) answers with its result
    when it is settled; ?wait=0 answers at once. Many rows (application/x-ndjson) are answered line
    by line as they are settled. GET /healthz, GET /metrics.

    SIGTERM and Ctrl-C: no more rows are taken, and those that wait are settled for up to --grace.
    Exit code 0: all were; 3: some were not; 4: the credentials are refused.
    """
    from batchpatch.cli.watching import Watch  # noqa: PLC0415 - not for --help

    watch = Watch(name=f"serve-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}")
    watch.begin(watching, monitored=True)
    say(*idle_lines(given, IDLE, command="serve"))
    listen.check()
    # Loaded here, because they bring the HTTP client with them.
    from batchpatch.cli.session import Session  # noqa: PLC0415
    from batchpatch.genesys.routes import refuse_vain  # noqa: PLC0415
    from batchpatch.options.run import Settings  # noqa: PLC0415
    from batchpatch.reading.kinds import choose_kind  # noqa: PLC0415
    from batchpatch.recording.run_directory import refuse_used  # noqa: PLC0415
    from batchpatch.writes.registry import LISTED, find_kind  # noqa: PLC0415

    asked = {LISTED.name} if reading.code or reading.codes else set()
    settings = Settings(
        read=choose_kind([], reading.options(finding), asked=asked).options,
        find=finding.options(),
        connect=attempts.connect_options(platform.ca_path),
        retry=attempts.retry_options(),
        pace=pace.options(),
        safeguards=replace(looking.options(verifying), guard=False),
    )
    route = find_kind(settings.write).find_route(sending.route)
    refuse_vain(route, verified=bool(verifying.verify), force=sending.force)
    service = _Serving(
        listen=listen,
        settings=replace(settings, route=route.template),
        limits=stopping.options(),
        record=recording.record,
        secret=listen.secret(),
        tls=listen.tls(),
        watch=watch,
        quiet=reporting.quiet,
    )
    refuse_used(recording.record)  # what was typed, before what the environment lacks
    report = Session(platform, sandbox, server, reporting, watch).execute(service.run)
    return _finish(report, reporting, record=recording.record)


class _Serving(NamedTuple):
    """What is served, where, to whom."""

    listen: ListenFlags
    settings: Settings
    limits: LimitOptions
    record: Path | None
    secret: bytes | None
    tls: ssl.SSLContext | None
    watch: Watch
    quiet: bool

    async def run(
        self, account: Account, stopper: Stopper, observe: Callable[[Progress], None] | None
    ) -> RunReport:
        """Serve until a stop is asked for, and drain."""
        from batchpatch.service.patcher import Patcher  # noqa: PLC0415 - not for --help
        from batchpatch.service.server import Service, listening  # noqa: PLC0415

        monitor = self.watch.monitor
        assert monitor is not None  # noqa: S101 - it was asked for
        limits = replace(
            self.limits, grace_s=_LAST_ANSWERS_S, max_failures=None, max_duration_s=None
        )
        patcher = Patcher(
            account=account,
            settings=self.settings,
            limits=limits,
            record=self.record,
            monitor=monitor,
            observe=observe,
            tracer=self.watch.tracer,
        )
        async with patcher, self._place_told(patcher, account, stopper):
            service = Service(
                patcher,
                monitor=monitor,
                metrics=_exposition(monitor),
                queue_rows=self.listen.queue,
                secret=self.secret,
                traced=self.watch.tracer is not None,
            )
            where = listening(
                service.app(), host=self.listen.host, port=self.listen.port, tls=self.tls
            )
            async with where as url:
                tell("listening", f"Listening on {url}", url=url)
                await stopper.asked()
                service.drain()
                await self._close(patcher, stopper)
        assert patcher.report is not None  # noqa: S101 - it was closed
        return patcher.report

    @asynccontextmanager
    async def _place_told(
        self, patcher: Patcher, account: Account, stopper: Stopper
    ) -> AsyncIterator[None]:
        """Say whose data is written to: before the first row, unless the platform is too slow."""
        import asyncio  # noqa: PLC0415 - not for --help

        told = _tell_place(patcher, account, quiet=self.quiet)
        either = [asyncio.create_task(one) for one in (told, stopper.asked())]
        try:
            await asyncio.wait(either, timeout=_PLACE_S, return_when=asyncio.FIRST_COMPLETED)
            yield
        finally:
            for task in either:
                task.cancel()

    async def _close(self, patcher: Patcher, stopper: Stopper) -> None:
        """Settle what waits, until the grace is over or a stop is asked for again."""

        import asyncio  # noqa: PLC0415 - not for --help

        async def enough() -> None:
            await asyncio.wait(
                [asyncio.create_task(stopper.asked_again())], timeout=self.limits.grace_s
            )

        until = asyncio.create_task(enough())
        try:
            await patcher.aclose(until=until)
        finally:
            until.cancel()


async def _tell_place(patcher: Patcher, account: Account, *, quiet: bool) -> None:
    """Say it of a real organisation; a service has nobody to ask, and goes on in any case."""
    from batchpatch.cli.run_text import UNNAMED, place_text  # noqa: PLC0415 - not for --help
    from batchpatch.errors import BatchpatchError  # noqa: PLC0415
    from batchpatch.genesys.account.regions import is_loopback  # noqa: PLC0415
    from batchpatch.reporting.place import place_for  # noqa: PLC0415

    if is_loopback(account.hosts.api_url):
        return
    try:
        identity, why = await patcher.identity(), ""
    except BatchpatchError as error:
        identity, why = None, str(error)
    place = place_for(account, identity)
    unnamed = "" if identity else f"{UNNAMED}, "
    words = f"Rows are written to {unnamed}{place_text(place)}.{' ' if why else ''}{why}"
    tell("place", words, quiet=quiet, **place._asdict())


def _exposition(monitor: Monitor) -> Exposition | str:
    from batchpatch.errors import SettingsError  # noqa: PLC0415 - not for --help
    from batchpatch.service.metrics import Exposition  # noqa: PLC0415

    try:
        return Exposition(monitor)
    except SettingsError as error:
        return str(error)


def _finish(report: RunReport, reporting: ReportFlags, *, record: Path | None) -> int:
    """Say how it ended; gives the exit code. What became of a row is its caller's affair."""
    from batchpatch.cli.ending import log_summary  # noqa: PLC0415 - not for --help
    from batchpatch.cli.text import reason_lines, summary_lines  # noqa: PLC0415

    code = ExitCode.STOPPED if report.summary.unattempted else ExitCode.DONE
    if not log_summary(report.summary._replace(exit_code=int(code))) and not reporting.quiet:
        say(*summary_lines(report.summary, warns_of_end=report.warns_of_end))
        say(*reason_lines(report.reasons), *report.notices)
        say(*([f"Report: {record}"] if record is not None else []))
    if reporting.json:
        emit_document({**report.summary._asdict(), "exit_code": int(code)})
    return code
