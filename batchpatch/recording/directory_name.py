"""The directory that a run gets where none is named: under the input's name and the time."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

from batchpatch.recording.files import DIRECTORY_MODE

_MAX_STEM = 80
_SUFFIXES = (
    *(".gz", ".bz2", ".xz", ".zst", ".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json"),
    *(".xlsx", ".xlsm"),
)


def make_own(base: Path, name: str) -> tuple[Path, ...]:
    """Makes a directory that nobody has, numbered where the name is taken; answers what it made."""
    made: tuple[Path, ...] = ()
    if not base.exists():
        base.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        base.chmod(DIRECTORY_MODE)
        made = (base,)
    for number in count(1):
        path = base / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir(mode=DIRECTORY_MODE)
        except FileExistsError:
            continue
        path.chmod(DIRECTORY_MODE)
        return (path, *made)
    raise AssertionError("count() has no end")


def stem_of(input_name: str) -> str:
    """The input's name without what says its format, safe as part of a directory's name."""
    name = Path(input_name).name
    while name.lower().endswith(_SUFFIXES):
        name = name[: name.rindex(".")]
    name = re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.")[:_MAX_STEM]
    return name or ("stdin" if input_name == "-" else "run")
