"""How a command shows what there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from batchpatch.cli.options.declare import Options, Reach, flag
from batchpatch.errors import SettingsError


def json_flag() -> Any:
    """The field `--json`, which no file may set: whoever reads standard output has typed it."""
    return flag(
        "--json",
        "Print one JSON document on stdout.",
        default=False,
        reach=Reach.LINE,
        everyday=True,
    )


def two_on_stdout(other: str) -> SettingsError:
    """What refuses `--json` where another flag has taken standard output."""
    return SettingsError(f"{other} - and --json both write to stdout: leave out one of them.")


@dataclass(frozen=True, kw_only=True)
class ShowingFlags(Options):
    """How it is shown."""

    TITLE: ClassVar[str] = "What is shown"

    json: bool = json_flag()
