"""Expansion: directories and patterns of names become the files that they stand for."""

from __future__ import annotations

import glob
import re
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import InputError, SettingsError, as_typed, why_unreadable
from batchpatch.reading.column_names import listed
from batchpatch.reading.sources import PACKED, TAKEN, is_regular
from batchpatch.reading.urls import is_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NUMBER = re.compile(r"(\d+)")


class Expansion(NamedTuple):
    """Names of inputs, each of one file, a stream or a URL."""

    names: list[str]
    notices: list[str]
    """What a directory holds besides."""


def expand(names: Sequence[str | PathLike[str]]) -> Expansion:
    """The inputs that are named; a name that is there as it stands is no pattern.

    Files of a directory or a pattern come in the order in which people count: `part2` before
    `part10`.

    Raises:
        InputError: a directory holds nothing to read, or no file fits a pattern.
        SettingsError: it is one name, and no list of names.
    """
    if isinstance(names, str | bytes | PathLike):
        raise SettingsError(f"One input is a list as well: [{names!r}].")
    found: list[str] = []
    notices: list[str] = []
    for name in [fspath(one) for one in names]:
        if name in ("", "-") or is_url(name) or not _is_several(name):
            found.append(name)
            continue
        files, notice = _of_folder(name) if Path(name).is_dir() else _of_pattern(name)
        found += files
        notices += notice
    return Expansion(found, notices)


def refuse_together(names: Sequence[str]) -> None:
    """Raise SettingsError for inputs, expanded, that no command can read together."""
    if not names:
        raise SettingsError("Name at least one input: a file, or - for standard input.")
    if "" in names:
        raise SettingsError("An input without a name: is a variable of the command line empty?")
    if len(set(map(_identity, names))) < len(names):
        raise SettingsError("An input is named twice: its rows would be sent twice.")
    if sum(not is_regular(name) for name in names) > 1:
        raise SettingsError("Only one input can be a pipe or a URL: put the others into files.")


def _identity(name: str) -> object:
    """What a name leads to: a file, whatever it is called; else the name itself."""
    if not is_regular(name):
        return name
    try:
        status = Path(name).stat()
    except OSError:
        return name  # opening it will say what is wrong
    return (status.st_dev, status.st_ino) if status.st_ino else str(Path(name).resolve())


def _is_several(name: str) -> bool:
    try:
        return Path(name).is_dir() or (glob.has_magic(name) and not Path(name).exists())
    except (OSError, ValueError):
        return False  # opening it will say what is wrong


def _of_folder(name: str) -> tuple[list[str], list[str]]:
    try:
        within = [path for path in Path(name).iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{as_typed(name)} cannot be read: {why_unreadable(error)}.") from None
    files = [str(path) for path in within if path.is_file() and is_taken(path.name)]
    left = sorted((path.name for path in within if str(path) not in files), key=natural)
    if not files:
        held = f" It holds {listed(left)}." if left else ""
        taken = ", ".join(TAKEN)
        raise InputError(f"{as_typed(name)} is a directory without a file to read ({taken}).{held}")
    notices = [f"{as_typed(name)}: left out {listed(left)}."] if left else []
    return sorted(files, key=natural), notices


def _of_pattern(name: str) -> tuple[list[str], list[str]]:
    within = glob.glob(name, recursive=True)  # noqa: PTH207 - a Path takes no absolute pattern
    files = sorted((path for path in within if not Path(path).is_dir()), key=natural)
    if not files:
        raise InputError(
            f"{as_typed(name)} does not exist, and no file fits it as a pattern: check the path."
        )
    left = sorted(set(within) - set(files), key=natural)
    told = f"{as_typed(name)}: left out {listed(left)}, which are directories."
    return files, [told] if left else []


def is_taken(name: str) -> bool:
    """True for a file of a directory that is an input by its name; not for a spreadsheet's lock."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in TAKEN and not name.startswith("~$")


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key by which numbers in names count as numbers."""
    parts: Iterable[str] = _NUMBER.split(name)
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part]
