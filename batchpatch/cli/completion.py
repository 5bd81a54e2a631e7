"""What a shell can offer next: commands, flags, words, the directories of runs, files."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from batchpatch.recording.run_paths import MANIFEST, USUAL_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from batchpatch.cli.options.declare import Flag

Items = list[CompletionItem]

_FILES = ("FILE", "OUT", "PATH", "INPUT")
_DIRECTORY = "DIR"
_LITERAL = re.compile(r"[a-z][a-z-]*")
"""A word that is written as it stands, in the name of a value: `leave|set`, `CHAR|none`."""


def offer_commands(known: Mapping[str, str], incomplete: str) -> Items:
    """The commands that begin so, each with what it does."""
    named = {name: text for name, text in known.items() if name.startswith(incomplete)}
    return [CompletionItem(name, help=text) for name, text in named.items()]


def offer_flags(flags: Iterable[Flag], incomplete: str) -> Items:
    """The flags that begin so, those for every day first."""
    shown = [one for one in flags if not one.hidden and one.name.startswith(incomplete)]
    shown.sort(key=lambda one: one.everyday is None)
    return [CompletionItem(one.name, help=one.everyday or one.help) for one in shown]


def offer_values(metavar: str, incomplete: str) -> Items:
    """What a value may be that has this name: its words, or what the shell knows of files."""
    if metavar in _FILES:
        return [CompletionItem(incomplete, type="file")]
    if metavar == _DIRECTORY:
        return [CompletionItem(incomplete, type="dir")]
    words = [one for one in metavar.strip("[]").split("|") if _LITERAL.fullmatch(one)]
    return [CompletionItem(one) for one in words if one.startswith(incomplete)]


def offer_runs(incomplete: str) -> Items:
    """The directories of runs that begin so, the newest first, and any other directory."""
    found: list[Path] = []
    with suppress(OSError):  # what cannot be looked at is not offered
        found = [path for path in USUAL_FOLDER.iterdir() if (path / MANIFEST).is_file()]
        found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    runs = [CompletionItem(str(path)) for path in found if str(path).startswith(incomplete)]
    # In this order: a shell that is told of directories forgets what came before.
    return [CompletionItem(incomplete, type="dir"), *runs]
