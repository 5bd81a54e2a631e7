"""The flags of the platform: where it is, whose credentials, which certificates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the declaration of flags looks at it
from typing import TYPE_CHECKING, ClassVar

from batchpatch.cli.options.declare import Options, Reach, flag
from batchpatch.errors import SettingsError
from batchpatch.options.spelling import parse_command, parse_path, parse_text

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
