"""`batchpatch plan`: what would change, shown and written to a file that `run` takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from batchpatch.cli.options.declare import (
    GivenFlags,
    Options,
    flag,
    flags_of,
    idle_lines,
    with_options,
)
from batchpatch.cli.options.ending import EndFlags
from batchpatch.cli.options.finding import FindingFlags
from batchpatch.cli.options.platform import PlatformFlags
from batchpatch.cli.options.reading import Inputs, ReadingFlags
from batchpatch.cli.options.reporting import ReportFlags, RestartFlags
from batchpatch.cli.options.sending import (
    AttemptFlags,
    ChoiceFlags,
    LookingFlags,
    PaceFlags,
    SendingFlags,
    VerifyFlags,
)
from batchpatch.cli.options.showing import two_on_stdout
from batchpatch.cli.options.stopping import StoppingFlags
from batchpatch.cli.options.streaming import StreamFlags
from batchpatch.cli.options.trying_out import DryFlags, SandboxFlags, ServerFlags
from batchpatch.cli.options.watching import MetricsFlags, WatchFlags
from batchpatch.cli.output import say
from batchpatch.errors import SettingsError
from batchpatch.options.run import Safeguards
from batchpatch.options.spelling import parse_path

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.options.read import ReadOptions
    from batchpatch.options.run import Settings


@dataclass(frozen=True, kw_only=True)
class PlanFlags(Options):
    """Where the plan goes."""

    TITLE: ClassVar[str] = ReportFlags.TITLE

    out: Path | None = flag(
        "--out",
        "Where the plan goes, a new JSONL file, or -; it holds values. Needed.",
        metavar="FILE",
        parse=parse_path,
        everyday="Where the plan goes, a new JSONL file, or -. Needed.",
    )


IDLE = {
    *flags_of(LookingFlags, VerifyFlags, RestartFlags, DryFlags, StreamFlags),
    *flags_of(WatchFlags, MetricsFlags),
    *("--no-spool", "--live-first", "--route", "--force", "--partial", "--show-values", "--yes"),
    *("--priority", "--deadline", "--on-end"),
}


@with_options
def plan(
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
    planning: PlanFlags,
    choosing: ChoiceFlags,
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
    """Find participants, read what they have, and write what a run would change.

    Example: batchpatch plan updates.csv --out plan.jsonl

    Nothing is sent. The plan is an input for `batchpatch run`, for the same organisation and region
    only. Each line stands alone, so it may be filtered and split. Exit code 1: some rows are not in
    it.
    """
    out = planning.out
    if out is None:
        raise SettingsError("plan needs --out FILE: where the plan goes, - for standard output.")
    if str(out) == "-" and reporting.json:
        raise two_on_stdout("--out")
    if not reporting.quiet:
        say(*idle_lines(given, IDLE, command="plan"))
    from batchpatch.cli.kind_choice import chosen_options, named_inputs  # noqa: PLC0415 - not for --help

    inputs = named_inputs(inputs, quiet=reporting.quiet)
    read = chosen_options("plan", inputs, reading, finding, given, quiet=reporting.quiet)
    settings = replace(
        _settings(read, finding, pace, sending, attempts, platform),
        safeguards=Safeguards(check_choices=choosing.check_codes),
    )
    # Loaded here, because they bring the HTTP client with them.
    from batchpatch.cli.next_command import kept_flags  # noqa: PLC0415
    from batchpatch.cli.plan_ending import finish_plan  # noqa: PLC0415
    from batchpatch.cli.session import Session  # noqa: PLC0415
    from batchpatch.commands.plan import plan as plan_rows  # noqa: PLC0415
    from batchpatch.pipeline.preflight import refuse_names  # noqa: PLC0415
    from batchpatch.recording.plan_output import refuse_output  # noqa: PLC0415

    refuse_names(inputs)  # what was typed, before what the environment lacks
    if str(out) != "-":
        refuse_output(out)
    report = Session(platform, sandbox, server, reporting).execute(
        lambda account, stopper, observe: plan_rows(
            inputs,
            account=account,
            out=out,
            settings=settings,
            limits=stopping.options(),
            flags=kept_flags(given),
            stopper=stopper,
            observe=observe,
        )
    )
    assert report.plan is not None  # noqa: S101 - the report of a plan has one
    return finish_plan(report, report.plan, given, json=reporting.json, quiet=reporting.quiet)


def _settings(
    read: ReadOptions,
    finding: FindingFlags,
    pace: PaceFlags,
    sending: SendingFlags,
    attempts: AttemptFlags,
    platform: PlatformFlags,
) -> Settings:
    from batchpatch.options.run import Settings  # noqa: PLC0415 - not for --help

    return Settings(
        read=read,
        find=finding.options(),
        merge=sending.merge_options(),
        connect=attempts.connect_options(platform.ca_path),
        retry=attempts.retry_options(),
        pace=pace.options(),
    )
