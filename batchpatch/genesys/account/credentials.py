"""Credentials: secrets, where they are found, and the account that they make.

Secrets come from the environment, from the `gc` CLI's file, or from a file or a command that is
named for it; never from an argument of the command line, where every process could read them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from batchpatch.errors import AccessError
from batchpatch.genesys.account.profiles import PROFILE_KEYS, ProfileFile
from batchpatch.genesys.account.regions import Hosts, find_hosts
from batchpatch.genesys.account.secret import Secret
from batchpatch.genesys.account.secrets import NamedSecret, secret_of_file
from batchpatch.genesys.network import ENVIRONMENT_PROXY, PROFILE_PROXY, named_proxy

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AccessToken", "Account", "ClientCredentials", "Secret", "find_account"]


class ClientCredentials(NamedTuple):
    """An OAuth client of grant type Client Credentials: tokens can be minted from it."""

    client_id: str
    client_secret: Secret


class AccessToken(NamedTuple):
    """A ready token: it cannot be renewed, so a run ends when it expires."""

    token: Secret


class Account(NamedTuple):
    """Everything needed to talk to one organisation."""

    credentials: ClientCredentials | AccessToken
    hosts: Hosts
    origin: str
    """Where the credentials were found, for messages; holds no secret."""
    proxy: Secret | None = None
    """URL of the proxy that is named for the platform; may hold a password."""

    @property
    def client_id(self) -> str | None:
        """Of the OAuth client; None of a ready token, which does not name its own."""
        credentials = self.credentials
        return credentials.client_id if isinstance(credentials, ClientCredentials) else None


class _Family(NamedTuple):
    """Variables that belong together. A pair is never made of two families' halves."""

    token: str | None
    client_id: str
    client_secret: str
    region: str | None


# The gc CLI and the Terraform provider use the first; tutorials use the others.
_FAMILIES = (
    _Family(
        "GENESYSCLOUD_ACCESS_TOKEN",
        "GENESYSCLOUD_OAUTHCLIENT_ID",
        "GENESYSCLOUD_OAUTHCLIENT_SECRET",
        "GENESYSCLOUD_REGION",
    ),
    _Family(None, "GENESYS_CLIENT_ID", "GENESYS_CLIENT_SECRET", "GENESYS_ENV"),
    _Family(None, "GENESYS_CLOUD_CLIENT_ID", "GENESYS_CLOUD_CLIENT_SECRET", "GENESYS_CLOUD_REGION"),
    _Family(None, "GC_CLIENT_ID", "GC_CLIENT_SECRET", None),
)

# Left by .env files and by `docker --env-file`, which take quotes for what they are not.
_QUOTES = "\"'`\u201c\u201d\u2018\u2019"
_PROFILE_KEYS = _Family(*PROFILE_KEYS)


class _Found(NamedTuple):
    credentials: ClientCredentials | AccessToken
    origin: str


def find_account(
    env: Mapping[str, str],
    *,
    profile: str | None = None,
    config_path: Path | None = None,
    region: str | None = None,
    api_url: str | None = None,
    login_url: str | None = None,
    secret: NamedSecret | None = None,
) -> Account:
    """Find credentials and hosts.

    Looks at the arguments, then at `GENESYSCLOUD_*`, `GENESYS_*`, `GENESYS_CLOUD_*`, `GC_*`, then
    at the profile `DEFAULT` of `~/.gc/config.toml`. A `profile` given explicitly goes before the
    environment. Within one place a ready access token goes before a client, as in the Terraform
    provider. A `secret` given explicitly is that of the first client id there is. The secret of a
    variable may lie in a file, which `GENESYSCLOUD_OAUTHCLIENT_SECRET_FILE` (or that of the other
    names) names then.

    Raises `AccessError` where credentials are missing, incomplete or malformed, and
    `SettingsError` where the region or the file is at fault. No message holds a secret.
    """
    file = ProfileFile(config_path, profile)
    found = None if profile is not None else _in_environment(env, secret)
    found = found or _in_profile(file.table(), file, secret) or _nothing_found(file)
    if api_url is None:
        region = region or configured_region(env, profile=profile, config_path=config_path)
    hosts = find_hosts(region, api_url=api_url, login_url=login_url)
    return Account(found.credentials, hosts, found.origin, _named_proxy(env, found, file))


def _named_proxy(env: Mapping[str, str], found: _Found, file: ProfileFile) -> Secret | None:
    """The proxy that the environment names for the platform, or else the profile in use."""
    proxy = named_proxy(env, ENVIRONMENT_PROXY, place="the environment")
    if proxy is None and found.origin == file.place:
        proxy = named_proxy(file.table(), PROFILE_PROXY, place=file.place)
    return None if proxy is None else Secret(proxy)


