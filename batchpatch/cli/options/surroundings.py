"""The flags around the work: where to, what is reported, and the sandbox to try it on."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from batchpatch.cli.options.declare import Options, Reach, flag
from batchpatch.cli.options.showing import json_flag
from batchpatch.errors import SettingsError
from batchpatch.options.spelling import (
    parse_duration,
    parse_number,
    parse_text,
    parse_whole,
)

if TYPE_CHECKING:
    from batchpatch.genesys.account.secrets import NamedSecret

REGION_VARIABLES = ("GENESYSCLOUD_REGION", "GENESYS_ENV", "GENESYS_CLOUD_REGION")
CREDENTIAL_VARIABLES = (
    "GENESYSCLOUD_ACCESS_TOKEN",
    "GENESYSCLOUD_OAUTHCLIENT_SECRET",
    "GENESYSCLOUD_OAUTHCLIENT_SECRET_FILE",
    "GENESYS_CLIENT_SECRET",
    "GENESYS_CLOUD_CLIENT_SECRET",
    "GC_CLIENT_SECRET",
)
"""What other tools read as well: `genesys.account.credentials` looks them up."""


def parse_command(text: str, *, flag: str) -> tuple[str, ...]:
    """The words of a command, as a shell would split them.

    Raises:
        SettingsError: it has none, or a quote that nobody closes.
    """
    try:
        return tuple(shlex.split(parse_text(text, flag=flag)))
    except ValueError as error:
        raise SettingsError(f"{flag}: {error}: write it as in a shell.") from None


def parse_path(text: str, *, flag: str) -> Path:
    """A file or directory.

    Raises:
        SettingsError: it has no name.
    """
    return Path(parse_text(text, flag=flag))


@dataclass(frozen=True, kw_only=True)
class PlatformFlags(Options):
    """Where to, and as whom."""

    TITLE: ClassVar[str] = "Where to"
    REACH: ClassVar[Reach] = Reach.USER

    region: str | None = flag(
        "--region",
        "AWS name or domain, such as eu-central-1 or mypurecloud.de.",
        metavar="NAME",
        parse=parse_text,
        kept=True,
        variables=REGION_VARIABLES,
        yields_to=("--sandbox", "--profile", "--api-url", "--login-url"),
    )
    profile: str | None = flag(
        "--profile",
        "Of ~/.gc/config.toml.",
        metavar="NAME",
        parse=parse_text,
        variables=CREDENTIAL_VARIABLES,
        yields_to=("--sandbox",),
    )
    api_url: str | None = flag(
        "--api-url",
        "Instead of the region's, such as a proxy's.",
        metavar="URL",
        parse=parse_text,
        kept=True,
        variables=REGION_VARIABLES,
        yields_to=("--sandbox", "--profile", "--region", "--login-url"),
    )
    login_url: str | None = flag(
        "--login-url",
        "Where tokens are minted.",
        metavar="URL",
        parse=parse_text,
        kept=True,
        variables=REGION_VARIABLES,
        yields_to=("--sandbox", "--profile", "--region", "--api-url"),
    )
    client_secret_file: Path | None = flag(
        "--client-secret-file",
        "Holds the OAuth client's secret.",
        metavar="FILE",
        parse=parse_path,
        variables=CREDENTIAL_VARIABLES,
        yields_to=("--sandbox", "--profile", "--secret-command"),
    )
    secret_command: tuple[str, ...] | None = flag(
        "--secret-command",
        "Prints the OAuth client's secret, and is started without a shell.",
        metavar="COMMAND",
        parse=parse_command,
        reach=Reach.PROFILE,
        variables=CREDENTIAL_VARIABLES,
        yields_to=("--sandbox", "--profile", "--client-secret-file"),
    )
    ca_file: Path | None = flag(
        "--ca-file", "PEM certificates to trust as well.", metavar="FILE", parse=parse_path
    )

    @property
    def ca_path(self) -> str | None:
        """Where `--ca-file` lies, for whoever goes on from another directory."""
        return None if self.ca_file is None else str(self.ca_file.absolute())

    def secret(self) -> NamedSecret | None:
        """The client's secret, where a flag says where it is.

        Raises:
            SettingsError: two flags do.
            AccessError: it is not there.
        """
        if self.client_secret_file and self.secret_command:
            raise SettingsError("--client-secret-file and --secret-command: leave out one of them.")
        if not (self.client_secret_file or self.secret_command):
            return None
        from batchpatch.genesys.account import secrets  # noqa: PLC0415 - not for --help

        if self.client_secret_file:
            return secrets.secret_of_file(self.client_secret_file, called="--client-secret-file")
        return secrets.secret_of_command(self.secret_command or (), called="--secret-command")

    @property
    def names_hosts(self) -> bool:
        """It says where to, so that what a run's directory says does not matter."""
        return any((self.region, self.api_url, self.login_url))


