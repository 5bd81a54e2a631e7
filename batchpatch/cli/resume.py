"""`batchpatch resume` and `batchpatch purge`: what comes after a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from batchpatch.cli import flags
from batchpatch.cli.ending import finish
from batchpatch.cli.next_command import command_again
from batchpatch.cli.output import say
from batchpatch.cli.plan import finish_plan
from batchpatch.cli.session import account_again, run_until_stopped, sandbox_account, sending_to
from batchpatch.commands.purge import purge as purge_run
from batchpatch.model import Outcome
from batchpatch.recording.manifest import read_manifest
from batchpatch.recording.plan_output import find_directory
from batchpatch.recording.run_directory import RunDirectory

if TYPE_CHECKING:
    from batchpatch.formats.run_json import Manifest
    from batchpatch.options.send import PaceOptions


Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="Directory of the run.", show_default=False)
]


_RETRIED = {
    "rejected": frozenset({Outcome.REJECTED}),
    "unknown": frozenset({Outcome.UNKNOWN}),
    "all": frozenset(outcome for outcome in Outcome if outcome.may_be_retried),
}


def resume(
    directory: Directory,
    retry: Annotated[
        Literal["rejected", "unknown", "all"] | None,
        typer.Option(help="Send these rows again as well; later rows keep what they have set."),
    ] = None,
    inputs: Annotated[
        list[Path] | None,
        typer.Option(
            "--input",
            metavar="PATH",
            help="Where an input lies now; known by its content. May be repeated.",
            show_default=False,
        ),
    ] = None,
    appended: Annotated[
        bool, typer.Option("--appended", help="Send rows added at the end of the input, too.")
    ] = False,
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
    json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Send the rest to a new local sandbox.")
    ] = False,
    yes: flags.Yes = False,
) -> None:
    """Finish a run that was stopped, killed or cut off, in its own directory; or a plan.

    Rows that are settled are left alone; the others are sent with the options of the run. The
    input must be the same, which is checked.
    """
    directory = find_directory(directory)
    limits = flags.limit_options(
        max_failures=max_failures,
        max_duration=max_duration,
        between=between,
        max_outage=max_outage,
        grace=grace,
    )
    pace = flags.pace_options(rate, share, tokens, otherwise=pace_of(directory))
    given = {"profile": profile, "region": region, "api_url": api_url, "login_url": login_url}
    opening = sandbox_account([]) if sandbox else account_again(manifest_of(directory), **given)
    with sending_to(opening, verbose=verbose, quiet=quiet) as (account, observe):
        from batchpatch.commands.resume import (  # noqa: PLC0415 - it brings the HTTP client
            resume as resume_run,
        )

        report = run_until_stopped(
            lambda stopper: resume_run(
                directory,
                account=account,
                retry_outcomes=_RETRIED[retry] if retry else (),
                inputs=inputs or (),
                appended=appended,
                pace=pace,
                limits=limits,
                stopper=stopper,
                observe=observe,
            )
        )
    if report.plan is not None:
        finish_plan(report, json=json, quiet=quiet)
    words = manifest_of(directory).options.get("flags", ())
    finish(report, again=command_again(report.failed, words), json=json, quiet=quiet)


def manifest_of(directory: Path) -> Manifest:
    """What the run was asked to do, and where."""
    with RunDirectory.open(directory, lock=False) as run:
        return read_manifest(run.manifest_path)


def pace_of(directory: Path) -> PaceOptions:
    """How fast the run went: the flags change what they name."""
    from batchpatch.formats.run_json import settings_from  # noqa: PLC0415 - it brings the HTTP client

    return settings_from(manifest_of(directory).options).pace


def purge(directory: Directory, yes: flags.Yes = False) -> None:
    """Remove what holds customers' values: spool, failed rows, undo, conflicts. Results stay.

    A run that is purged can be neither resumed from standard input nor undone.
    """
    removed = purge_run(directory)
    say(*[f"removed {path}" for path in removed] or ["nothing to remove"])
