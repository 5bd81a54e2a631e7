"""Restart: whether a directory holds the very run that is asked for, which then goes on there.

For whoever is started again with the same command line, such as a pod: one command both begins and
finishes. So what is asked for must be what was begun; how fast it goes may be another matter.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from batchpatch.errors import SettingsError
from batchpatch.formats.run_json import plain_settings, settings_from
from batchpatch.recording.manifest import read_manifest
from batchpatch.recording.run_directory import RunDirectory, holds_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from batchpatch.options.run import RecordOptions, Settings
    from batchpatch.pipeline.preflight import Prepared

_MAY_DIFFER = {"pace", "connect", "retry"}
"""How fast, how patiently and through which door: none of it changes what is written."""


def find_begun(
    record: RecordOptions, inputs: Sequence[Prepared], settings: Settings
) -> Path | None:
    """The directory of the run that is to go on; None where it is to begin.

    Raises:
        SettingsError: there is another run, or one of which nobody can tell whether it is this one.
        RecordError: its record cannot be read.
    """
    if not record.resume:
        return None
    out = record.out
    if out is None:
        raise SettingsError("--resume needs --out DIR: where the run is that may have begun.")
    if not holds_run(out):
        return None
    with RunDirectory.open(out, lock=False) as directory:
        manifest = read_manifest(directory.manifest_path)
    if manifest.kind != "run":
        raise SettingsError(f"{out} is the state of a plan, not of a run: name another --out.")
    piped = next((one.file.name for one in inputs if one.file.sha256 is None), None)
    if piped is not None:
        raise SettingsError(
            f"{out} holds a run, and whether {_stream(piped)} is its input nobody can tell: "
            f"`batchpatch resume {shlex.quote(str(out))}` goes on with what it has kept of its own."
        )
    begun = [(file.size, file.sha256) for file in manifest.inputs]
    if begun != [(one.file.size, one.file.sha256) for one in inputs]:
        raise SettingsError(
            f"{out} is a run of other inputs, or of these before they changed: name another --out."
        )
    if differing := sorted(_differing(settings_from(manifest.options), settings)):
        raise SettingsError(
            f"{out} is a run with other options ({', '.join(differing)}): give those that it began "
            "with, or name another --out."
        )
    return out


def _stream(name: str) -> str:
    return "standard input" if name == "-" else name


def _differing(begun: Settings, asked: Settings) -> Iterator[str]:
    """Names of the options that are not the same."""
    before, now = plain_settings(begun), plain_settings(asked)
    for part in now.keys() - _MAY_DIFFER:
        yield from _differing_in(part, before[part], now[part])


def _differing_in(part: str, before: Any, now: Any) -> Iterator[str]:
    if not (isinstance(before, dict) and isinstance(now, dict)):
        if before != now:
            yield part
        return
    for name in before.keys() | now.keys():
        if before.get(name) != now.get(name):
            yield f"{part}.{name}"