def configured_region(
    env: Mapping[str, str], *, profile: str | None = None, config_path: Path | None = None
) -> str | None:
    """Return the region that the environment or the profile is set for; None where it is not.

    A `profile` given explicitly goes before the environment, otherwise it comes after it. Raises
    `SettingsError` where the file cannot be read.
    """
    file = ProfileFile(config_path, profile)
    if profile is not None:
        return _clean(file.table().get("environment")) or _region_in(env)
    return _region_in(env) or _clean(file.table().get("environment"))


def _in_environment(env: Mapping[str, str], secret: NamedSecret | None) -> _Found | None:
    for family in _FAMILIES:
        given = secret or _secret_file(env, family)
        credentials = _credentials(env, family, place="the environment", secret=given)
        if credentials is None:
            continue
        if isinstance(credentials, AccessToken):
            return _Found(credentials, f"the environment ({family.token})")
        origin = f"the environment ({family.client_id})"
        return _Found(credentials, f"{origin}, its secret from {given.origin}" if given else origin)
    return None


def _secret_file(env: Mapping[str, str], family: _Family) -> NamedSecret | None:
    """What the file holds that the environment names instead of the secret.

    Raises:
        AccessError: it holds none, or there are both.
    """
    name = f"{family.client_secret}_FILE"
    path = _clean(env.get(name))
    if path is None or (family.token and _clean(env.get(family.token))):
        return None
    if _clean(env.get(family.client_secret)):
        raise AccessError(f"{family.client_secret} and {name} are both set: leave out one of them.")
    return secret_of_file(Path(path), called=name)


def _region_in(env: Mapping[str, str]) -> str | None:
    values = (_clean(env.get(family.region)) for family in _FAMILIES if family.region)
    return next((value for value in values if value), None)


def _in_profile(
    table: Mapping[str, str], file: ProfileFile, secret: NamedSecret | None
) -> _Found | None:
    credentials = _credentials(table, _PROFILE_KEYS, place=file.place, secret=secret)
    if credentials is None and secret is not None:
        raise AccessError(
            f"There is a secret from {secret.origin} and no client id: set"
            " GENESYSCLOUD_OAUTHCLIENT_ID."
        )
    return None if credentials is None else _Found(credentials, file.place)


def _credentials(
    values: Mapping[str, str], names: _Family, *, place: str, secret: NamedSecret | None
) -> ClientCredentials | AccessToken | None:
    """Return what one family of names holds: a token, a whole pair, or nothing."""
    if secret is not None:
        client_id = _clean(values.get(names.client_id))
        if client_id is None:
            return None
        _printable(secret.secret.reveal(), "the secret", secret.origin)
        return ClientCredentials(_printable(client_id, names.client_id, place), secret.secret)
    if names.token and (token := _clean(values.get(names.token))):
        return AccessToken(Secret(_printable(token, names.token, place)))
    client_id = _clean(values.get(names.client_id))
    found = _clean(values.get(names.client_secret))
    if client_id and found:
        _printable(client_id, names.client_id, place)
        _printable(found, names.client_secret, place)
        return ClientCredentials(client_id, Secret(found))
    if not client_id and not found:
        return None
    here, missing = names.client_id, names.client_secret
    if not client_id:
        here, missing = missing, here
    raise AccessError(f"{here} is set in {place} but {missing} is not: set both.")


def _printable(value: str, name: str, place: str) -> str:
    # A line break here would end a header early; the value itself is never shown.
    if value[0] in _QUOTES and value[-1] in _QUOTES:
        raise AccessError(
            f"{name} in {place} is in quotes, and they are taken as a part of it: leave them out."
        )
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise AccessError(
            f"{name} in {place} holds a space, a line break or a character that no credential"
            " has: copy it again."
        )
    return value


def _clean(value: str | None) -> str | None:
    return (value.strip() or None) if value else None


def _nothing_found(file: ProfileFile) -> NoReturn:
    if file.explicit or file.is_there:
        raise AccessError(
            f"{file.place} has no credentials: set client_credentials (the client's id) and"
            " client_secret there, or access_token"
            f"{'' if file.explicit else '; or GENESYSCLOUD_* in the environment'}."
        )
    raise AccessError(
        "No credentials found: set GENESYSCLOUD_OAUTHCLIENT_ID and"
        " GENESYSCLOUD_OAUTHCLIENT_SECRET (or GENESYSCLOUD_ACCESS_TOKEN), or write a profile"
        f" into {file.shown}."
    )
