"""The names of a plan: `OUT.partial` while it is written, with `OUT.run` beside it, then `OUT`.

A plan that was stopped or killed never bears the name of a whole one. Its state is a run directory
of its own: `resume` finds there what is planned already. The lines come first, the results of
their rows after them, each with the number of lines that the plan had by then; so what a crash
leaves is mended by cutting the plan to the highest number that the results name.
"""

from __future__ import annotations

import errno
import os
from itertools import islice
from typing import TYPE_CHECKING

from batchpatch.errors import RecordError, SettingsError, as_typed
from batchpatch.formats.plan_line import encode_plan_line, parse_plan_line
from batchpatch.formats.result_block import Block, parse
from batchpatch.recording.append_log import cut_tail, mend
from batchpatch.recording.files import record_error, replacing, sync_directory
from batchpatch.recording.new_file import refuse_taken
from batchpatch.recording.plan_file import refuse_content
from batchpatch.recording.results import blocks
from batchpatch.recording.run_paths import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batchpatch.formats.plan_line import PlanLine

PARTIAL, STATE = ".partial", ".run"

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})


def partial_path(out: Path) -> Path:
    """What a plan is called until it is whole."""
    return out.with_name(out.name + PARTIAL)


def state_path(out: Path) -> Path:
    """The run directory of a plan that is not whole."""
    return out.with_name(out.name + STATE)


def plan_of(path: Path) -> Path | None:
    """The plan, by its final name, that `path` is the plan, the part or the state of.

    None where there is no unfinished plan of that name.
    """
    names = (path, *(path.with_suffix("") for end in (PARTIAL, STATE) if path.suffix == end))
    return next((out for out in names if (state_path(out) / MANIFEST).is_file()), None)


def find_directory(path: Path) -> Path:
    """The directory of a run, or of the unfinished plan that goes by this name.

    Raises SettingsError for a plan that is whole: nothing is left to be done.
    """
    if (path / MANIFEST).is_file():
        return path
    if (out := plan_of(path)) is not None:
        return state_path(out)
    if path.is_file() and not path.name.endswith(PARTIAL):
        raise SettingsError(
            f"{as_typed(path)} is not the directory of a run, nor a plan of which anything is "
            "left to do: a plan that is whole is the input of `batchpatch run`."
        )
    return path


def refuse_output(out: Path) -> None:
    """Raise SettingsError where a plan cannot be written to `out`, or was begun there before."""
    refuse_content(out)
    refuse_taken(out, flag="--out", force=True)
    partial = partial_path(out)
    if plan_of(out) is not None:
        raise SettingsError(
            f"{as_typed(partial)} is a plan that is not whole, or is being written: "
            f"`batchpatch resume {as_typed(out)}` goes on with it; or choose another --out."
        )
    refuse_content(partial)  # of a plan whose state is gone; what died before its first line may go


def is_published(out: Path) -> bool:
    """True where a crash has left the state of a plan that bears its name already."""
    partial = partial_path(out)
    if not out.is_file() or not out.stat().st_size:
        return False
    return not partial.exists() or out.samefile(partial)


def mend_partial(out: Path, results_path: Path) -> None:
    """Cut off what a crash has left of both files: torn lines, and results ahead of the plan.

    Raises RecordError where one cannot be read or cut.
    """
    partial = partial_path(out)
    mend(partial)
    lines = count_lines(partial)
    if results_path.exists() and (begin := _first_beyond(results_path, lines)) is not None:
        cut_tail(results_path, begin)  # a power loss has taken lines that the results know of


def cut_lines(path: Path, lines: int) -> None:
    """Cut a file after so many lines; it may be missing where that is none. Raises RecordError."""
    if path.exists():
        cut_tail(path, max(_ends(path, most=lines), default=0))


def count_lines(path: Path) -> int:
    """The lines of a plan as they are on disk, 0 without a file. Raises RecordError."""
    return sum(1 for _ in _ends(path)) if path.exists() else 0


def read_plan(path: Path, key: str) -> Iterator[PlanLine]:
    """The lines of a plan of ours. Raises RecordError where it cannot be read, or is none.

    `key` is that of what is to be written.
    """
    try:
        with path.open("rb") as file:
            for line in file:
                yield parse_plan_line(line, key)
    except OSError as error:
        raise record_error(path, error, doing="read") from error
    except ValueError as error:
        raise RecordError(f"{as_typed(path)} is damaged ({error}): begin a new plan.") from None


def name_region(path: Path, region: str, key: str) -> None:
    """Write the lines of a plan anew, with this region in each of them. Raises RecordError."""
    with replacing(path) as file:
        for line in read_plan(path, key):
            file.write(encode_plan_line(line._replace(region=region)))


def publish(out: Path) -> None:
    """Give a whole plan its name, and overwrite nothing.

    Raises SettingsError where the name was taken meanwhile, RecordError where it cannot be given.
    """
    partial = partial_path(out)
    refuse_content(out)
    try:
        if out.exists():  # empty, as `mktemp` makes them
            partial.replace(out)
        else:
            _rename_to_new(partial, out)
        sync_directory(out.parent)
    except FileExistsError:
        raise SettingsError(
            f"{as_typed(out)} exists: the plan stays in {as_typed(partial)}"
        ) from None
    except OSError as error:
        raise record_error(out, error) from error


def _rename_to_new(partial: Path, out: Path) -> None:
    try:
        os.link(partial, out)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        partial.rename(out)  # no hard links here: nothing better than the look before
        return
    partial.unlink()


def _ends(path: Path, *, most: int | None = None) -> Iterator[int]:
    """Behind which byte each line ends, of so many lines at most. Raises RecordError."""
    at = 0
    try:
        with path.open("rb") as file:
            for line in islice(file, most):
                at += len(line)
                yield at
    except OSError as error:
        raise record_error(path, error, doing="read") from error


def _first_beyond(results_path: Path, lines: int) -> int | None:
    """Where the first result begins that names more lines than so many. Raises RecordError."""
    for block in blocks(results_path):
        if parse(block).last_patch <= lines:
            continue
        at = 0
        for line in block.data.split(b"\n"):
            if parse(Block(0, 1, 1, line + b"\n")).last_patch > lines:
                return block.offset + at
            at += len(line) + 1
    return None
