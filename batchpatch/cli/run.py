"""`batchpatch run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.cli.options.declare import GivenFlags, with_options
from batchpatch.cli.options.ending import EndFlags
from batchpatch.cli.options.finding import FindingFlags
from batchpatch.cli.options.platform import PlatformFlags
from batchpatch.cli.options.reading import Inputs, ReadingFlags
from batchpatch.cli.options.reporting import RecordFlags, ReportFlags, RestartFlags
from batchpatch.cli.options.sending import (
    AttemptFlags,
    LookingFlags,
    PaceFlags,
    SendingFlags,
    VerifyFlags,
)
from batchpatch.cli.options.stopping import StoppingFlags
from batchpatch.cli.options.streaming import StreamFlags
from batchpatch.cli.options.trying_out import DryFlags, SandboxFlags, ServerFlags
from batchpatch.cli.options.watching import MetricsFlags, WatchFlags
from batchpatch.errors import SettingsError

if TYPE_CHECKING:
    from batchpatch.genesys.routes import Route


@with_options
def run(
    inputs: Inputs,
    *,
    reading: ReadingFlags,
    finding: FindingFlags,
    looking: LookingFlags,
    verifying: VerifyFlags,
    pace: PaceFlags,
    attempts: AttemptFlags,
    sending: SendingFlags,
    stopping: StoppingFlags,
    platform: PlatformFlags,
    record: RecordFlags,
    restart: RestartFlags,
    ending: EndFlags,
    streaming: StreamFlags,
    reporting: ReportFlags,
    watching: WatchFlags,
    metrics: MetricsFlags,
    dry: DryFlags,
    sandbox: SandboxFlags,
    server: ServerFlags,
    given: GivenFlags,
) -> int:
    """Patch the participants that the rows name, and report on every row.

    Example: batchpatch run updates.csv --participant customer --keep-before

    Credentials come from GENESYSCLOUD_OAUTHCLIENT_ID and GENESYSCLOUD_OAUTHCLIENT_SECRET (or
    GENESYSCLOUD_ACCESS_TOKEN) and GENESYSCLOUD_REGION, or from ~/.gc/config.toml (--profile).
    """
    from batchpatch.cli.kind_choice import chosen_options, named_inputs  # noqa: PLC0415 - not for --help
    from batchpatch.cli.watching import watch_run  # noqa: PLC0415

    watch = watch_run(watching, metrics.metrics_port)
    streaming.check(reporting)
    if streaming.results and dry.dry_run:
        raise SettingsError(
            "--dry-run sends nothing, so --results has none to write: leave out one of them."
        )
    quiet, find = reporting.quiet, finding.options()
    inputs = named_inputs(inputs, quiet=quiet)
    read = chosen_options("run", inputs, reading, finding, given, quiet=quiet)
    if dry.dry_run:
        from batchpatch.cli.check import DryRun  # noqa: PLC0415 - only where asked for

        dry_run = DryRun(read, finding, looking, verifying, pace, sending, json=reporting.json)
        return dry_run.execute(inputs)
    # Loaded here, because they bring the HTTP client with them.
    from batchpatch.cli.ending import finish  # noqa: PLC0415
    from batchpatch.cli.next_command import kept_flags, unkept  # noqa: PLC0415
    from batchpatch.cli.question import question_for  # noqa: PLC0415
    from batchpatch.cli.results_pipe import results_to_stdout  # noqa: PLC0415
    from batchpatch.cli.session import Session  # noqa: PLC0415
    from batchpatch.commands.run import run as run_rows  # noqa: PLC0415
    from batchpatch.options.run import RecordOptions  # noqa: PLC0415
    from batchpatch.pipeline.preflight import refuse_names  # noqa: PLC0415
    from batchpatch.recording.run_directory import refuse_used  # noqa: PLC0415

    live, limits = streaming.results is not None, stopping.options()
    session = Session(platform, sandbox, server, reporting, watch)
    session.check()  # a contradiction is said before anything else
    on_end = ending.command(platform)  # said now if it is none
    refuse_names(inputs)  # what was typed, before what the environment lacks
    if not restart.resume:
        refuse_used(record.out)
    route = _chosen_route(sending.route, read.write, reporting)
    report = session.execute(
        lambda account, stopper, observe: run_rows(
            inputs,
            account=account,
            read=read,
            find=find,
            merge=sending.merge_options(live_first=finding.live_first, live=live),
            connect=attempts.connect_options(platform.ca_path),
            retry=attempts.retry_options(),
            pace=pace.options(),
            route=route,
            force=sending.force,
            safeguards=looking.options(verifying),
            record=RecordOptions(
                out=record.out,
                spool=not reading.no_spool,
                flags=kept_flags(given),
                resume=restart.resume,
            ),
            limits=limits,
            partial=sending.partial,
            confirm=question_for(account, yes=reporting.yes, what="run", inputs=inputs),
            stream=results_to_stdout(stopper, limits) if live else None,
            stopper=stopper,
            observe=observe,
            monitor=watch.monitor,
            tracer=watch.tracer,
        )
    )
    instead = given if restart.resume else unkept(given)
    return finish(report, reporting, instead=instead, on_end=on_end)


def _chosen_route(name: str | None, write: str | None, reporting: ReportFlags) -> Route:
    from batchpatch.cli.output import say  # noqa: PLC0415
    from batchpatch.writes.registry import find_kind  # noqa: PLC0415 - not for --help

    kind = find_kind(write)
    route = kind.find_route(name)
    if not reporting.quiet:
        say(*kind.advice)
    if route.warning and not reporting.quiet:
        say(f"Warning: {route.warning}")
    if reporting.verbose:
        say(f"Route: {route.template}")
    return route
