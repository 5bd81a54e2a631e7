"""Whether an undo of a run would have something to restore, as far as its own files tell."""

from __future__ import annotations

from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from batchpatch.formats.result_patterns import patch_of
from batchpatch.formats.undo_line import parse_undo
from batchpatch.model import Outcome
from batchpatch.recording.files import record_error
from batchpatch.recording.results import lines_with
from batchpatch.recording.undo_index import open_index
from batchpatch.recording.undo_rows import rows_of, take_back

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batchpatch.formats.undo_line import UndoEntry
    from batchpatch.writes.kind import WriteKind


class Restorable(StrEnum):
    """Whether an undo would have something to restore."""

    SOME = "some"
    NOTHING_CHANGED = "nothing changed"
    """Nothing was written, or what was there already."""
    NOT_TAKEN_BACK = "not taken back"
    """What was written cannot be taken away again."""


_FIRST = 1000


def restorable(undo_path: Path, results_path: Path, *, kind: WriteKind, looked: bool) -> Restorable:
    """Whether an undo would find something to restore; what somebody changed since is not seen.

    An entry without a line counts: it was kept before its PATCH left, and a kill took the line.

    Raises:
        RecordError: a file cannot be read, or is damaged elsewhere than at its end.
    """
    if _begins_restorable(undo_path, results_path, kind):
        return Restorable.SOME  # at the first entries, of nearly all runs
    found = Restorable.NOTHING_CHANGED
    with open_index(undo_path, results_path=results_path) as index:
        for row in rows_of(index, looked=looked, rule=kind.merge):
            if kind.refuse(row.attributes) is None:
                return Restorable.SOME
            found = Restorable.NOT_TAKEN_BACK
    return found


def _begins_restorable(undo_path: Path, results_path: Path, kind: WriteKind) -> bool:
    """True where one of the first PATCHes has changed a participant whom no other has written:
    what several have written may be what was there before the first of them.
    """
    if not results_path.exists():
        return False
    lines = islice(lines_with(results_path, (Outcome.UPDATED,)), _FIRST)
    updated = {found for _, line in lines if (found := patch_of(line))}
    changed: set[bytes] = set()
    written: set[bytes] = set()
    for number, line in enumerate(_lines(undo_path)):
        who = line.partition(b',"before":')[0]
        changed.discard(who)
        if number < _FIRST:
            if who not in written and _is_change(line, updated, kind):
                changed.add(who)
            written.add(who)
        elif not changed:
            break
    return bool(changed)


def _is_change(line: bytes, updated: set[tuple[bytes, bytes, int]], kind: WriteKind) -> bool:
    """True for the entry of a PATCH that was accepted, and can be taken back by itself."""
    try:
        entry = parse_undo(line)
        patch = _patch(entry)
    except ValueError:  # a torn line, or a damaged one, which the index judges
        return False
    row = take_back([(entry, True)], rule=kind.merge)
    return patch in updated and row is not None and kind.refuse(row.attributes) is None


def _patch(entry: UndoEntry) -> tuple[bytes, bytes, int]:
    return entry.conversation_id.encode(), entry.participant_id.encode(), entry.patch


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise record_error(path, error, doing="read") from error
