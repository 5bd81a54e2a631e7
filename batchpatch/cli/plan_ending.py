"""The ending of a plan on the screen: the first changes, the counts, what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchpatch.cli.ending import say_why_early
from batchpatch.cli.next_command import NextCommands, run_plan
from batchpatch.cli.output import emit_document, say
from batchpatch.cli.signals import keep_exit_code
from batchpatch.cli.text import change_lines, plan_lines, reason_lines, who_lines
from batchpatch.errors import as_typed
from batchpatch.genesys.rate_limit.pace import Allowance
from batchpatch.model import Outcome, count_failed
from batchpatch.pipeline.report import STDOUT, attempt_to_show

if TYPE_CHECKING:
    from batchpatch.cli.options.declare import Given
    from batchpatch.pipeline.report import PlanReport, RunReport


def finish_plan(
    report: RunReport, plan: PlanReport, given: tuple[Given, ...], *, json: bool, quiet: bool
) -> int:
    """Show how a plan ended; gives its exit code.

    Args:
        report: of the work.
        plan: of what came of it.
        given: the flags that it was made with.
        json: a document on stdout.
        quiet: nothing on stderr, unless it ended before its time.
    """
    keep_exit_code(report.summary.exit_code)
    resume = NextCommands(plan.out, given, input_kept=True).resume() if report.resumable else None
    runnable = plan.whole and plan.participants > 0 and plan.file != STDOUT
    run = run_plan(plan.out, given) if runnable and not resume else None
    if not quiet:
        attempt_to_show("The changes", lambda: _say_changes(plan))
        attempt_to_show("The summary", lambda: _say_counts(report, plan))
    say_why_early(report)
    if not plan.whole:
        name = "Standard output" if plan.file == STDOUT else as_typed(plan.file)
        say(f"{name} has what was planned by then; it is not whole.")
    if resume:
        say("To go on with this plan:", f"  {resume}")
    if run and not quiet:
        say(f"  {run}")
    if json:
        emit_document(_document(report, plan) | {"resume": resume, "run": run})
    return report.summary.exit_code


def _document(report: RunReport, plan: PlanReport) -> dict[str, Any]:
    """For a program; without the values, which are in the plan itself."""
    document = plan._asdict()
    del document["changes"]
    summary = report.summary
    return document | {
        "out": str(plan.out),
        "file": str(plan.file),
        "identity": plan.identity._asdict(),
        "rows": summary.rows,
        "unchanged": _unchanged(report),
        "unattempted": summary.unattempted,
        "failed": _failed(report),
        "reasons": [reason._asdict() for reason in report.reasons],
        "requests": summary.requests,
        "elapsed_s": summary.elapsed_s,
        "exit_code": summary.exit_code,
        "stopped_because": summary.stopped_because,
    }


def _unchanged(report: RunReport) -> int:
    outcomes = report.summary.outcomes
    return outcomes.get(Outcome.UNCHANGED, 0) + outcomes.get(Outcome.SUPERSEDED, 0)


def _failed(report: RunReport) -> int:
    return count_failed(report.summary.outcomes)


def _say_changes(plan: PlanReport) -> None:
    """Whose data this is about, and the first changes."""
    say(*_who(plan), *([""] if plan.changes else []))
    for change in plan.changes:
        say(*change_lines(*change))
    if plan.participants > len(plan.changes):
        say(f"... and {plan.participants - len(plan.changes):,} more")


def _say_counts(report: RunReport, plan: PlanReport) -> None:
    """How much is in the plan, and what is not, and why."""
    allowance, limit = report.allowance, plan.requests_per_min
    if allowance is None and limit is not None:
        allowance = Allowance(limit)
    say(
        "",
        *plan_lines(
            rows=report.summary.rows,
            participants=plan.participants,
            unchanged=_unchanged(report),
            failed=_failed(report),
            ended=plan.ended,
            unattempted=report.summary.unattempted,
            requests=report.summary.requests,
            elapsed_s=report.summary.elapsed_s,
            allowance=allowance,
        ),
        *reason_lines(report.reasons),
    )


def _who(plan: PlanReport) -> list[str]:
    identity = plan.identity
    name, limit = identity.organisation_name, plan.requests_per_min
    return who_lines(
        [
            ("Organisation", f"{name or ''} {identity.organisation}".strip()),
            ("OAuth client", identity.client_name),
            ("Region", plan.region),
            ("Limit", f"{limit:,} requests a minute and token" if limit else None),
        ]
    )
