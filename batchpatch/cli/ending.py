"""The ending of a run on the screen: the summary, why rows failed, what to do next."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from batchpatch.cli.following import Following
from batchpatch.cli.on_end import tell_command
from batchpatch.cli.output import OutputError, emit_document, log_event, say
from batchpatch.cli.signals import keep_exit_code
from batchpatch.cli.text import conflict_lines, forecast, reason_lines, summary_lines
from batchpatch.errors import as_typed
from batchpatch.model import LIMIT_REACHED
from batchpatch.pipeline.report import attempt_to_show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.cli.options.declare import Given
    from batchpatch.cli.options.reporting import ReportFlags
    from batchpatch.model import Summary
    from batchpatch.pipeline.report import RunReport


def finish(
    report: RunReport,
    reporting: ReportFlags,
    *,
    instead: Sequence[Given] = (),
    on_end: tuple[str, ...] = (),
) -> int:
    """Show how a run ended; gives its exit code.

    Args:
        report: of the run.
        reporting: `json` asks for a document on stdout; `quiet` for nothing on stderr, unless it
            ended before its time.
        instead: the flags of whoever went on with the run, where they differ from its own.
        on_end: a command that is told the same.
    """
    quiet = reporting.quiet
    exit_code = report.summary.exit_code
    keep_exit_code(exit_code)
    following = attempt_to_show("What to do next", lambda: _following(report, instead))
    following = following or Following()
    document = _run_document(report, following)
    # In a log for programs that is all: values of conflicts, for one, have no place there.
    if not log_summary(report.summary, **document):
        _say_ending(report, following, reporting)
    if reporting.json:
        try:
            emit_document(document)
        except OutputError as error:  # the run is over, and its report is on disk
            say(f"batchpatch: {error}")
            if not error.closed:
                exit_code = max(exit_code, error.exit_code)
    if on_end:
        attempt_to_show("--on-end", lambda: tell_command(on_end, document, quiet=quiet))
    return exit_code


def _say_ending(report: RunReport, following: Following, reporting: ReportFlags) -> None:
    """For a person."""
    quiet = reporting.quiet
    if not quiet:
        _say_summary(report, show_values=reporting.show_values)
        attempt_to_show("Where it went", lambda: say(*following.place_lines()))
        say(f"Report: {as_typed(report.directory)}")
        if report.nothing_left:
            say("Nothing was left to do.")
    else:
        say_why_early(report)
    _say_following(report, following, quiet=quiet)


def _run_document(report: RunReport, following: Following) -> dict[str, Any]:
    """For a program."""
    return {
        **report.summary._asdict(),
        "directory": str(report.directory),
        "notices": list(report.notices),
        "failed": [str(path) for path in report.failed],
        **following.document(),
    }


def log_summary(summary: Summary, **more: object) -> bool:
    """Write how it ended where stderr is a log for programs; False where it is not."""
    if _is_early(summary):
        log_event("stop", level="warning", message=summary.stopped_because)
    return log_event("summary", **(more or summary._asdict()))


def _following(report: RunReport, instead: Sequence[Given]) -> Following:
    return Following.of(
        report.directory, report.failed, resumable=report.resumable, instead=instead
    )


def _say_summary(report: RunReport, *, show_values: bool) -> None:
    lines = partial(summary_lines, report.summary, warns_of_end=report.warns_of_end)
    attempt_to_show("The summary", lambda: say(*lines()))
    attempt_to_show("The reasons", lambda: say(*reason_lines(report.reasons)))
    attempt_to_show("The notices", lambda: say(*report.notices))
    for conflict in report.conflicts if show_values else ():
        say(*conflict_lines(conflict))


def _say_following(report: RunReport, following: Following, *, quiet: bool) -> None:
    """Say what comes next: the rest of the run, and the rows that failed; after `--quiet` only
    where it has ended before its time."""
    if quiet and (not following.resume or not _is_early(report.summary)):
        return
    if following.resume and report.requests_left and not quiet:
        left = attempt_to_show(
            "What is left", lambda: forecast(report.requests_left or 0, report.allowance)
        )
        say(*([f"Left: about {left}"] if left else []))
    say(*following.next_lines())


def say_why_early(report: RunReport) -> None:
    """Say in one line why it ended before its time, if it has."""
    if _is_early(report.summary):
        say(f"batchpatch: {report.summary.stopped_because}")


def _is_early(summary: Summary) -> bool:
    """It ended before its time; a limit that was asked for is its time."""
    return bool(summary.stopped_because) and summary.stopped_because != LIMIT_REACHED
