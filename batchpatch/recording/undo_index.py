"""The index of `undo.jsonl`: whose each entry is, and whether its PATCH is known to have left."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, BinaryIO

from batchpatch.errors import RecordError, as_typed
from batchpatch.formats.result_line import decode
from batchpatch.formats.result_patterns import patch_of
from batchpatch.formats.undo_line import UndoEntry, parse_undo, read_undo
from batchpatch.model import Outcome, took_no_effect
from batchpatch.recording.append_log import is_torn
from batchpatch.recording.files import record_error
from batchpatch.recording.results import blocks, lines_applied, lines_with

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -8192; -- KiB
CREATE TABLE entry (
    offset INTEGER PRIMARY KEY, length INTEGER, who BLOB, patch INTEGER, refused INTEGER,
    sent INTEGER DEFAULT 0
);
"""

_INSERT = "INSERT INTO entry (offset, length, who, patch, refused) VALUES (?, ?, ?, ?, ?)"

_BACKWARDS = """
SELECT offset, length, sent, max(offset) OVER (PARTITION BY who) AS latest FROM entry
WHERE sent >= 0 ORDER BY latest DESC, offset
"""  # sorted twice on disk: to look each participant up would take four times as long

_FORWARDS = "SELECT offset, length, sent, 0 FROM entry WHERE sent >= 0 ORDER BY offset"
_ANYBODY_TWICE = "SELECT 1 FROM entry GROUP BY who HAVING count(*) > 1 LIMIT 1"
_MARK = """
UPDATE entry SET sent = {}
WHERE offset = (SELECT max(offset) FROM entry WHERE who = ? AND patch = ?)
"""
_MARK_SENT, _MARK_REFUSED = _MARK.format(1), _MARK.format(-1)
_ANY_WHOLE = "SELECT 1 FROM entry WHERE refused IS NOT NULL LIMIT 1"
_MARK_WHOLES = """
UPDATE entry SET sent = -1 WHERE offset IN (
    SELECT max(whole.offset) FROM entry AS part JOIN entry AS whole
    ON whole.who = part.who AND whole.patch = part.refused AND whole.offset < part.offset
    WHERE part.refused IS NOT NULL GROUP BY part.offset
)
"""
_MARK_ALL_OF = "UPDATE entry SET sent = 1 WHERE who = ? AND sent = 0"


class UndoIndex:
    """The entries of one file, each participant's together; use `open_index`."""

    def __init__(self, index: sqlite3.Connection, file: BinaryIO) -> None:
        self._index = index
        self._file = file
        self.unkept = 0
        """Rows that the run reports as updated and of which there is no entry; where counted."""

    def backwards(self) -> Iterator[Iterator[tuple[UndoEntry, bool]]]:
        """Each participant's entries in the order of time, the participant written last first.

        Each entry with whether its PATCH is known to have taken effect.
        """
        for _, places in groupby(self._index.execute(_BACKWARDS), key=itemgetter(3)):
            yield _entries(places, self._file)

    def forwards(self) -> Iterator[tuple[UndoEntry, bool]]:
        """The entries in the order of time, each with whether its PATCH is known to have taken
        effect."""
        return _entries(self._index.execute(_FORWARDS), self._file)

    def mark_shared(self, results_path: Path) -> None:
        """Mark the entries of rows that went to several participants: their lines name no PATCH."""
        self._index.execute("BEGIN")
        for line in lines_applied(results_path):
            if patch_of(line) is not None:
                continue
            result = decode(line)
            conversation = (result.conversation_id or "").encode()
            for who in result.applied_to or result.participants or ():
                self._index.execute(_MARK_ALL_OF, (_key(conversation, who.encode()),))
        self._index.execute("COMMIT")

    def leave_out_wholes(self) -> None:
        """Leave out the merged PATCHes that were refused, of which only the rows have lines."""
        self._index.execute("CREATE INDEX by_who ON entry (who)")
        if self._index.execute(_ANY_WHOLE).fetchone() is not None:
            self._index.execute(_MARK_WHOLES)

    def mark_sent(self, results_path: Path, *, count_unkept: bool) -> None:
        """Mark the entries whose PATCH the run reports as accepted.

        After a crash a number can stand for two PATCHes. Where both are the same participant's,
        the reported one is the later; an earlier one may have written what the later leaves alone.

        What was refused has changed nothing: it is not among the entries any more.
        """
        self._leave_out_refused(results_path)
        if not count_unkept and self._index.execute(_ANYBODY_TWICE).fetchone() is None:
            return
        self._index.execute("BEGIN")
        for _, who, patch in _reported(results_path, (Outcome.UPDATED,)):
            self.unkept += self._index.execute(_MARK_SENT, (who, patch)).rowcount == 0
        self._index.execute("COMMIT")

    def _leave_out_refused(self, results_path: Path) -> None:
        """Leave out the entries of PATCHes that cannot have written anything.

        Of each number only the last: an earlier entry with the same is of a process that a kill
        has ended, and nobody knows what became of its PATCH.
        """
        self._index.execute("BEGIN")
        for line, who, patch in _reported(results_path, (Outcome.REJECTED,)):
            if _is_refused(line):
                self._index.execute(_MARK_REFUSED, (who, patch))
        self._index.execute("COMMIT")


