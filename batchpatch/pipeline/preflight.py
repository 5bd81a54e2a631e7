"""Preflight: every input is looked at before anything is sent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.errors import InputError, SettingsError, as_typed
from batchpatch.formats.plan_line import PLAN_USES, is_plan
from batchpatch.formats.run_json import InputFile
from batchpatch.model import Row
from batchpatch.reading.decoding import ensure_whole
from batchpatch.reading.expansion import refuse_together
from batchpatch.reading.inputs import Input
from batchpatch.reading.sources import is_regular, open_source
from batchpatch.reading.urls import shown_name
from batchpatch.recording.manifest import fingerprint
from batchpatch.recording.plan_output import PARTIAL, plan_of, state_path
from batchpatch.writes.registry import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.model import InvalidRow
    from batchpatch.options.read import ReadOptions
    from batchpatch.options.run import RecordOptions
    from batchpatch.reading.mapping import ColumnUse

LOOKING = "Looking at the inputs"
LEFT = "Interrupted while the inputs were looked at: nothing was sent, and nothing has begun."
_FIRST_LINE_BYTES = 1 << 20


class Prepared(NamedTuple):
    """An input that was looked at before anything is sent."""

    file: InputFile
    uses: tuple[ColumnUse, ...]
    notices: list[str]
    rows: int | None = None
    """About how many there are; None of a pipe."""
    sought: int = 0
    """Those among them whose participant is yet to be found."""


def preflight(names: Sequence[str], read: ReadOptions, record: RecordOptions) -> list[Prepared]:
    """Look at every input that can be read twice, so that what is unusable is refused early.

    Raises:
        InputError: one cannot be used as a whole.
        SettingsError: they cannot be used together.
    """
    refuse_names(names)
    return [_prepared(name, read, record) for name in names]


def refuse_names(names: Sequence[str]) -> None:
    """Refuse inputs by their names, and those that are not there or not readable.

    Cheap, so that a wrong path is told before credentials are missed.

    Raises:
        InputError: one is not there, or cannot be opened.
        SettingsError: they cannot be used together.
    """
    refuse_together(names)
    for name in filter(is_regular, names):
        open_source(name).close()


def refuse_partial(names: Sequence[str]) -> None:
    """Raise SettingsError for a plan that is not whole: the rest of its changes would be missing.

    It is told by its name, and by its state beside it or, where that is gone, by its first line.
    """
    for path in map(Path, names):
        if path.suffix != PARTIAL:
            continue
        out = path.with_suffix("")
        if plan_of(out) is not None:
            raise SettingsError(
                f"{as_typed(path)} is a plan that is not whole: finish it with "
                f"`batchpatch resume {as_typed(out)}`, or send what there is with --partial."
            )
        if _begins_a_plan(path):
            raise SettingsError(
                f"{as_typed(path)} is a plan that is not whole, and its state, "
                f"{as_typed(state_path(out))}, is gone: plan again, or send what there is with "
                "--partial."
            )


def refuse_guard(prepared: Sequence[Prepared]) -> None:
    """Raise SettingsError for a guard without a plan: there is nothing to compare with.

    A pipe, and a file without rows, may be a plan; where they are none, their rows are conflicts.
    """
    before = PLAN_USES["before"]
    if not any(not one.uses or before in {use.use for use in one.uses} for one in prepared):
        raise SettingsError(
            f"--guard compares with the values of a plan, and {prepared[0].file.name} is none: "
            "make one with `batchpatch plan`, or leave out --guard."
        )


def rows_of(prepared: Sequence[Prepared], *, limit: int | None) -> int | None:
    """About how many rows there are in all; None where one input is a pipe."""
    counts = [one.rows for one in prepared]
    known = [number for number in counts if number is not None]
    if len(known) < len(counts):
        return limit
    return sum(known) if limit is None else min(limit, sum(known))


def sought_of(prepared: Sequence[Prepared], *, limit: int | None) -> int:
    """About how many rows have a participant that is yet to be found; of a pipe, any may."""
    if limit is not None and any(one.rows is None for one in prepared):
        return limit
    known = sum(one.sought for one in prepared)
    return known if limit is None else min(limit, known)


def has_plan(prepared: Sequence[Prepared]) -> bool:
    """True where an input brings the values before."""
    return any(PLAN_USES["before"] in {use.use for use in one.uses} for one in prepared)


def _begins_a_plan(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            line = json.loads(file.readline(_FIRST_LINE_BYTES))
        return isinstance(line, dict) and any(is_plan(line, one.key) for one in KINDS.values())
    except (OSError, ValueError):
        return False


def _prepared(name: str, read: ReadOptions, record: RecordOptions) -> Prepared:
    if not is_regular(name):
        kind = "spool" if record.spool else "stream"
        shown = shown_name(name)
        file = InputFile(path=shown, size=None, sha256=None, kind=kind, name=shown)  # type: ignore[arg-type]
        return Prepared(file, (), [])
    opened = Input(name, read)
    try:
        counted = _count(opened)
        lines_stand_alone = opened.format == "jsonl" and opened.encoding.startswith("utf-8")
        if opened.table is None:
            ensure_whole(name, None if lines_stand_alone else opened.encoding)
        file = replace(fingerprint(Path(name)), name=name, rows=counted.rows, sought=counted.sought)
        return Prepared(file, opened.uses, list(opened.notices.values()), *counted)
    finally:
        opened.close()


class Counted(NamedTuple):
    """About how many rows there are, and of how many of them a participant is yet to be found."""

    rows: int
    sought: int


def count_again(
    files: Sequence[InputFile], paths: Sequence[str], read: ReadOptions, *, truncated: str | None
) -> Counted | None:
    """The rows of all inputs when a run goes on; None where nobody can tell.

    What was not looked at when the run began is now: the copy of a pipe, and what has grown since.

    Args:
        files: as the run knows them.
        paths: where they lie now.
        read: how they are read.
        truncated: the path that is a copy which was not made to its end.
    """
    rows = sought = 0
    for file, path in zip(files, paths, strict=True):
        try:
            counted = _known(file) or _counted(path, read, truncated=path == truncated)
        except InputError:
            return None  # the work says what is wrong with it
        rows, sought = rows + counted.rows, sought + counted.sought
    return Counted(rows, sought)


def _known(file: InputFile) -> Counted | None:
    known = file.rows is not None and file.sought is not None
    return Counted(file.rows or 0, file.sought or 0) if known else None


def _counted(path: str, read: ReadOptions, *, truncated: bool) -> Counted:
    opened = Input(path, read, truncated=truncated)
    try:
        return _count(opened)
    finally:
        opened.close()


def _count(opened: Input) -> Counted:
    rows = sought = 0
    whole = True
    for batch in opened.batches(source=0, first=1):
        rows += len(batch.rows)
        sought += _sought_in(batch.rows)
        # A CSV is read to its end: another table may begin anywhere, and only whole is it
        # known which values there is something to say about. And so is what rules may refuse.
        if opened.table is not None or opened.may_refuse:
            continue
        if any(not hasattr(row, "code") for row in batch.rows):
            whole = False
            break
    if not whole and opened.bytes_read:
        seen, rows = rows, max(rows, round(rows * (opened.size or 0) / opened.bytes_read))
        sought = round(sought * rows / max(1, seen))
    return Counted(rows, sought)


def _sought_in(rows: Sequence[Row | InvalidRow]) -> int:
    contexts = [row[7] for row in rows if row.__class__ is Row]  # hot: by position
    return sum(bool(one.selector) for one in contexts if one is not None)