@dataclass(frozen=True, kw_only=True)
class RecordFlags(Options):
    """Where the report goes."""

    TITLE: ClassVar[str] = "What is reported"

    out: Path | None = flag(
        "--out",
        "Directory of this run. Default: batchpatch-runs/<input>-<UTC time>/",
        metavar="DIR",
        parse=parse_path,
        everyday="Directory of this run. Default: below batchpatch-runs.",
    )


@dataclass(frozen=True, kw_only=True)
class RestartFlags(Options):
    """Whether the run may have begun already."""

    TITLE: ClassVar[str] = RecordFlags.TITLE

    resume: bool = flag(
        "--resume",
        "Go on where --out holds this very run; begin it where that is empty.",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class ReportFlags(Options):
    """What is reported."""

    TITLE: ClassVar[str] = RecordFlags.TITLE
    REACH: ClassVar[Reach] = Reach.USER

    json: bool = json_flag()
    quiet: bool = flag(
        "--quiet",
        "No progress, no summary: only why it ended before its time, and how to go on.",
        default=False,
        short="-q",
    )
    verbose: bool = flag(
        "--verbose", "Say what is retried and waited for.", default=False, short="-v"
    )
    progress: Literal["auto", "plain", "json", "none"] = flag(
        "--progress",
        "How it is shown on stderr: a live view, lines of a log, JSON lines.",
        default="auto",
        choices=("auto", "plain", "json", "none"),
    )
    log_every_s: float = flag(
        "--log-every",
        "Without a terminal, a line of progress so often.",
        default=60.0,
        metavar="TIME",
        parse=partial(parse_duration, least_s=0.1),
        shown="60s",
    )
    show_values: bool = flag(
        "--show-values", "Show what a conflict expected and found.", default=False
    )
    yes: bool = flag(
        "--yes",
        "Write to a real organisation without being asked.",
        default=False,
        short="-y",
    )


@dataclass(frozen=True, kw_only=True)
class DryFlags(Options):
    """Trying it out without sending."""

    TITLE: ClassVar[str] = "Trying it out"

    dry_run: bool = flag("--dry-run", "The same as `check`.", default=False)


@dataclass(frozen=True, kw_only=True)
class ServerFlags(Options):
    """What a sandbox limits and what goes wrong in it."""

    TITLE: ClassVar[str] = "What the sandbox does"

    allowed: int | None = flag(
        "--allowed",
        "Requests per window and token.",
        metavar="N",
        parse=partial(parse_whole, least=1),
        shown="no limit",
    )
    rate_window_s: float | None = flag(
        "--rate-window-s",
        "Length of a rate-limit window.",
        metavar="SECONDS",
        parse=parse_number,
        shown="60",
    )
    fault: tuple[str, ...] = flag(
        "--fault",
        "What goes wrong, such as 'status=503,rate=0.1' or 'kind=reset_after,rate=0.05'.",
        default=(),
        metavar="RULE",
    )
    revoke_after: int | None = flag(
        "--revoke-after",
        "Refuse the first token after N requests.",
        metavar="N",
        parse=partial(parse_whole, least=1),
    )
    seed: int | None = flag(
        "--seed",
        "Decides what faults and shares hit.",
        metavar="N",
        parse=partial(parse_whole, least=-(10**9)),
        shown="0",
    )

    @property
    def words(self) -> list[str]:
        """For the command line of the sandbox's own process."""
        given = {
            "--allowed": self.allowed,
            "--rate-window-s": self.rate_window_s,
            "--revoke-after": self.revoke_after,
            "--seed": self.seed,
        }
        words = [word for rule in self.fault for word in ("--fault", rule)]
        for name, value in given.items():
            words += [] if value is None else [name, str(value)]
        return words


@dataclass(frozen=True, kw_only=True)
class SandboxFlags(Options):
    """A sandbox that lives as long as the command."""

    TITLE: ClassVar[str] = DryFlags.TITLE

    sandbox: bool = flag(
        "--sandbox",
        "Send to a local sandbox of its own; needs no credentials.",
        default=False,
        everyday="Send to a local sandbox; needs no credentials.",
    )
