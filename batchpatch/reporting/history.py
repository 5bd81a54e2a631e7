"""The history of a run: the runs that have mended its failed rows or taken it back, and what is
still open after them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.formats.origin import RunName
from batchpatch.recording.bitmap import Bitmap
from batchpatch.recording.origins import read_origins
from batchpatch.recording.repairs import is_same_run, mends
from batchpatch.recording.run_paths import UNDO_INPUT, USUAL_FOLDER
from batchpatch.reporting.result_index import ResultIndex
from batchpatch.reporting.runs import runs_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from batchpatch.reporting.glance import Glance


class Repair(NamedTuple):
    """A run that has sent failed rows of another one again."""

    glance: Glance
    sent: int
    """Rows of the other one that it has settled."""
    made_it: int
    """Those among them that made it."""


class History(NamedTuple):
    """What became of a run since."""

    repairs: list[Repair]
    """The oldest first."""
    undone: list[Glance]
    """Runs that have taken it back, or tried to."""
    taken_back_by: Path | None
    """The one that has, all of it, and was not undone itself."""
    failed: int
    """Rows that did not make it in the run itself."""
    open: int
    """Those among them that have not made it since, either."""
    withdrawn: dict[Path, Path]
    """Of `undone` those that were taken back themselves, and by which run."""


def history_of(glance: Glance, failed: Bitmap) -> History:
    """What became of the failed rows of a run; of runs beside it, and in `batchpatch-runs/`.

    Raises:
        RecordError: a directory, or the results of such a run, cannot be read.
    """
    mended = Bitmap()
    repairs: list[Repair] = []
    undone: list[Glance] = []
    others = list(_others(glance))
    for other in others:
        if _mends(other, glance):
            repairs.append(_repair(other, glance, failed, mended))
        elif _undoes(other, glance):
            undone.append(other)
    count = failed.count()
    taken_back_by = _taken_back_by(glance, others)
    found = ((one.path, _taken_back_by(one, others)) for one in undone)
    withdrawn = {path: by for path, by in found if by is not None}
    return History(repairs, undone, taken_back_by, count, count - mended.count(), withdrawn)


def _taken_back_by(glance: Glance, others: Sequence[Glance]) -> Path | None:
    """The last undo that has restored all of it, unless that undo was taken back as well."""
    ended = glance.summary.ended if glance.summary is not None else ""
    for other in reversed(others):
        if not _undoes(other, glance) or other.summary is None or other.summary.exit_code:
            continue
        goes_on = other.manifest.started < ended  # it has written since
        if not goes_on and _taken_back_by(other, others) is None:
            return other.path
    return None


def has_history(glance: Glance, others: Iterable[Glance]) -> bool:
    """True where one of these has sent its failed rows again or has taken it back.

    Their manifests tell: no results are read.
    """
    return any(_mends(other, glance) or _undoes(other, glance) for other in others)


def _others(glance: Glance) -> Iterator[Glance]:
    """The other runs that can be found, the oldest first."""
    seen = {glance.path.resolve()}
    found = [one for folder in (glance.path.parent, USUAL_FOLDER) for one in runs_in(folder)]
    for one in sorted(found, key=lambda other: (other.manifest.started, other.path.name)):
        path = one.path.resolve()
        if path not in seen:
            seen.add(path)
            yield one


def _is(name: RunName, glance: Glance) -> bool:
    """True for the name of this run, also where its directory was moved."""
    return is_same_run(name, RunName.of(glance.path, glance.manifest.started))


def _mends(other: Glance, glance: Glance) -> bool:
    """True where the other one has sent failed rows of this one again, and not in a sandbox."""
    name = RunName.of(glance.path, glance.manifest.started)
    return mends(other.manifest, name, glance.manifest)


def _undoes(other: Glance, glance: Glance) -> bool:
    """True where the other one takes this one back, or tries to."""
    undo_input = glance.path.absolute() / UNDO_INPUT
    return any(Path(file.path) == undo_input for file in other.manifest.inputs)


def _repair(other: Glance, glance: Glance, failed: Bitmap, mended: Bitmap) -> Repair:
    """What one of them has done; rows that made it there go into `mended`."""
    seen = Bitmap()
    sent = made_it = 0
    if other.directory.results_path.exists():
        with ResultIndex(other.directory.results_path) as index:
            for row, origins in read_origins(other.directory.origins_path):
                known = next((one.row for one in origins if _is(one.run, glance)), 0)
                is_new = known in failed and row not in seen
                is_mended = index.made_it(row) if is_new else None
                seen.add(row)
                sent += is_mended is not None
                if is_mended:
                    made_it += 1
                    mended.add(known)
    return Repair(other, sent, made_it)
