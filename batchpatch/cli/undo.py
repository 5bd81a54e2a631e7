"""`batchpatch undo`: restores what a run has overwritten."""

from __future__ import annotations

from typing import Annotated

import typer

from batchpatch.cli import flags
from batchpatch.cli.ending import finish
from batchpatch.cli.next_command import command_again
from batchpatch.cli.output import as_json, emit, say
from batchpatch.cli.resume import Directory, manifest_of, pace_of
from batchpatch.cli.session import account_again, run_until_stopped, sending_to
from batchpatch.cli.words import count
from batchpatch.genesys.account.regions import region_of
from batchpatch.options.run import RecordOptions


def undo(
    directory: Directory,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Restore even where somebody else has changed the value since."
        ),
    ] = False,
    verify: flags.Verify = None,
    verify_for: flags.VerifyFor = "30s",
    rate: flags.RateText = None,
    share: flags.Share = None,
    tokens: flags.Tokens = None,
    max_failures: flags.MaxFailuresText = None,
    max_duration: flags.MaxDuration = None,
    between: flags.Between = None,
    max_outage: flags.MaxOutage = "15m",
    grace: flags.Grace = "10s",
    region: flags.Region = None,
    profile: flags.Profile = None,
    api_url: flags.ApiUrl = None,
    login_url: flags.LoginUrl = None,
    out: flags.Out = None,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
    yes: flags.Yes = False,
) -> None:
    """Restore the values before a run that has kept them (a plan's, or one with --keep-before).

    It goes backwards, reads first, and restores only where the present value is the last one that
    the run wrote; anything else is a conflict. An attribute that was absent cannot be deleted on
    this platform: it is blanked, and the report says so. An undo is itself a run: it has a report,
    and can be resumed and undone.
    """
    limits = flags.limit_options(
        max_failures=max_failures,
        max_duration=max_duration,
        between=between,
        max_outage=max_outage,
        grace=grace,
    )
    safeguards = flags.safeguards(
        guard=not force,
        skip_unchanged=True,
        keep_before=True,
        verify=verify,
        verify_for=verify_for,
    )
    pace = flags.pace_options(rate, share, tokens, otherwise=pace_of(directory))
    given = {"profile": profile, "region": region, "api_url": api_url, "login_url": login_url}
    opening = account_again(manifest_of(directory), **given)
    with sending_to(opening, verbose=verbose, quiet=quiet) as (account, observe):
        from batchpatch.commands.undo import (  # noqa: PLC0415 - it brings the HTTP client
            undo as undo_run,
        )

        report = run_until_stopped(
            lambda stopper: undo_run(
                directory,
                account=account,
                force=force,
                verify=safeguards.verify,
                pace=pace,
                record=RecordOptions(out=out),
                limits=limits,
                stopper=stopper,
                observe=observe,
            )
        )
    if report is None:
        say(f"{directory} has changed nothing: there is nothing to undo.")
        if json:
            emit(as_json({"rows": 0, "outcomes": {}, "exit_code": 0}) + "\n")
        raise typer.Exit
    if report.unkept:
        say(
            f"{count(report.unkept, 'row')} of that run cannot be taken back: it kept no values "
            "before them."
        )
    again = command_again(report.failed, ["--guard", *_host_flags(account.hosts.api_url)])
    finish(report, again=again, json=json, quiet=quiet)


def _host_flags(api_url: str) -> list[str]:
    region = region_of(api_url)
    return ["--region", region] if api_url == f"https://api.{region}" else ["--api-url", api_url]
