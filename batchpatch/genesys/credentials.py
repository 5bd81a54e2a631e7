"""Who we are to the platform: secrets, where they are found, and the account they make.

Secrets come from the environment or from the `gc` CLI's file, never from an argument of the
command line, where every process of the machine could read them.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from batchpatch.errors import AccessError, SettingsError
from batchpatch.genesys.regions import Hosts, find_hosts

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PROFILE = "DEFAULT"


class Secret:
    """A string that shows itself to nobody but `reveal()`.

    Its repr, str and format are asterisks, and it refuses to be pickled, so that it cannot end up
    in a log, a report, a traceback with local variables or a file by accident.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself, to be put into a request at once."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __deepcopy__(self, memo: dict[int, object]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not to be pickled")


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
    _Family(None, "GC_CLIENT_ID", "GC_CLIENT_SECRET", None),
)
# The gc CLI's own key names: `client_credentials` holds the client's id.
_PROFILE_KEYS = _Family("access_token", "client_credentials", "client_secret", "environment")


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
) -> Account:
    """Find credentials and hosts.

    Looks at the arguments, then at `GENESYSCLOUD_*`, `GENESYS_*`, `GC_*`, then at the profile
    `DEFAULT` of `~/.gc/config.toml`. A `profile` given explicitly goes before the environment.
    Within one place a ready access token goes before a client, as in the Terraform provider.

    Raises `AccessError` where credentials are missing, incomplete or malformed, and
    `SettingsError` where the region or the file is at fault. No message holds a secret.
    """
    file = _ProfileFile(config_path, profile)
    if profile is not None:
        table = file.table()
        found = _in_profile(table, file) or _nothing_found(file)
        region = region or _clean(table.get("environment")) or _region_in(env)
    else:
        found = _in_environment(env) or _in_profile(file.table(), file) or _nothing_found(file)
        region = region or _region_in(env)
        if region is None and api_url is None:
            region = _clean(file.table().get("environment"))
    return Account(
        found.credentials, find_hosts(region, api_url=api_url, login_url=login_url), found.origin
    )


def _in_environment(env: Mapping[str, str]) -> _Found | None:
    for family in _FAMILIES:
        credentials = _credentials(env, family, place="the environment")
        if credentials is not None:
            names = family.client_id
            if isinstance(credentials, AccessToken):
                names = str(family.token)
            return _Found(credentials, f"the environment ({names})")
    return None


def _region_in(env: Mapping[str, str]) -> str | None:
    values = (_clean(env.get(family.region)) for family in _FAMILIES if family.region)
    return next((value for value in values if value), None)


def _in_profile(table: Mapping[str, str], file: _ProfileFile) -> _Found | None:
    credentials = _credentials(table, _PROFILE_KEYS, place=file.place)
    return None if credentials is None else _Found(credentials, file.place)


def _credentials(
    values: Mapping[str, str], names: _Family, *, place: str
) -> ClientCredentials | AccessToken | None:
    """Return what one family of names holds: a token, a whole pair, or nothing."""
    if names.token and (token := _clean(values.get(names.token))):
        return AccessToken(Secret(_printable(token, names.token, place)))
    client_id = _clean(values.get(names.client_id))
    secret = _clean(values.get(names.client_secret))
    if client_id and secret:
        _printable(client_id, names.client_id, place)
        _printable(secret, names.client_secret, place)
        return ClientCredentials(client_id, Secret(secret))
    if not client_id and not secret:
        return None
    here, missing = names.client_id, names.client_secret
    if not client_id:
        here, missing = missing, here
    raise AccessError(f"{here} is set in {place} but {missing} is not: set both.")


def _printable(value: str, name: str, place: str) -> str:
    # A line break here would end a header early; the value itself is never shown.
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise AccessError(
            f"{name} in {place} holds a space, a line break or a character that no credential"
            " has: copy it again."
        )
    return value


def _clean(value: str | None) -> str | None:
    return (value.strip() or None) if value else None


def _nothing_found(file: _ProfileFile) -> NoReturn:
    if file.explicit:
        raise AccessError(
            f"{file.place} has no credentials: set client_credentials (the client's id) and"
            " client_secret there, or access_token."
        )
    raise AccessError(
        "No credentials found: set GENESYSCLOUD_OAUTHCLIENT_ID and"
        " GENESYSCLOUD_OAUTHCLIENT_SECRET (or GENESYSCLOUD_ACCESS_TOKEN), or write a profile"
        f" into {file.path}."
    )


class _ProfileFile:
    """The gc CLI's file, read when first asked for: who has all in the environment needs none."""

    def __init__(self, path: Path | None, profile: str | None) -> None:
        self.explicit = profile is not None
        self.profile = DEFAULT_PROFILE if profile is None else profile
        self.path = path if path is not None else Path("~/.gc/config.toml")
        self._table: dict[str, str] | None = None

    @property
    def place(self) -> str:
        return f"profile {self.profile!r} of {self.path}"

    def table(self) -> dict[str, str]:
        """Return the profile's keys and texts; empty where a file nobody asked for is absent."""
        if self._table is None:
            self._table = self._texts(self._find(self._read()))
        return self._table

    def _read(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.path.expanduser().read_text("utf-8"))
        except FileNotFoundError:
            if not self.explicit:
                return {}
            raise SettingsError(
                f"--profile {self.profile}: there is no file {self.path}; write it, or set"
                " GENESYSCLOUD_OAUTHCLIENT_ID and GENESYSCLOUD_OAUTHCLIENT_SECRET instead."
            ) from None
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or "no home directory"
            raise SettingsError(f"{self.path} cannot be read: {reason}.") from None
        except ValueError:
            # The parser's own message may quote the line, and the line may be the secret.
            raise SettingsError(
                f"{self.path} is not valid TOML: write one table per profile, such as [DEFAULT],"
                ' with lines such as client_secret = "...".'
            ) from None

    def _find(self, tables: dict[str, Any]) -> dict[str, Any]:
        wanted = self.profile.casefold()
        for name, table in tables.items():
            if name.casefold() == wanted and isinstance(table, dict):
                return table
        if not self.explicit:
            return {}
        known = ", ".join(name for name, table in tables.items() if isinstance(table, dict))
        raise SettingsError(
            f"{self.path} has no profile {self.profile!r}; it has {known or 'none at all'}."
        )

    def _texts(self, table: dict[str, Any]) -> dict[str, str]:
        texts = {}
        for key in (name for name in _PROFILE_KEYS if name is not None):
            value = table.get(key, "")
            if not isinstance(value, str):
                raise SettingsError(f"{key} in {self.place} must be a text in quotes.")
            texts[key] = value
        return texts
