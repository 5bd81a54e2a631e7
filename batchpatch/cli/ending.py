"""What is printed when a run has ended: the summary, why rows failed, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.cli.next_command import NextCommands
from batchpatch.cli.output import OutputError, emit_document, say
from batchpatch.cli.signals import keep_exit_code
from batchpatch.cli.text import conflict_lines, reason_lines, summary_lines
from batchpatch.cli.words import count, forecast
from batchpatch.pipeline.observing import attempt_to_show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.cli.options.declare import Given
    from batchpatch.cli.options.surroundings import ReportFlags
    from batchpatch.pipeline.report import RunReport


def finish(report: RunReport, reporting: ReportFlags, *, instead: Sequence[Given] = ()) -> int:
    """Show how a run ended; gives its exit code.

    Args:
        report: of the run.
        reporting: `json` asks for a document on stdout; `quiet` for nothing on stderr, unless it
            ended before its time.
        instead: the flags of whoever went on with the run, where they differ from its own.
    """
    quiet = reporting.quiet
    keep_exit_code(report.summary.exit_code)
    following = attempt_to_show("What to do next", lambda: _following(report, instead)) or {}
    if not quiet:
        _say_summary(report, show_values=reporting.show_values)
    elif report.summary.stopped_because:
        say(f"batchpatch: {report.summary.stopped_because}")
    _say_following(report, following, quiet=quiet)
    if reporting.json:
        document = {
            **report.summary._asdict(),
            "directory": str(report.directory),
            "notices": list(report.notices),
            "failed": [str(path) for path in report.failed],
            "send_failed": following.get("send_failed"),
            "resume": following.get("resume"),
            "undo": following.get("undo"),
        }
        try:
            emit_document(document)
        except OutputError as error:  # the run is over, and its report is on disk
            say(f"batchpatch: {error}")
    return report.summary.exit_code


def _following(report: RunReport, instead: Sequence[Given]) -> dict[str, str | None]:
    commands = NextCommands.of(report.directory, instead=instead)
    return {
        "send_failed": commands.send_failed(report.failed),
        "resume": commands.resume() if report.resumable else None,
        "undo": commands.undo(),
    }


def _say_summary(report: RunReport, *, show_values: bool) -> None:
    attempt_to_show("The summary", lambda: say(*summary_lines(report.summary)))
    attempt_to_show("The reasons", lambda: say(*reason_lines(report.reasons)))
    attempt_to_show("The notices", lambda: say(*report.notices))
    for conflict in report.conflicts if show_values else ():
        say(*conflict_lines(conflict))
    say(f"Report: {report.directory}")
    if report.unkept:
        say(
            f"{count(report.unkept, 'row')} of that run cannot be taken back: it kept no values "
            "before them."
        )
    if report.nothing_left:
        say("Nothing was left to do.")


def _say_following(report: RunReport, following: dict[str, str | None], *, quiet: bool) -> None:
    if (again := following.get("send_failed")) and not quiet:
        say("To send the failed rows again, once the cause is gone:", f"  {again}")
    if (undo := following.get("undo")) and not quiet:
        say("To take it back:", f"  {undo}")
    if resume := following.get("resume"):
        if report.requests_left and not quiet:
            left = attempt_to_show(
                "What is left", lambda: forecast(report.requests_left or 0, report.allowance)
            )
            say(*([f"Left: about {left}"] if left else []))
        say("To go on with this run:", f"  {resume}")
