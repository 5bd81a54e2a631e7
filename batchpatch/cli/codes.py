"""`batchpatch codes`: which wrap-up codes there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from batchpatch.cli.options.declare import Options, flag, with_options
from batchpatch.cli.options.platform import PlatformFlags
from batchpatch.cli.options.reporting import ReportFlags
from batchpatch.cli.options.trying_out import SandboxFlags, ServerFlags
from batchpatch.cli.output import emit_document, show
from batchpatch.options.spelling import parse_text

if TYPE_CHECKING:
    from batchpatch.genesys.account.credentials import Account
    from batchpatch.pipeline.stop import Stopper


@dataclass(frozen=True, kw_only=True)
class CodesFlags(Options):
    """Which codes."""

    TITLE: ClassVar[str] = "Which codes"

    queue: str | None = flag(
        "--queue",
        "Those that the agents of this queue may be given.",
        metavar="ID",
        parse=parse_text,
        shown="all of the organisation",
        everyday=True,
    )


IDLE = {"--progress", "--log-every", "--show-values", "--yes"}


@with_options
def codes(
    *,
    listing: CodesFlags,
    platform: PlatformFlags,
    reporting: ReportFlags,
    sandbox: SandboxFlags,
    server: ServerFlags,
) -> int:
    """List wrap-up codes: id and name.

    Example: batchpatch codes --json > codes.json

    What --json prints is a file for --codes. It needs the permission routing:wrapupCode:view, or
    routing:queue:view for those of a queue.
    """
    # Loaded here, because they bring the HTTP client with them.
    from batchpatch.cli.session import Session  # noqa: PLC0415
    from batchpatch.commands.codes import codes as list_codes  # noqa: PLC0415
    from batchpatch.options.run import ConnectOptions, Settings  # noqa: PLC0415
    from batchpatch.pipeline.blocking import unless_stopped  # noqa: PLC0415

    settings = Settings(connect=ConnectOptions(ca_file=platform.ca_path))

    async def listed(account: Account, stopper: Stopper, *_: object) -> dict[str, str]:
        asking = list_codes(account=account, queue=listing.queue, settings=settings)
        return await unless_stopped(asking, stopper, left="Interrupted: there is no list yet.")

    found = Session(platform, sandbox, server, reporting).execute(listed)
    if reporting.json:
        entries = [{"id": known_id, "name": name} for known_id, name in found.items()]
        emit_document({"codes": entries, "exit_code": 0})
    else:
        show(f"{known_id}  {name}" for known_id, name in found.items())
    return 0
