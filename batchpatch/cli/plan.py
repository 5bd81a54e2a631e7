"""`batchpatch plan`: what would change, shown and written to a file that `run` takes."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batchpatch.cli import flags
from batchpatch.cli.output import as_json, emit, say
from batchpatch.cli.session import opened_account, run_until_stopped, sending_to
from batchpatch.cli.text import change_lines, plan_lines, reason_lines, who_lines
from batchpatch.options.run import Settings
from batchpatch.options.send import ConnectOptions, MergeOptions, RetryPolicy
from batchpatch.options.spelling import parse_duration
from batchpatch.pipeline.observing import attempt_to_show

if TYPE_CHECKING:
    from batchpatch.commands.plan import PlanReport


PlanOut = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Where the plan goes, a new JSONL file; it holds values.",
        show_default=False,
    ),
]


def plan(
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
    max_outage: flags.MaxOutage = "15m",
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
    max_outage_s = parse_duration(max_outage, flag="--max-outage")
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
                max_outage_s=max_outage_s,
                stopper=stopper,
                observe=observe,
            )
        )
    _show(report, json=json, quiet=quiet)
    raise typer.Exit(report.exit_code)


def _show(report: PlanReport, *, json: bool, quiet: bool) -> None:
    if not quiet:
        attempt_to_show("The changes", lambda: _show_changes(report))
        attempt_to_show("The summary", lambda: _show_counts(report))
    if report.stopped_because:
        say(f"batchpatch: {report.stopped_because} The plan holds what was planned by then.")
    if report.participants and not quiet:
        say(f"  batchpatch run {shlex.quote(str(report.out))}")
    if json:
        document = report._asdict()
        del document["changes"], document["allowance"]
        document |= {
            "out": str(report.out),
            "identity": report.identity and report.identity._asdict(),
            "reasons": [reason._asdict() for reason in report.reasons],
        }
        emit(as_json(document) + "\n")


def _show_changes(report: PlanReport) -> None:
    say(*_who(report), "")
    for change in report.changes:
        say(*change_lines(*change))
    if report.participants > len(report.changes):
        say(f"... and {report.participants - len(report.changes):,} more")


def _show_counts(report: PlanReport) -> None:
    say(
        "",
        *plan_lines(
            rows=report.rows,
            participants=report.participants,
            unchanged=report.unchanged,
            failed=report.failed,
            ended=report.ended,
            unattempted=report.unattempted,
            requests=report.requests,
            elapsed_s=report.elapsed_s,
            allowance=report.allowance,
        ),
        *reason_lines(report.reasons),
    )


def _who(report: PlanReport) -> list[str]:
    identity = report.identity
    name = identity and identity.organisation_name
    limit = report.requests_per_min
    return who_lines(
        [
            ("Organisation", identity and f"{name or ''} {identity.organisation}".strip()),
            ("OAuth client", identity and identity.client_name),
            ("Region", report.region),
            ("Limit", f"{limit:,} requests a minute and token" if limit else None),
        ]
    )