def _reported(path: Path, outcomes: Collection[Outcome]) -> Iterator[tuple[bytes, bytes, int]]:
    """Lines of rows of one participant that a PATCH has carried: whose, and its number."""
    for _, line in lines_with(path, outcomes):
        if found := patch_of(line):
            conversation, participant, patch = found
            yield line, _key(conversation, participant), patch


def _is_refused(line: bytes) -> bool:
    result = decode(line)
    return took_no_effect(result.outcome, result.status, result.attempts)


@contextmanager
def open_index(
    path: Path, *, results_path: Path | None, count_unkept: bool = False
) -> Iterator[UndoIndex]:
    """The index while the block runs. Memory does not grow with the file; the temporary directory
    does, by some 100 bytes an entry.

    Args:
        path: `undo.jsonl`.
        results_path: what the run reports; None, or a file that is not there, marks nothing.
        count_unkept: count what the run has updated without an entry.

    Raises:
        RecordError: a file cannot be read, or is damaged elsewhere than at its end.
    """
    try:
        # Without a name it is a private file of SQLite's own, gone when closed, even by a kill.
        index = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        with closing(index), path.open("rb") as file:
            _fill(index, path)
            found = UndoIndex(index, file)
            found.leave_out_wholes()
            if results_path is not None and results_path.exists():
                found.mark_sent(results_path, count_unkept=count_unkept)
            yield found
    except sqlite3.Error as error:
        raise RecordError(
            f"{as_typed(path)} cannot be sorted in the temporary directory ({error}): free some "
            "space there, or let SQLITE_TMPDIR name another"
        ) from error
    except OSError as error:
        raise record_error(path, error, doing="read") from error


def _fill(index: sqlite3.Connection, path: Path) -> None:
    """Index where each entry lies."""
    index.executescript(_SCHEMA)
    index.execute("BEGIN")
    index.executemany(_INSERT, _places(path))
    index.execute("COMMIT")


def _places(path: Path) -> Iterator[tuple[int, int, bytes, int, int | None]]:
    """Of each entry: offset, length, whose it is, number of its PATCH, and of the refused one."""
    torn = 0
    for at, number, line in _lines(path):
        if is_torn(line):
            torn = torn or number
            continue
        try:
            entry = parse_undo(line)
            who = _key(entry.conversation_id.encode(), entry.participant_id.encode())
        except ValueError:
            raise _damaged(path, number) from None
        if torn:
            raise _damaged(path, torn)
        yield at, len(line), who, entry.patch, entry.refused


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Each line: offset, number, and itself with its newline."""
    for block in blocks(path):
        number, start, data = block.first_line, 0, block.data
        while start < len(data):
            end = data.find(b"\n", start) + 1 or len(data)
            yield block.offset + start, number, data[start:end]
            number, start = number + 1, end


def _damaged(path: Path, number: int) -> RecordError:
    return RecordError(
        f"{as_typed(path)} is damaged: line {number} is not a whole entry; restore the file from "
        "a copy"
    )


def _key(conversation_id: bytes, participant_id: bytes) -> bytes:
    return blake2b(conversation_id + b"/" + participant_id, digest_size=16).digest()


def _entries(
    places: Iterable[tuple[int, int, int, int]], file: BinaryIO
) -> Iterator[tuple[UndoEntry, bool]]:
    for offset, length, sent, _ in places:
        file.seek(offset)
        try:
            yield read_undo(file.read(length)), bool(sent)
        except ValueError as error:
            raise RecordError(
                f"{as_typed(file.name)} has changed while it was read: is its run still going on?"
            ) from error
