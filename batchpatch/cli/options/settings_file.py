"""A TOML file of settings: its names are those of the flags."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchpatch.cli.nearest import nearest_flag
from batchpatch.cli.options.declare import Reach, Setting
from batchpatch.errors import SettingsError, as_typed, why_unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from batchpatch.cli.options.declare import Flag

HERE = Path("batchpatch.toml")
"""In the working directory, and in no directory above it."""
_MOST_BYTES = 1 << 20
_SECRETIVE = re.compile(r"secret|token|password", re.IGNORECASE)
_NO_PLACE = (
    "a secret has no place there: set GENESYSCLOUD_OAUTHCLIENT_SECRET, or use"
    " --client-secret-file or --secret-command."
)


def profile_path(env: Mapping[str, str]) -> Path | None:
    """The user's own file, whether it is there or not; None where there is no home."""
    folder = env.get("XDG_CONFIG_HOME", "")
    if Path(folder).is_absolute():
        return Path(folder) / "batchpatch" / "config.toml"
    try:
        return Path("~/.config/batchpatch/config.toml").expanduser()
    except RuntimeError:
        return None


class SettingsFile:
    """One file, which may not be there."""

    def __init__(self, path: Path | None, *, reach: Reach) -> None:
        """`reach` is what a flag needs to be set here."""
        self._path = path
        self._name = as_typed(path) if path else ""
        self._reach = reach

    def settings(self, flags: Mapping[str, Flag]) -> dict[str, Setting]:
        """What it says for these flags, by their names.

        Raises:
            SettingsError: it cannot be read, has a name that is none, or sets what it may not.
        """
        return dict(self._read(flags, self._table()))

    def _read(
        self, flags: Mapping[str, Flag], table: Mapping[str, Any]
    ) -> Iterator[tuple[str, Setting]]:
        for key, value in table.items():
            flag = self._checked(key, flags)
            if flag is not None:
                called = f"{self._name}: {key}"
                read = _value(flag, value, called)
                if read is not None:
                    yield flag.name, Setting(read, str(self._path), called)

    def _checked(self, key: str, flags: Mapping[str, Flag]) -> Flag | None:
        """The flag of that name; None for one of another command."""
        from batchpatch.cli.options.every import configurable  # noqa: PLC0415 - only for a file

        name = "--" + key.replace("_", "-")
        known = configurable().get(name)
        if known is None:
            raise SettingsError(f"{self._name} sets {key[:40]!r}: {self._advice(name)}")
        assert known.reach is not None  # noqa: S101 - a group gives it
        if known.reach < self._reach:
            raise SettingsError(
                f"{self._name} sets {key}, which a file in the working directory may not: "
                f"it may have come with the data; give {name}, or put it into {_profile_words()}."
            )
        return flags.get(name)

    def _advice(self, name: str) -> str:
        from batchpatch.cli.options.every import configurable, of_one_line  # noqa: PLC0415

        if name in of_one_line():
            return f"{name} belongs to one command line."
        if _SECRETIVE.search(name):
            return _NO_PLACE
        if (close := nearest_flag(name, configurable())) is not None:
            return f"did you mean {close.removeprefix('--')}?"
        return "no flag has that name that a file could set, see batchpatch config --all."

    def _table(self) -> dict[str, Any]:
        path = self._path
        if path is None:
            return {}
        try:
            if not path.exists():
                return {}
            if not path.is_file() or path.stat().st_size > _MOST_BYTES:
                raise SettingsError(f"{as_typed(path)} is no file of settings: move it away.")
            import tomllib  # noqa: PLC0415 - only for a file

            return tomllib.loads(path.read_text("utf-8-sig"))
        except OSError as error:
            raise SettingsError(
                f"{as_typed(path)} cannot be read: {why_unreadable(error)}."
            ) from None
        except ValueError as error:
            # Its words may quote the line; the place may not.
            where = re.search(r"\((at [a-z0-9 ,]+)\)", str(error))
            at = f" ({where[1]})" if where else ""
            raise SettingsError(
                f'{as_typed(path)} is not valid TOML{at}: write lines such as rate = "100/min".'
            ) from None


def _profile_words() -> str:
    return "~/.config/batchpatch/config.toml"


def _value(flag: Flag, value: Any, called: str) -> Any:
    """A value of TOML as a command line would give it; None where it says nothing."""
    if flag.is_switch:
        if isinstance(value, bool):
            return value
        raise SettingsError(f"{called}: write true or false.")
    if flag.is_repeated:
        return tuple(_items(flag, value, called))
    if isinstance(value, bool) and flag.bare is not None:
        return flag.bare if value else None
    return _text(value, called)


def _items(flag: Flag, value: Any, called: str) -> Iterator[str]:
    if isinstance(value, dict) and "=" in (flag.metavar or ""):
        yield from (f"{name}={_text(one, called)}" for name, one in value.items())
    elif isinstance(value, list):
        yield from (_text(one, called) for one in value)
    else:
        yield _text(value, called)


def _text(value: Any, called: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SettingsError(f'{called}: write a text, such as "100/min", or a number.')
    return str(value)
