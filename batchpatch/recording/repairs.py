"""Repairs of a run: later runs that have sent failed rows of it again, and which row each was."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import RecordError
from batchpatch.genesys.account.regions import is_loopback
from batchpatch.recording.manifest import read_manifest
from batchpatch.recording.origins import read_origins
from batchpatch.recording.run_directory import RunDirectory, holds_run
from batchpatch.recording.run_paths import USUAL_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from batchpatch.formats.origin import RunName
    from batchpatch.formats.run_json import Manifest


class Repair(NamedTuple):
    """A later run that has sent failed rows of another again."""

    results_path: Path
    numbers: Mapping[int, int]
    """Its rows: which row of the other run each is. Memory goes with the rows that failed."""


def repairs_of(
    name: RunName, manifest: Manifest, *, beside: Path, but: Path | None
) -> list[Repair]:
    """The repairs that lie where the run lies, and in `batchpatch-runs/`.

    Args:
        name: of the run.
        manifest: of the run.
        beside: its directory.
        but: another that is not to be counted, as it is at work.

    Raises:
        RecordError: what such a run has kept of its rows cannot be read.
    """
    seen = {path.resolve() for path in (beside, but) if path is not None}
    repairs = []
    for folder in (beside.parent, USUAL_FOLDER):
        for path in _runs(folder):
            if path.resolve() in seen:
                continue
            seen.add(path.resolve())
            if (repair := _repair(path, name, manifest)) is not None:
                repairs.append(repair)
    return repairs


def is_same_run(one: RunName, other: RunName) -> bool:
    """True for two names of one run, also where its directory was moved."""
    return one.started == other.started and Path(one.directory).name == Path(other.directory).name


def mends(other: Manifest, name: RunName, of: Manifest) -> bool:
    """True where one run has sent failed rows of another again, to where that one has sent them.

    Args:
        other: of the former.
        name: of the latter.
        of: of the latter.
    """
    named = any(is_same_run(one, name) for one in other.mends)
    return named and not is_rehearsal(other.api_url, other.organisation, of=of)


def is_rehearsal(api_url: str | None, organisation: str | None, *, of: Manifest) -> bool:
    """True where what failed at the platform is sent to a sandbox: that mends nothing there.

    A sandbox is told by its host. What is on this machine and of the same organisation is none, but
    a way to the platform.

    Args:
        api_url: where to.
        organisation: whose that is, as far as it is known.
        of: of the run in which the rows failed.
    """
    was_there = of.api_url is not None and not is_loopback(of.api_url)
    is_here = api_url is not None and is_loopback(api_url)
    return was_there and is_here and (organisation is None or organisation != of.organisation)


def _runs(folder: Path) -> Iterator[Path]:
    with suppress(OSError, RecordError):  # a directory that nobody may look into holds none of ours
        yield from (path for path in sorted(folder.iterdir()) if holds_run(path))


def _repair(path: Path, name: RunName, of: Manifest) -> Repair | None:
    with suppress(RecordError, ValueError):  # another run is none of our business
        directory = RunDirectory.open(path, lock=False)
        manifest = read_manifest(directory.manifest_path)
        if not directory.results_path.exists() or not mends(manifest, name, of):
            return None
        numbers = {
            row: one.row
            for row, origins in read_origins(directory.origins_path)
            for one in origins
            if is_same_run(one.run, name)
        }
        return Repair(directory.results_path, numbers)
    return None
