"""`batchpatch resume`: finishes a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the declaration of flags looks at it
from typing import ClassVar, Literal

from batchpatch.cli.options.declare import GivenFlags, Options, flag, with_options
from batchpatch.cli.options.ending import EndFlags
from batchpatch.cli.options.inputs_again import inputs_again_flag
from batchpatch.cli.options.newest import LastFlags, RunOrLast
from batchpatch.cli.options.platform import PlatformFlags
from batchpatch.cli.options.reporting import ReportFlags
from batchpatch.cli.options.sending import AttemptFlags, PaceFlags
from batchpatch.cli.options.stopping import StoppingFlags
from batchpatch.cli.options.streaming import StreamFlags
from batchpatch.cli.options.trying_out import SandboxFlags, ServerFlags
from batchpatch.cli.options.watching import MetricsFlags, WatchFlags
from batchpatch.errors import SettingsError, as_typed


@dataclass(frozen=True, kw_only=True)
class ResumeFlags(Options):
    """What is sent again."""

    TITLE: ClassVar[str] = "What is sent again"

    retry: Literal["rejected", "unknown", "all"] | None = flag(
        "--retry",
        "Send these rows again as well; later rows keep what they have set.",
        choices=("rejected", "unknown", "all"),
        everyday="Send these rows again as well.",
    )
    inputs: tuple[Path, ...] = inputs_again_flag()
    appended: bool = flag(
        "--appended", "Send rows added at the end of an input, too.", default=False
    )


@with_options
def resume(
    directory: RunOrLast,
    *,
    newest: LastFlags,
    retrying: ResumeFlags,
    pace: PaceFlags,
    attempts: AttemptFlags,
    stopping: StoppingFlags,
    platform: PlatformFlags,
    ending: EndFlags,
    reporting: ReportFlags,
    streaming: StreamFlags,
    watching: WatchFlags,
    metrics: MetricsFlags,
    sandbox: SandboxFlags,
    server: ServerFlags,
    given: GivenFlags,
) -> int:
    """Finish a run that was stopped, killed or cut off, in its own directory; or a plan.

    Example: batchpatch resume --last

    Rows that are settled are left alone; the others are sent with the options of the run, unless
    a flag says otherwise. The input must be the same, which is checked.
    """
    # Loaded here, because they bring the HTTP client with them.
    from batchpatch.cli.ending import finish  # noqa: PLC0415
    from batchpatch.cli.next_command import NextCommands  # noqa: PLC0415
    from batchpatch.cli.plan_ending import finish_plan  # noqa: PLC0415
    from batchpatch.cli.question import question_for  # noqa: PLC0415
    from batchpatch.cli.results_pipe import results_to_stdout  # noqa: PLC0415
    from batchpatch.cli.session import Session  # noqa: PLC0415
    from batchpatch.cli.watching import watch_run  # noqa: PLC0415
    from batchpatch.commands.resume import resume as resume_run  # noqa: PLC0415
    from batchpatch.formats.run_json import settings_from  # noqa: PLC0415
    from batchpatch.model import Outcome  # noqa: PLC0415
    from batchpatch.recording.manifest import manifest_in  # noqa: PLC0415
    from batchpatch.recording.plan_output import find_directory  # noqa: PLC0415

    watch = watch_run(watching, metrics.metrics_port)
    streaming.check(reporting)
    directory = find_directory(newest.choose(directory, command="resume"))
    manifest = manifest_in(directory)
    following = NextCommands.of(directory, instead=given)
    if following.in_own_sandbox and not (sandbox.sandbox or platform.names_hosts):
        raise SettingsError(
            "This run was sent to a sandbox that ended with it: resume it with --sandbox, which "
            "starts a new one for what is left."
        )
    settings, limits = settings_from(manifest.options), stopping.options()
    on_end = ending.command(platform)  # said now if it is none
    retried = [one for one in Outcome if one.may_be_retried and retrying.retry in (one, "all")]
    report = Session(platform, sandbox, server, reporting, watch).execute(
        lambda account, stopper, observe: resume_run(
            directory,
            account=account,
            retry_outcomes=frozenset(retried),
            inputs=retrying.inputs,
            appended=retrying.appended,
            pace=pace.options(otherwise=settings.pace),
            connect=attempts.connect_options(platform.ca_path, otherwise=settings.connect),
            retry=attempts.retry_options(otherwise=settings.retry),
            elsewhere=platform.names_hosts,
            limits=limits,
            confirm=(
                question_for(account, yes=reporting.yes, what=f"resume of {as_typed(directory)}")
                if manifest.kind == "run"
                else None
            ),
            stream=results_to_stdout(stopper, limits) if streaming.results else None,
            stopper=stopper,
            observe=observe,
            monitor=watch.monitor,
            tracer=watch.tracer,
        ),
        earlier=manifest,
    )
    if report.plan is not None:
        flags = following.given
        return finish_plan(report, report.plan, flags, json=reporting.json, quiet=reporting.quiet)
    return finish(report, reporting, instead=given, on_end=on_end)
