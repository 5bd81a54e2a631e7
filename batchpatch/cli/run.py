"""`batchpatch run`."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from batchpatch.cli import flags, sandboxing
from batchpatch.cli.check import dry_run
from batchpatch.cli.ending import finish
from batchpatch.cli.next_command import command_again, flags_given
from batchpatch.cli.output import say
from batchpatch.cli.session import opened_account, run_until_stopped, sending_to
from batchpatch.errors import SettingsError
from batchpatch.options.run import RecordOptions
from batchpatch.options.send import ConnectOptions, MergeOptions, RetryPolicy
from batchpatch.writes.registry import find_route

SANDBOX = "Trying it out"


_PANEL: dict[str, Any] = {"rich_help_panel": SANDBOX, "show_default": False}


def run(
    ctx: typer.Context,
    inputs: flags.Inputs,
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
    live_first: flags.LiveFirst = False,
    skip_unchanged: flags.SkipUnchanged = False,
    guard: flags.Guard = False,
    keep_before: flags.KeepBefore = False,
    verify: flags.Verify = None,
    verify_for: flags.VerifyFor = "30s",
    rate: flags.RateText = None,
    share: flags.Share = None,
    tokens: flags.Tokens = None,
    window: flags.WindowRows = 10_000,
    concurrency: flags.Concurrency = 32,
    retries: flags.Retries = 5,
    timeout: flags.Timeout = 60.0,
    route: flags.RouteText = "attributes",
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
    out: flags.Out = None,
    no_spool: flags.NoSpool = False,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Send a plan that is not whole, as far as it goes.")
    ] = False,
    dry: Annotated[bool, typer.Option("--dry-run", help="The same as `check`.", **_PANEL)] = False,
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox", help="Send to a local sandbox of its own; needs no credentials.", **_PANEL
        ),
    ] = False,
    allowed: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Sandbox: requests per window and token.", **_PANEL),
    ] = None,
    window_s: Annotated[
        float | None,
        typer.Option(
            "--rate-window-s",
            metavar="SECONDS",
            help="Sandbox: length of a rate-limit window.",
            **_PANEL,
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Sandbox: such as 'status=503,rate=0.1'.", **_PANEL),
    ] = None,
    revoke_after: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Sandbox: refuse the first token after N requests.", **_PANEL
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Sandbox: decides which requests a fault hits.", **_PANEL)
    ] = None,
    yes: flags.Yes = False,
) -> None:
    """Patch the participants that the rows name, and report on every row.

    Credentials come from GENESYSCLOUD_OAUTHCLIENT_ID and GENESYSCLOUD_OAUTHCLIENT_SECRET (or
    GENESYSCLOUD_ACCESS_TOKEN) and GENESYSCLOUD_REGION, or from ~/.gc/config.toml (--profile).
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
        lookup_batch=lookup_batch, ambiguous=ambiguous, ended=ended, live_first=live_first
    )
    safeguards = flags.safeguards(
        guard=guard,
        skip_unchanged=skip_unchanged,
        keep_before=keep_before,
        verify=verify,
        verify_for=verify_for,
    )
    pace = flags.pace_options(rate, share, tokens)
    if dry:
        dry_run(
            inputs,
            read=read,
            window=window,
            pace=pace,
            skip_unchanged=skip_unchanged,
            reads=(guard or keep_before) * (not skip_unchanged) + safeguards.verify.share,
            json=json,
        )
    limits = flags.limit_options(
        max_failures=max_failures,
        max_duration=max_duration,
        between=between,
        max_outage=max_outage,
        grace=grace,
    )
    chosen = find_route(route)
    if chosen.warning and not quiet:
        say(f"Warning: {chosen.warning}")
    arguments = _sandbox_arguments(
        fault,
        {
            "--allowed": allowed,
            "--rate-window-s": window_s,
            "--revoke-after": revoke_after,
            "--seed": seed,
        },
    )
    if arguments and not sandbox:
        raise SettingsError(f"{arguments[0]} is for the sandbox: add --sandbox.")
    opening = opened_account(
        arguments,
        sandbox=sandbox,
        profile=profile,
        region=region,
        api_url=api_url,
        login_url=login_url,
    )
    if verbose:
        say(f"Route: {chosen.template}")
    with sending_to(opening, verbose=verbose, quiet=quiet) as (account, observe):
        # Loaded here, because they bring the HTTP client with them.
        from batchpatch.commands.run import run as run_rows  # noqa: PLC0415

        report = run_until_stopped(
            lambda stopper: run_rows(
                inputs,
                account=account,
                read=read,
                find=find,
                merge=MergeOptions(window_rows=window, live_first=live_first),
                connect=ConnectOptions(
                    concurrency=concurrency,
                    total_s=timeout,
                    ca_file=str(ca_file.absolute()) if ca_file else None,
                ),
                retry=RetryPolicy(retries=retries),
                pace=pace,
                route=chosen,
                safeguards=safeguards,
                record=RecordOptions(out=out, spool=not no_spool, flags=flags_given(ctx)),
                limits=limits,
                partial=partial,
                stopper=stopper,
                observe=observe,
            )
        )
    again = command_again(report.failed, flags_given(ctx))
    finish(report, again=again, json=json, quiet=quiet)


def _sandbox_arguments(fault: list[str] | None, given: dict[str, float | None]) -> list[str]:
    """The flags of the sandbox's own process; checked here, where the error can be read."""
    sandboxing.sandbox_options(
        fault=fault,
        allowed=cast("int | None", given["--allowed"]),
        window_s=60.0 if given["--rate-window-s"] is None else given["--rate-window-s"],
    )
    arguments = [word for text in fault or () for word in ("--fault", text)]
    for flag, value in given.items():
        if value is not None:
            arguments += [flag, str(value)]
    return arguments
