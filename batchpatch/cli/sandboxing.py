"""`batchpatch sandbox`: a local Genesys Cloud, and rows that match it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from batchpatch.cli.output import abandon_stdout, emit, say, unwrapped
from batchpatch.errors import OutageError, SettingsError
from batchpatch.sandbox import SandboxOptions, parse_fault, write_rows
from batchpatch.sandbox.options import parse_deny_reads
from batchpatch.sandbox.windows import parse_allowed_change

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_A_CHILD = ("--port", "0", "--until-stdin-closes")
CLIENT_ID, CLIENT_SECRET = "sandbox", "sandbox"
# Options that are not called what their flags are.
_OPTION_OF = {
    "window_s": "rate_window_s",
    "expires_in": "expires_in_s",
    "foreign": "foreign_per_s",
    "apply_delay": "apply_delay_s",
}

sandbox_app = typer.Typer(
    help="Run a local Genesys Cloud to try things on.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

FaultTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="RULE",
        help="What goes wrong, such as 'status=503,rate=0.1' or 'kind=reset_after,rate=0.05'.",
    ),
]
Allowed = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Requests per window and token.")
]
RateWindowS = Annotated[
    float, typer.Option(metavar="SECONDS", help="Length of a rate-limit window.")
]
RevokeAfter = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Refuse the first token after so many requests."),
]
Seed = Annotated[int, typer.Option(help="Decides what faults and shares hit.")]


def sandbox(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8080,
    allowed: Allowed = None,
    rate_window_s: RateWindowS = 60.0,
    org_allowed: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Requests per window of all tokens together."),
    ] = None,
    org_window_s: Annotated[
        float, typer.Option(metavar="SECONDS", help="Length of a window of that limit.")
    ] = 60.0,
    fault: FaultTexts = None,
    revoke_after: RevokeAfter = None,
    expires_in: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Life of a token; 0.2 and 0 work too.")
    ] = 86_400,
    strict: Annotated[
        bool, typer.Option("--strict", help="404 for a conversation that was not made known.")
    ] = False,
    seed: Seed = 0,
    window_model: Annotated[
        Literal["grid", "first-call", "sliding"],
        typer.Option(help="How windows follow each other."),
    ] = "grid",
    reset_rounding: Annotated[
        Literal["floor", "ceil", "nearest"],
        typer.Option(help="How inin-ratelimit-reset is rounded to whole seconds."),
    ] = "nearest",
    foreign: Annotated[
        float, typer.Option(metavar="R", min=0, help="Requests a second that others spend.")
    ] = 0.0,
    allowed_change: Annotated[
        list[str] | None,
        typer.Option(metavar="T:N", help="After T seconds, N requests a window are allowed."),
    ] = None,
    ended: Annotated[
        float,
        typer.Option(metavar="SHARE", min=0, max=1, help="Share of conversations that have ended."),
    ] = 0.0,
    analytics_unknown: Annotated[
        float,
        typer.Option(
            metavar="SHARE", min=0, max=1, help="Share of conversations unknown to analytics."
        ),
    ] = 0.0,
    analytics_max_ids: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="Most ids in a request to analytics.")
    ] = 100,
    apply_delay: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, help="A write can be read so long after its 202."),
    ] = 0.0,
    deny_reads: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="403 for reads: 'conversation', 'analytics' or 'conversation,analytics'.",
        ),
    ] = None,
    deny: Annotated[
        str | None,
        typer.Option(
            metavar="PERMISSIONS",
            help="What the tokens lack, with commas, such as 'routing:wrapupCode:view'.",
        ),
    ] = None,
    ended_wrapup: Annotated[
        Literal["accept", "refuse"],
        typer.Option(help="Whether a conversation that has ended takes a wrap-up code."),
    ] = "accept",
    organization: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Whose the tokens are, a UUID; ID:NAME names it too."),
    ] = None,
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Run a local Genesys Cloud on 127.0.0.1 until Ctrl-C.

    It mints tokens, keeps attributes, limits and fails as told. A conversation that it does not
    know is adopted at first use. See also: batchpatch sandbox rows --help
    """
    if ctx.invoked_subcommand is not None:
        return
    given = dict(ctx.params)
    del given["until_stdin_closes"]
    options = sandbox_options(**given)
    if until_stdin_closes:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    from batchpatch.sandbox import serve  # noqa: PLC0415 - --help needs no server

    try:
        serve(options, ready=_announce)
    except OSError as error:
        raise SettingsError(
            f"Port {port} on 127.0.0.1 cannot be used ({error.strerror}): try --port 0."
        ) from None


sandbox_app.callback(invoke_without_command=True, help=unwrapped(sandbox.__doc__))(sandbox)


def sandbox_options(
    *,
    fault: list[str] | None = None,
    allowed_change: list[str] | None = None,
    deny_reads: str | None = None,
    deny: str | None = None,
    organization: str | None = None,
    **given: Any,
) -> SandboxOptions:
    """The sandbox's options, of flags under their names with `_` for `-`.

    Raises:
        SettingsError: a value out of range, or a fault that cannot be read.
    """
    more = {_OPTION_OF.get(name, name): value for name, value in given.items()}
    try:
        more["faults"] = tuple(parse_fault(text) for text in fault or ())
        more["allowed_changes"] = tuple(parse_allowed_change(text) for text in allowed_change or ())
        if deny_reads is not None:
            more["deny_reads"] = parse_deny_reads(deny_reads)
        if deny is not None:
            more["deny"] = frozenset(name.strip() for name in deny.split(","))
        if organization is not None:
            more["organization_id"], colon, name = organization.partition(":")
            more |= {"organization_name": name} if colon else {}
        return SandboxOptions(**more)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _announce(url: str) -> None:
    emit(url + "\n")
    say(
        f"The sandbox listens on {url}. In another shell:",
        f"  export GENESYSCLOUD_OAUTHCLIENT_ID={CLIENT_ID} "
        f"GENESYSCLOUD_OAUTHCLIENT_SECRET={CLIENT_SECRET}",
        f"  batchpatch run updates.csv --api-url {url}",
        "Ctrl-C ends it.",
    )


def _stop_with_stdin() -> None:
    """Whoever started us holds the other end: when it dies, however it dies, so do we."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


@sandbox_app.command("rows")
def rows(
    count: Annotated[int, typer.Option(metavar="N", min=0, help="How many rows.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same rows.")] = 0,
    format: Annotated[Literal["csv", "jsonl"], typer.Option()] = "csv",  # noqa: A002
    repeat: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of rows that name an earlier participant again."),
    ] = 0.0,
    write: Annotated[
        Literal["attributes", "wrapup"], typer.Option(help="What the rows set.")
    ] = "attributes",
) -> None:
    """Write rows whose participants the sandbox will know."""
    try:
        write_rows(sys.stdout, count, seed, format=format, repeat=repeat, write=write)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head`
        abandon_stdout()


@contextmanager
def own_sandbox(arguments: list[str]) -> Iterator[str]:
    """A sandbox in a process of its own, which ends with ours; gives its URL.

    Raises:
        OutageError: it did not start.
    """
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "batchpatch", "sandbox", *_OF_A_CHILD, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is for us; we end it when we are done
    )
    assert process.stdin is not None  # noqa: S101 - both were asked for
    assert process.stdout is not None  # noqa: S101
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise OutageError("The sandbox did not start: see `batchpatch sandbox --port 0`.")
        yield url
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
