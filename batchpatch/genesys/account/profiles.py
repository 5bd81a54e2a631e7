"""The `gc` CLI's file of profiles, `~/.gc/config.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batchpatch.errors import SettingsError, as_typed, why_unreadable
from batchpatch.genesys.network import PROFILE_PROXY

DEFAULT_PROFILE = "DEFAULT"
PROFILE_KEYS = ("access_token", "client_credentials", "client_secret", "environment")
"""The CLI's own names for a token, a client's id, its secret and the region, in this order."""


_USUAL = "~/.gc/config.toml"


class ProfileFile:
    """The gc CLI's file, read when first asked for: who has all in the environment needs none."""

    def __init__(self, path: Path | None, profile: str | None) -> None:
        self.explicit = profile is not None
        self.profile = DEFAULT_PROFILE if profile is None else profile
        self.path = path if path is not None else Path(_USUAL)
        self.shown = _USUAL if path is None else as_typed(path)
        """As one types it: in quotes a shell would take `~` for a name."""
        self._table: dict[str, str] | None = None

    @property
    def place(self) -> str:
        return f"profile {self.profile!r} of {self.shown}"

    def table(self) -> dict[str, str]:
        """Return the profile's keys and texts; empty where a file nobody asked for is absent."""
        if self._table is None:
            self._table = self._texts(self._find(self._read()))
        return self._table

    @property
    def is_there(self) -> bool:
        """The file has a profile of that name; with something in it, or nothing."""
        tables = self._read()
        return any(name.casefold() == self.profile.casefold() for name in tables)

    def own(self, key: str) -> str:
        """A text of the profile that is not the CLI's; empty where there is none.

        Raises:
            SettingsError: the file cannot be read, or has no such profile.
        """
        value = self._find(self._read()).get(key, "")
        return value if isinstance(value, str) else ""

    def _read(self) -> dict[str, Any]:
        try:
            text = self.path.expanduser().read_text("utf-8-sig")
            import tomllib  # noqa: PLC0415 - only for a file

            return tomllib.loads(text)
        except FileNotFoundError:
            if not self.explicit:
                return {}
            raise SettingsError(
                f"--profile {self.profile}: there is no file {self.shown}; write it, or "
                "set GENESYSCLOUD_OAUTHCLIENT_ID and GENESYSCLOUD_OAUTHCLIENT_SECRET instead."
            ) from None
        except (OSError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not self.explicit:
                return {}  # without a home there is no file in it
            reason = why_unreadable(error, otherwise="no home directory")
            raise SettingsError(f"{self.shown} cannot be read: {reason}.") from None
        except ValueError:
            # The parser's own message may quote the line, and the line may be the secret.
            raise SettingsError(
                f"{self.shown} is not valid TOML: write one table per profile, such as "
                '[DEFAULT], with lines such as client_secret = "...".'
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
            f"{self.shown} has no profile {self.profile!r}; it has {known or 'none at all'}."
        )

    def _texts(self, table: dict[str, Any]) -> dict[str, str]:
        texts = {}
        for key in (*PROFILE_KEYS, *PROFILE_PROXY):
            value = table.get(key, "")
            if key == PROFILE_PROXY.port and isinstance(value, int):
                value = str(value)
            if not isinstance(value, str):
                raise SettingsError(f"{key} in {self.place} must be a text in quotes.")
            texts[key] = value
        return texts
