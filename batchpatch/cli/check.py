"""`batchpatch check`: offline, without credentials, and without loading the HTTP client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

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
from batchpatch.cli.options.reporting import RecordFlags, ReportFlags, RestartFlags
from batchpatch.cli.options.sending import (
    AttemptFlags,
    ChoiceFlags,
    LookingFlags,
    PaceFlags,
    SendingFlags,
    VerifyFlags,
)
from batchpatch.cli.options.stopping import StoppingFlags
from batchpatch.cli.options.streaming import StreamFlags
from batchpatch.cli.options.trying_out import DryFlags, SandboxFlags, ServerFlags
from batchpatch.cli.options.watching import MetricsFlags, WatchFlags
from batchpatch.cli.output import say
from batchpatch.options.spelling import parse_path

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.options.read import ReadOptions


@dataclass(frozen=True, kw_only=True)
class CheckFlags(Options):
    """What is printed."""

    TITLE: ClassVar[str] = ReportFlags.TITLE

    all: bool = flag(
        "--all", "Print every invalid row, not three of a kind.", default=False, everyday=True
    )
    fix: Path | None = flag(
        "--fix",
        "Write the valid rows here, and the others beside it (OUT.invalid.csv) with their reasons; "
        "--force writes over files that are there.",
        metavar="OUT",
        parse=parse_path,
        everyday="Write the valid rows here, and the others beside it.",
    )


IDLE = {
    *flags_of(AttemptFlags, StoppingFlags, PlatformFlags, RecordFlags, RestartFlags, SandboxFlags),
    *flags_of(ServerFlags, DryFlags, StreamFlags, WatchFlags, MetricsFlags),
    *("--ambiguous", "--ended", "--live-first", "--verify-for", "--force"),
    *("--partial", "--no-spool", "--quiet", "--verbose", "--log-every", "--show-values", "--yes"),
    "--on-end",
}


@with_options
def check(
    inputs: Inputs,
    *,
    reading: ReadingFlags,
    finding: FindingFlags,
    looking: LookingFlags,
    verifying: VerifyFlags,
    choosing: ChoiceFlags,
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
    printing: CheckFlags,
    dry: DryFlags,
    sandbox: SandboxFlags,
    server: ServerFlags,
    given: GivenFlags,
) -> int:
    """Say what a run would do, offline: columns, invalid rows, requests, time.

    Example: batchpatch check updates.csv --participant customer

    It needs no network and no credentials. Exit code 0: every row is valid; 1: some are not; 2: an
    input cannot be used.
    """
    idle = IDLE - {"--force"} if printing.fix is not None else IDLE
    say(*idle_lines(given, idle, command="check"))
    from batchpatch.cli.kind_choice import chosen_options, named_inputs  # noqa: PLC0415 - not for --help

    inputs = named_inputs(inputs)
    read = chosen_options("check", inputs, reading, finding, given)
    dry_run = DryRun(
        *(read, finding, looking, verifying, pace, sending),
        json=reporting.json,
        all=printing.all,
        check_codes=choosing.check_codes,
        fix=printing.fix,
        given=given,
    )
    return dry_run.execute(inputs)


class DryRun(NamedTuple):
    """A check, as `check` and `run --dry-run` do it."""

    read: ReadOptions
    finding: FindingFlags
    looking: LookingFlags
    verifying: VerifyFlags
    pace: PaceFlags
    sending: SendingFlags
    json: bool
    all: bool = False
    check_codes: bool = False
    fix: Path | None = None
    given: GivenFlags = ()

    def execute(self, inputs: list[str]) -> int:
        """Check, print, and give the exit code.

        Raises:
            InputError: an input cannot be used as a whole.
            SettingsError: an option cannot be.
        """
        # Loaded here: they bring the readers with them.
        from batchpatch.cli.check_report import JsonReport, TextReport  # noqa: PLC0415
        from batchpatch.commands.check import check as check_inputs  # noqa: PLC0415
        from batchpatch.errors import BatchpatchError, ExitCode  # noqa: PLC0415
        from batchpatch.reading.urls import shown_name  # noqa: PLC0415
        from batchpatch.writes.registry import find_route  # noqa: PLC0415

        shown = list(map(shown_name, inputs))
        report: JsonReport | TextReport = (
            JsonReport(shown)
            if self.json
            else TextReport(
                shown,
                self.read,
                skip_unchanged=self.looking.skip_unchanged,
                reads_anyway=self.looking.reads_anyway,
                every_row=self.all,
                given=self.given,
            )
        )
        try:
            found = check_inputs(
                inputs,
                read=self.read,
                merge=self.sending.merge_options(),
                pace=self.pace.options(),
                lookup_batch=self.finding.lookup_batch,
                route=find_route(self.sending.route, write=self.read.write),
                check_choices=self.check_codes,
                looks_each=self.looking.reads_of(self.verifying),
                on_invalid=report.invalid,
                fix=self.fix,
                force=self.sending.force,
            )
        except BatchpatchError as error:
            report.failed(str(error), error.exit_code)
            raise
        except KeyboardInterrupt as interruption:
            report.failed(f"Interrupted ({str(interruption) or 'SIGINT'}).", ExitCode.INTERRUPTED)
            raise
        report.done(found)
        return found.exit_code
