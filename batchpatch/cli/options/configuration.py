"""Configuration: what holds for a flag that was not given, and where it is said.

A flag of the command line goes before its variable (`--rate`: `BATCHPATCH_RATE`), that before
`batchpatch.toml` in the working directory, and that before the user's profile. The file in the
working directory may have come with the data, so it says nothing about where data and credentials
go, and starts nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from batchpatch.cli.nearest import nearest_flag
from batchpatch.cli.options.declare import Reach, Setting
from batchpatch.cli.options.settings_file import HERE, SettingsFile, profile_path
from batchpatch.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from batchpatch.cli.options.declare import Declared, Flag

PREFIX = "BATCHPATCH_"
_OF_A_CLUSTER = re.compile(PREFIX + r"(SERVICE_.*|PORT(_.*)?)")
"""What Kubernetes tells each container of a service that is called `batchpatch`."""
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


class Level(NamedTuple):
    """A level of the configuration: one place that says something about flags, such as a file."""

    settings: Mapping[str, Setting]
    """By the names of flags; of a switch that is off the value is False."""
    elsewhere: Mapping[str, str] = {}
    """Flags whose matter a variable of other tools settles, by the name of that variable."""


def variable_of(flag: Flag) -> str:
    """The variable that sets a flag."""
    return _variable(flag.name)


def _variable(flag_name: str) -> str:
    return PREFIX + flag_name.removeprefix("--").replace("-", "_").upper()


def settings_for(
    declared: Declared, values: Mapping[str, Any], env: Mapping[str, str]
) -> dict[str, Setting]:
    """What the configuration says for a command, by the names of fields.

    Args:
        declared: the command.
        values: of the command line, by the names of fields.
        env: the environment.

    Raises:
        SettingsError: a place says what it may not, or what cannot be.
    """
    fields = {flag.name: name for _, name, flag in declared.fields()}
    flags = declared.flags
    if all(flag.reach == Reach.LINE for flag in flags.values()):
        return {}
    typed = {name for name, field in fields.items() if values[field] not in (None, (), False)}
    kept = {name for name, flag in flags.items() if flag.kept} if declared.goes_on else set()
    found = held(flags, levels(flags, env), typed=typed | kept)
    return {fields[name]: one for name, one in found.items() if one.value is not False}


def setting_of(name: str, env: Mapping[str, str]) -> str | None:
    """What the configuration says for one flag that takes a text, whoever asks.

    Raises:
        SettingsError: as `settings_for`.
    """
    from batchpatch.cli.options.every import configurable  # noqa: PLC0415 - not for --help

    flags = {name: configurable()[name]}
    found = held(flags, levels(flags, env)).get(name)
    return None if found is None else str(found.value)


def levels(flags: Mapping[str, Flag], env: Mapping[str, str]) -> list[Level]:
    """All places, the nearest first.

    Raises:
        SettingsError: one of them says what it may not, or what cannot be.
    """
    return [
        _environment(flags, env),
        Level(SettingsFile(HERE, reach=Reach.ANYWHERE).settings(flags)),
        Level(SettingsFile(profile_path(env), reach=Reach.PROFILE).settings(flags)),
    ]


def held(
    flags: Mapping[str, Flag], places: list[Level], *, typed: Collection[str] = ()
) -> dict[str, Setting]:
    """What holds for the flags that were not typed, by their names."""
    found: dict[str, Setting] = {}
    settled, said = set(typed), set(typed)
    for place in places:
        found |= {
            name: one
            for name, one in place.settings.items()
            if name not in settled and not said.intersection(flags[name].yields_to)
        }
        settled |= {*place.settings, *place.elsewhere}
        said |= {*place.settings}
    return found


def unheard_variables(env: Mapping[str, str]) -> dict[str, str | None]:
    """Variables that look like ours and set nothing; each with the one that may be meant."""
    named = [name for name in env if name.startswith(PREFIX) and not _OF_A_CLUSTER.fullmatch(name)]
    if not named:
        return {}
    from batchpatch.cli.options.every import configurable  # noqa: PLC0415 - mostly there is none

    known = {variable_of(one): name for name, one in configurable().items()}
    return {name: _meant(name, known.values()) for name in sorted(named) if name not in known}


def _meant(name: str, flags: Collection[str]) -> str | None:
    word = name.removeprefix(PREFIX).replace("_", "-").lower()
    close = nearest_flag(word, flags)
    return None if close is None else _variable(close)


def misspelt_lines(env: Mapping[str, str]) -> list[str]:
    """What is to be said of them where settings are used; their values may be secrets."""
    unheard = unheard_variables(env)
    if not unheard:
        return []
    from batchpatch.cli.options.every import of_one_line  # noqa: PLC0415 - mostly there is none

    refused = {_variable(flag) for flag in of_one_line()}
    see = "`batchpatch config --all` shows what can be set."
    return [
        f"Warning: {name} sets nothing: {f'did you mean {meant}?' if meant else see}"
        for name, meant in unheard.items()
        if name not in refused and env[name].strip()
    ]


def _environment(flags: Mapping[str, Flag], env: Mapping[str, str]) -> Level:
    settings = dict(_variables(flags, env))
    elsewhere = {
        flag.name: next(name for name in flag.variables if env.get(name))
        for flag in flags.values()
        if flag.name not in settings and any(env.get(name) for name in flag.variables)
    }
    return Level(settings, elsewhere)


def _variables(flags: Mapping[str, Flag], env: Mapping[str, str]) -> Iterator[tuple[str, Setting]]:
    for flag in flags.values():
        name = variable_of(flag)
        text = env.get(name, "")
        if not text.strip():
            continue
        if flag.reach == Reach.LINE and not _is_of_one_line(flag):
            continue  # some other program's, such as the PORT that a container is given
        if flag.reach in (Reach.LINE, Reach.PROFILE):
            also = " or the user's profile" if flag.reach == Reach.PROFILE else ""
            raise SettingsError(
                f"{name} is set: {flag.name} is for the command line{also} only; unset it."
            )
        yield flag.name, Setting(_value(flag, text, name), name, name)


def _is_of_one_line(flag: Flag) -> bool:
    from batchpatch.cli.options.every import of_one_line  # noqa: PLC0415 - not for --help

    return flag.name in of_one_line()


def _value(flag: Flag, text: str, name: str) -> Any:
    """The text of a variable, as a command line would give it."""
    if flag.is_repeated:
        return tuple(line for line in text.splitlines() if line.strip())
    word = text.strip().lower()
    if flag.is_switch:
        if word not in _TRUE | _FALSE:
            raise SettingsError(f"{name} {text[:40]!r}: write 1 or 0.")
        return word in _TRUE
    return text
