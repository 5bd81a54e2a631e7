"""`batchpatch plan`: what would change, shown and written to a file that `run` takes."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from batchpatch.cli import flags
from batchpatch.cli.next_command import flags_given
from batchpatch.cli.output import as_json, emit, say
from batchpatch.cli.session import opened_account, run_until_stopped, sending_to
from batchpatch.cli.text import change_lines, plan_lines, reason_lines, who_lines
from batchpatch.genesys.rate_limit.allowance import Allowance
from batchpatch.model import Outcome
from batchpatch.options.run import Settings
from batchpatch.options.send import ConnectOptions, MergeOptions, RetryPolicy
from batchpatch.pipeline.observing import attempt_to_show

if TYPE_CHECKING:
    from batchpatch.pipeline.report import PlanReport, RunReport


STDOUT = Path("-")


PlanOut = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Where the plan goes, a new JSONL file, or -; it holds values.",
        show_default=False,
    ),
]


def plan(
    ctx: typer.Context,
    inputs: flags.Inputs,
    out: PlanOut,
    format: flags.Format = None,  # noqa: A002 - the flag's name
    encoding: flags.Encoding = None,
    delimiter: flags.Delimiter = None,
    columns: flags.Map = None,
    attributes: flags.Attributes = None,
    all_columns: flags.AllColumns = False,
    constants: flags.Set = None,
    only_keys: flags.OnlyKeys = None,
    empty: flags.Empty = "leave",
    nested: flags.Nested = "refuse",
    limit: flags.Limit = None,
    participant: flags.Participant = None,
    ambiguous: flags.Ambiguous = "refuse",
    lookup_batch: flags.LookupBatch = 100,
    ended: flags.Ended = "warn",
    rate: flags.RateText = None,
    share: flags.Share = None,
    tokens: flags.Tokens = None,
    window: flags.WindowRows = 10_000,
    concurrency: flags.Concurrency = 32,
    retries: flags.Retries = 5,
    timeout: flags.Timeout = 60.0,
    max_failures: flags.MaxFailuresText = None,
    max_duration: flags.MaxDuration = None,
    between: flags.Between = None,
    max_outage: flags.MaxOutage = "15m",
    grace: flags.Grace = "10s",
    region: flags.Region = None,
    profile: flags.Profile = None,
    api_url: flags.ApiUrl = None,
    login_url: flags.LoginUrl = None,
    ca_file: flags.CaFile = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Plan against a local sandbox of its own.")
    ] = False,
    yes: flags.Yes = False,
) -> None:
    """Find participants, read what they have, and write what a run would change; nothing else.

    The plan is an input for `batchpatch run`, for the same organisation and region only. Each line
    stands alone, so it may be filtered and split. Exit code 1: some rows are not in it.
    """
    read = flags.read_options(
        format=format,
        encoding=encoding,
        delimiter=delimiter,
        columns=columns,
        attributes=attributes,
        all_columns=all_columns,
        constants=constants,
        only_keys=only_keys,
        empty=empty,
        nested=nested,
        limit=limit,
        participant=participant,
    )
    find = flags.find_options(
        lookup_batch=lookup_batch, ambiguous=ambiguous, ended=ended, live_first=False
    )
    pace = flags.pace_options(rate, share, tokens)
    limits = flags.limit_options(
        max_failures=max_failures,
        max_duration=max_duration,
        between=between,
        max_outage=max_outage,
        grace=grace,
    )
    opening = opened_account(
        sandbox=sandbox, profile=profile, region=region, api_url=api_url, login_url=login_url
    )
    with sending_to(opening, verbose=verbose, quiet=quiet) as (account, observe):
        # Loaded here, because they bring the HTTP client with them.
        from batchpatch.commands.plan import plan as plan_rows  # noqa: PLC0415

        settings = Settings(
            read=read,
            find=find,
            merge=MergeOptions(window_rows=window),
            connect=ConnectOptions(
                concurrency=concurrency,
                total_s=timeout,
                ca_file=str(ca_file.absolute()) if ca_file else None,
            ),
            retry=RetryPolicy(retries=retries),
            pace=pace,
        )
        report = run_until_stopped(
            lambda stopper: plan_rows(
                inputs,
                account=account,
                out=out,
                settings=settings,
                limits=limits,
                flags=flags_given(ctx),
                stopper=stopper,
                observe=observe,
            )
        )
    finish_plan(report, json=json, quiet=quiet)


def finish_plan(report: RunReport, *, json: bool, quiet: bool) -> NoReturn:
    """Show how a plan ended, and leave with its exit code."""
    assert report.plan is not None  # noqa: S101 - the caller has looked
    _show(report, report.plan, json=json, quiet=quiet)
    raise typer.Exit(report.summary.exit_code)


def _show(report: RunReport, plan: PlanReport, *, json: bool, quiet: bool) -> None:
    if not quiet:
        attempt_to_show("The changes", lambda: _show_changes(plan))
        attempt_to_show("The summary", lambda: _show_counts(report, plan))
    if report.summary.stopped_because:
        say(f"batchpatch: {report.summary.stopped_because}")
    if not plan.whole:
        say(f"{plan.file} holds what was planned by then; it is not whole.")
    resume = f"batchpatch resume {shlex.quote(str(plan.out))}" if report.resumable else None
    if resume:
        say("To go on with this plan:", f"  {resume}")
    elif plan.whole and not quiet and plan.file != STDOUT:
        say(f"  batchpatch run {shlex.quote(str(plan.out))}")
    if json:
        document = _document(report, plan) | {"resume": resume}
        emit(as_json(document) + "\n")


def _document(report: RunReport, plan: PlanReport) -> dict[str, Any]:
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
    outcomes = report.summary.outcomes
    return sum(number for word, number in outcomes.items() if not Outcome(word).made_it)


def _show_changes(report: PlanReport) -> None:
    say(*_who(report), "")
    for change in report.changes:
        say(*change_lines(*change))
    if report.participants > len(report.changes):
        say(f"... and {report.participants - len(report.changes):,} more")


def _show_counts(report: RunReport, plan: PlanReport) -> None:
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


def _who(report: PlanReport) -> list[str]:
    identity = report.identity
    name, limit = identity.organisation_name, report.requests_per_min
    return who_lines(
        [
            ("Organisation", f"{name or ''} {identity.organisation}".strip()),
            ("OAuth client", identity.client_name),
            ("Region", report.region),
            ("Limit", f"{limit:,} requests a minute and token" if limit else None),
        ]
    )
