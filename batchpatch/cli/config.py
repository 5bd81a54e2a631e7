"""`batchpatch config`: which settings hold where no flag says otherwise, and whence they come."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from batchpatch.cli.options.declare import Options, Reach, flag, with_options
from batchpatch.cli.options.showing import ShowingFlags
from batchpatch.cli.output import emit_document, show
from batchpatch.errors import as_typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from batchpatch.cli.options.configuration import Level
    from batchpatch.cli.options.declare import Flag, Setting


@dataclass(frozen=True, kw_only=True)
class ConfigFlags(Options):
    """Which settings."""

    TITLE: ClassVar[str] = "What is shown"

    all: bool = flag("--all", "Those that nobody has set, too.", default=False, everyday=True)


class _Line(NamedTuple):
    """One setting."""

    name: str
    """Of the flag, without its dashes: as a file spells it."""
    value: str | list[str] | bool | None
    """As it is written; None where only another tool's variable says it, or nobody does."""
    origin: str | None
    """A variable or a file; None is the default."""
    variable: str
    default: str
    """What holds where nobody says anything; empty where that is nothing."""
    here: bool
    """`batchpatch.toml` in the working directory may set it."""


@with_options
def config(*, which: ConfigFlags, showing: ShowingFlags) -> int:
    """Show which settings hold, and where each comes from.

    Example: batchpatch config --all

    A flag goes before its variable (--rate: BATCHPATCH_RATE), that before batchpatch.toml in the
    working directory, and that before the user's profile, ~/.config/batchpatch/config.toml. The
    names in a file are those of the flags: rate = "100/min". A file in the working directory may
    have come with the data: it can set no host, no secret and no command.
    """
    from batchpatch.cli.options.configuration import (  # noqa: PLC0415 - not for --help
        levels,
        unheard_variables,
    )
    from batchpatch.cli.options.every import configurable  # noqa: PLC0415

    flags = configurable()
    lines = list(_lines(flags, levels(flags, os.environ)))
    shown = [one for one in lines if which.all or one.origin is not None]
    unheard = unheard_variables(os.environ)
    files = _files()
    if showing.json:
        emit_document(
            {
                "settings": {one.name: one._asdict() for one in shown},
                "files": [{"path": path, "found": found} for path, found in files],
                "unknown_variables": list(unheard),
                "exit_code": 0,
            }
        )
    else:
        show(_text(shown, files, unheard))
    return 0


def _lines(flags: Mapping[str, Flag], places: Sequence[Level]) -> Iterator[_Line]:
    from batchpatch.cli.options.configuration import held, variable_of  # noqa: PLC0415

    found, elsewhere = held(flags, list(places)), places[0].elsewhere
    for name, one in flags.items():
        setting = found.get(name)
        if setting is not None:
            called = setting.called
            one.read(setting.value, called=called)  # what cannot be used is said here as well
        yield _Line(
            name.removeprefix("--"),
            None if setting is None else _shown(one, setting),
            elsewhere.get(name) if setting is None else setting.origin,
            variable_of(one) if one.reach in (Reach.USER, Reach.ANYWHERE) else "",
            one.default_text,
            one.reach == Reach.ANYWHERE,
        )


def _shown(one: Flag, setting: Setting) -> str | list[str] | bool:
    """The value, unless it is a command: its words may hold a secret."""
    if one.reach == Reach.PROFILE:
        return "(a command)"
    value = setting.value
    return list(value) if isinstance(value, tuple) else value


def _files() -> list[tuple[str, bool]]:
    from batchpatch.cli.options.settings_file import HERE, profile_path  # noqa: PLC0415

    paths = [HERE, profile_path(os.environ)]
    return [(str(path), path.exists()) for path in paths if path is not None]


def _text(
    lines: Sequence[_Line], files: Sequence[tuple[str, bool]], unheard: Mapping[str, str | None]
) -> Iterator[str]:
    rows = [(one.name, _words(one), one.origin or "default") for one in lines]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    for name, value, origin in rows:
        yield f"{name:<{widths[0]}}  {value:<{min(40, widths[1])}}  {origin}"
    if not rows:
        yield "Nothing is set: every flag has its default (--all shows the names)."
    for path, found in files:
        yield f"{as_typed(path)}: {'read' if found else 'not there'}"
    if unheard:
        named = [
            f"{name} (did you mean {meant}?)" if meant else name for name, meant in unheard.items()
        ]
        yield f"These variables set nothing: {', '.join(named)}."


def _words(one: _Line) -> str:
    value = one.default if one.origin is None else one.value
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, list) else value or "-"
