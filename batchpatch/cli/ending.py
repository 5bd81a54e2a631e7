"""How a run's end is shown."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NoReturn

import typer

from batchpatch.cli.output import OutputError, as_json, emit, say
from batchpatch.cli.text import reason_lines, summary_lines
from batchpatch.cli.words import forecast
from batchpatch.pipeline.observing import attempt_to_show

if TYPE_CHECKING:
    from batchpatch.pipeline.report import RunReport


def finish(report: RunReport, *, again: str, json: bool, quiet: bool) -> NoReturn:
    """Show how a run ended, and leave with its exit code.

    Args:
        report: of the run.
        again: the command that sends the failed rows again.
        json: a document on stdout.
        quiet: nothing on stderr, unless it ended before its time.
    """
    summary = report.summary
    where = shlex.quote(str(report.directory))
    resume = f"batchpatch resume {where}" if report.resumable else None
    if not quiet:
        attempt_to_show("The summary", lambda: say(*summary_lines(summary)))
        attempt_to_show("The reasons", lambda: say(*reason_lines(report.reasons)))
        say(f"Report: {report.directory}")
        if report.failed:
            say("To send the failed rows again, once the cause is gone:", f"  {again}")
    elif summary.stopped_because:
        say(f"batchpatch: {summary.stopped_because}")
    if report.nothing_left and not quiet:
        say("Nothing was left to do.")
    if resume:
        if report.requests_left and not quiet:
            left = attempt_to_show(
                "What is left", lambda: forecast(report.requests_left or 0, report.allowance)
            )
            say(*([f"Left: about {left}"] if left else []))
        say("To go on with this run:", f"  {resume}")
    if json:
        document = {
            **summary._asdict(),
            "directory": str(report.directory),
            "failed": [str(path) for path in report.failed],
            "send_failed": again if report.failed else None,
            "resume": resume,
        }
        try:
            emit(as_json(document) + "\n")
        except OutputError as error:  # the run is over, and its report is on disk
            say(f"batchpatch: {error}")
    raise typer.Exit(summary.exit_code)
