"""The command that does the same to other inputs."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import typer


_LEFT_OUT = frozenset({"inputs", "out", "limit", "json", "no_spool", "dry"})
"""What belongs to the run that was, not to the next one."""


def command_again(inputs: Iterable[Path], flags: Iterable[str]) -> str:
    """The full command that sends these files with the flags of an earlier run."""
    return shlex.join(["batchpatch", "run", *map(str, inputs), *flags])


def flags_given(ctx: typer.Context) -> tuple[str, ...]:
    """The flags that the user gave to `run` and that hold for its failed rows too.

    None of them can be a secret: those are never taken from the command line.
    """
    words: list[str] = []
    for parameter in ctx.command.params:
        name = parameter.name or ""
        source = ctx.get_parameter_source(name)
        if name in _LEFT_OUT or source is None or source.name != "COMMANDLINE":
            continue
        value = ctx.params[name]
        flag = max(parameter.opts, key=len)
        if value is True:
            words.append(flag)
        elif isinstance(value, (list, tuple)):
            words += [word for item in value for word in (flag, str(item))]
        elif value is not False and value is not None:
            words += [flag, str(value)]
    return tuple(words)
