"""`batchpatch sandbox`: a local Genesys Cloud."""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar, Literal

from batchpatch.cli.options.declare import Options, flag, with_options
from batchpatch.cli.options.trying_out import ServerFlags
from batchpatch.cli.output import emit, say
from batchpatch.errors import ExitCode, SettingsError, cannot_listen
from batchpatch.options.spelling import parse_number, parse_whole
from batchpatch.sandbox import SandboxOptions, parse_fault
from batchpatch.sandbox.options import parse_deny_reads
from batchpatch.sandbox.windows import parse_allowed_change
from batchpatch.service.sandbox_process import CLIENT_ID, CLIENT_SECRET

_share = partial(parse_number, most=1.0)


@dataclass(frozen=True, kw_only=True)
class LimitFlags(Options):
    """Tokens and windows of the rate limit."""

    TITLE: ClassVar[str] = "Tokens and limits"

    org_allowed: int | None = flag(
        "--org-allowed",
        "Requests per window of all tokens together.",
        metavar="N",
        parse=partial(parse_whole, least=1),
    )
    org_window_s: float = flag(
        "--org-window-s",
        "Length of a window of that limit.",
        default=60.0,
        metavar="SECONDS",
        parse=parse_number,
        shown="60",
    )
    window_model: Literal["grid", "first-call", "sliding"] = flag(
        "--window-model",
        "How windows follow each other.",
        default="grid",
        choices=("grid", "first-call", "sliding"),
        shown="grid",
    )
    reset_rounding: Literal["floor", "ceil", "nearest"] = flag(
        "--reset-rounding",
        "How inin-ratelimit-reset is rounded to whole seconds.",
        default="nearest",
        choices=("floor", "ceil", "nearest"),
        shown="nearest",
    )
    foreign_per_s: float = flag(
        "--foreign",
        "Requests a second that others spend.",
        default=0.0,
        metavar="R",
        parse=parse_number,
    )
    allowed_changes: tuple[str, ...] = flag(
        "--allowed-change",
        "After T seconds, N requests a window are allowed.",
        default=(),
        metavar="T:N",
    )
    expires_in_s: float = flag(
        "--expires-in",
        "Life of a token; 0.2 and 0 work too.",
        default=86_400.0,
        metavar="SECONDS",
        parse=parse_number,
        shown="86400",
    )
    deny_reads: str | None = flag(
        "--deny-reads",
        "403 for reads: 'conversation', 'analytics' or 'conversation,analytics'.",
        metavar="WHAT",
    )
    deny: str | None = flag(
        "--deny",
        "What the tokens lack, with commas, such as 'routing:wrapupCode:view'.",
        metavar="PERMISSIONS",
    )
    organization: str | None = flag(
        "--organization", "Whose the tokens are, a UUID; ID:NAME names it too.", metavar="ID"
    )


@dataclass(frozen=True, kw_only=True)
class WorldFlags(Options):
    """The server, and the conversations that it knows."""

    TITLE: ClassVar[str] = "The server and its conversations"

    port: int = flag(
        "--port",
        "0 picks a free one.",
        default=8080,
        metavar="N",
        parse=partial(parse_whole, most=65535),
        shown="8080",
        everyday=True,
    )
    strict: bool = flag(
        "--strict", "404 for a conversation that was not made known.", default=False, everyday=True
    )
    ended: float = flag(
        "--ended",
        "Share of conversations that have ended.",
        default=0.0,
        metavar="SHARE",
        parse=_share,
        everyday=True,
    )
    analytics_unknown: float = flag(
        "--analytics-unknown",
        "Share of conversations unknown to analytics.",
        default=0.0,
        metavar="SHARE",
        parse=_share,
    )
    analytics_max_ids: int = flag(
        "--analytics-max-ids",
        "Most ids in a request to analytics.",
        default=100,
        metavar="N",
        parse=partial(parse_whole, least=1, most=1000),
        shown="100",
    )
    apply_delay_s: float = flag(
        "--apply-delay",
        "A write can be read so long after its 202.",
        default=0.0,
        metavar="SECONDS",
        parse=parse_number,
    )
    ended_wrapup: Literal["accept", "refuse"] = flag(
        "--ended-wrapup",
        "Whether a conversation that has ended takes a wrap-up code.",
        default="accept",
        choices=("accept", "refuse"),
        shown="accept",
    )
    until_stdin_closes: bool = flag(
        "--until-stdin-closes", "For whoever started it.", default=False, hidden=True
    )


@with_options
def sandbox(*, world: WorldFlags, limits: LimitFlags, server: ServerFlags) -> int:
    """Run a local Genesys Cloud on 127.0.0.1 until Ctrl-C; `sandbox rows` writes rows for it.

    Example: batchpatch sandbox --fault status=503,rate=0.1

    It mints tokens, keeps attributes, limits and fails as told. A conversation that it does not
    know is adopted at first use. See also: batchpatch sandbox rows --help
    """
    given = asdict(world)
    until_stdin_closes = given.pop("until_stdin_closes")
    options = sandbox_options(server, **given, **asdict(limits))
    if until_stdin_closes:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    from batchpatch.sandbox import serve  # noqa: PLC0415 - --help needs no server

    try:
        serve(options, ready=_announce)
    except OSError as error:
        raise SettingsError(cannot_listen("127.0.0.1", world.port, error)) from None
    return ExitCode.DONE


def sandbox_options(
    server: ServerFlags,
    *,
    allowed_changes: tuple[str, ...] = (),
    deny_reads: str | None = None,
    deny: str | None = None,
    organization: str | None = None,
    **more: Any,
) -> SandboxOptions:
    """The sandbox's options.

    Raises:
        SettingsError: a value out of range, or a fault that cannot be read.
    """
    try:
        more["faults"] = tuple(parse_fault(text) for text in server.fault)
        more["allowed_changes"] = tuple(parse_allowed_change(text) for text in allowed_changes)
        if server.rate_window_s is not None:
            more["rate_window_s"] = server.rate_window_s
        if deny_reads is not None:
            more["deny_reads"] = parse_deny_reads(deny_reads)
        if deny is not None:
            more["deny"] = frozenset(name.strip() for name in deny.split(","))
        if organization is not None:
            more["organization_id"], colon, name = organization.partition(":")
            more |= {"organization_name": name} if colon else {}
        return SandboxOptions(
            allowed=server.allowed,
            revoke_after=server.revoke_after,
            seed=server.seed or 0,
            **more,
        )
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
