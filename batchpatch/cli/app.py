"""The commands."""

from __future__ import annotations

from typing import Annotated

import typer

from batchpatch.cli.check import check
from batchpatch.cli.output import unwrapped
from batchpatch.cli.plan import plan
from batchpatch.cli.resume import purge, resume
from batchpatch.cli.run import run
from batchpatch.cli.sandboxing import sandbox_app
from batchpatch.cli.undo import undo
from batchpatch.version import VERSION

HELP = """Patch participant attributes on Genesys Cloud conversations, in bulk, from CSV or JSONL.

Look first, offline: batchpatch check updates.csv

Try it on a local sandbox: batchpatch run updates.csv --sandbox

Then send: set GENESYSCLOUD_REGION, GENESYSCLOUD_OAUTHCLIENT_ID and
GENESYSCLOUD_OAUTHCLIENT_SECRET, and batchpatch run updates.csv

A row names a conversation, a participant and attributes: columns conversationId, participantId
and attr.NAME in CSV, or {"conversationId", "participantId", "attributes"} on each line of JSONL.

Exit codes: 0 all rows made it, 1 some did not, 2 wrong usage or input, 3 stopped early,
4 credentials, 130 interrupted.
"""

app = typer.Typer(
    name="batchpatch",
    help=unwrapped(HELP),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"batchpatch {VERSION}")
        raise typer.Exit


@app.callback()
def batchpatch(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Hold the options that come before a command."""


app.command("run", help=unwrapped(run.__doc__))(run)
app.command("check", help=unwrapped(check.__doc__))(check)
app.command("plan", help=unwrapped(plan.__doc__))(plan)
app.command("resume", help=unwrapped(resume.__doc__))(resume)
app.command("undo", help=unwrapped(undo.__doc__))(undo)
app.command("purge", help=unwrapped(purge.__doc__))(purge)
app.add_typer(sandbox_app, name="sandbox")
