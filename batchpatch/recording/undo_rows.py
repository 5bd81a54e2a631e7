"""Undo: from the end of `undo.jsonl` back to the rows that restore every participant."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from batchpatch.errors import RecordError
from batchpatch.formats.plan_line import PlanLine, encode_plan_line
from batchpatch.formats.undo_line import UndoEntry, parse_undo, read_undo
from batchpatch.model import Outcome
from batchpatch.recording.append_log import is_torn
from batchpatch.recording.files import record_error, replacing
from batchpatch.recording.results import blocks, lines_with

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class UndoRow(NamedTuple):
    """What brings one participant back."""

    conversation_id: str
    participant_id: str
    attributes: dict[str, str]
    """What to write: the value before the run, "" where there was none."""
    before: dict[str, str]
    """What must be there for that: the last value that the run wrote."""
    blanked: tuple[str, ...]
    """The attributes that were absent, and can only be blanked."""
    or_before: dict[str, tuple[str, ...]]
    """What may be there instead: nobody knows that the run's last PATCHes of this attribute took
    effect, and this is what those before them had written. Mostly empty."""


_MOST_OTHERS = 50
"""Of a participant's PATCHes without an answer, more than any number of kills leaves."""


@dataclass(slots=True)
class _Course:
    """What the run did to one attribute."""

    first: str | None
    written: str
    known: bool
    """Whether `first` is what was there before the run."""
    others: tuple[str, ...] = ()
    """What is there if the last PATCHes never took effect, where that is the run's own."""

    @property
    def target(self) -> str:
        """What to go back to."""
        return self.first or ""

    def go_on(self, found: str | None, written: str, *, sent: bool, looked: bool) -> None:
        """See the next entry, and whether its PATCH is known to have taken effect.

        What was found tells what had taken effect before it; unless nobody looked, because it is
        what a plan said, or the read was too early to show it, and so shows the first value.
        """
        possible = (self.written, *self.others)
        if sent:
            self.others = ()
        elif not looked or found == self.first:
            self.others = tuple(dict.fromkeys(possible))[:_MOST_OTHERS]
        else:
            self.others = (found,) if found is not None and found in possible else ()
        self.written = written

    @property
    def changed(self) -> bool:
        """Whether there is anything to take back, and to what."""
        return self.known and (self.target != self.written or bool(self.or_before))

    @property
    def or_before(self) -> tuple[str, ...]:
        """The other values, where going back from there is a change."""
        return tuple(one for one in self.others if one not in (self.target, self.written))


def take_back(entries: Iterable[tuple[UndoEntry, bool]], *, looked: bool = True) -> UndoRow | None:
    """What brings a participant back; None where nothing would change.

    Args:
        entries: those of one participant in the order of time, at least one, each with whether
            its PATCH is known to have taken effect.
        looked: the run read each participant before it wrote; otherwise its entries may tell what
            a plan had seen.
    """
    ids = "", ""
    courses: dict[str, _Course] = {}
    for entry, sent in entries:
        ids = entry.conversation_id, entry.participant_id
        for name, written in entry.written.items():
            found = entry.before.get(name)
            if name in courses:
                courses[name].go_on(found, written, sent=sent, looked=looked)
            else:
                courses[name] = _Course(found, written, known=name in entry.before)
    changed = {name: course for name, course in courses.items() if course.changed}
    if not changed:
        return None
    return UndoRow(
        *ids,
        {name: course.target for name, course in changed.items()},
        {name: course.written for name, course in changed.items()},
        tuple(name for name, course in changed.items() if course.first is None),
        {name: own for name, course in changed.items() if (own := course.or_before)},
    )


_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -8192; -- KiB
CREATE TABLE entry (
    offset INTEGER PRIMARY KEY, length INTEGER, who BLOB, patch INTEGER, sent INTEGER DEFAULT 0
);
"""


_INSERT = "INSERT INTO entry (offset, length, who, patch) VALUES (?, ?, ?, ?)"


_BACKWARDS = """
SELECT offset, length, sent, max(offset) OVER (PARTITION BY who) AS latest FROM entry
ORDER BY latest DESC, offset
"""  # sorted twice on disk: to look each participant up would take four times as long


_ANYBODY_TWICE = "SELECT 1 FROM entry GROUP BY who HAVING count(*) > 1 LIMIT 1"


_MARK = "UPDATE entry SET sent = 1 WHERE who = ? AND patch = ?"


_SENT = re.compile(
    rb'"conversation_id":"([^"]*)","participant_id":"([^"]*)".*,"patch":([0-9]{1,18})[,}]'
)


def undo_rows(
    path: Path, *, results_path: Path | None = None, looked: bool = True
) -> Iterator[UndoRow]:
    """One row for each participant; the one that was written last comes first.

    Attributes to which nothing would change are left out, and so is a row that has no others.
    What a crash left of the last line is ignored: its PATCH never went out. Memory does not grow
    with the file; the temporary directory does, by some 100 bytes an entry.

    Args:
        path: `undo.jsonl`.
        results_path: what the run reports. A PATCH that it calls `updated` is known to have taken
            effect, so nothing but what that wrote may be there now.
        looked: as for `take_back`.

    Raises:
        RecordError: a file cannot be read, or is damaged elsewhere than at its end.
    """
    try:
        # Without a name it is a private file of SQLite's own, gone when closed, even by a kill.
        index = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        with closing(index), path.open("rb") as file:
            _fill(index, path)
            if results_path is not None and results_path.exists():
                _mark_sent(index, results_path)
            for _, places in groupby(index.execute(_BACKWARDS), key=itemgetter(3)):
                if (row := take_back(_entries(places, file), looked=looked)) is not None:
                    yield row
    except sqlite3.Error as error:
        raise RecordError(
            f"{path} cannot be sorted in the temporary directory ({error}): free some space there, "
            "or let SQLITE_TMPDIR name another"
        ) from error
    except OSError as error:
        raise record_error(path, error, doing="read") from error


def write_undo_input(
    undo_path: Path,
    out_path: Path,
    *,
    organisation: str | None,
    region: str,
    results_path: Path | None = None,
    looked: bool = True,
) -> int:
    """Write what `undo_rows` gives as the input of a run, 0600, whole or not at all.

    Answers the number of lines. Raises RecordError.
    """
    count = 0
    with replacing(out_path) as file:
        for row in undo_rows(undo_path, results_path=results_path, looked=looked):
            line = PlanLine(
                row.conversation_id,
                row.participant_id,
                row.attributes,
                row.before,
                organisation,
                region,
                blanked=row.blanked,
                or_before=row.or_before,
            )
            file.write(encode_plan_line(line))
            count += 1
    return count


def _fill(index: sqlite3.Connection, path: Path) -> None:
    """Note where each entry lies."""
    index.executescript(_SCHEMA)
    index.execute("BEGIN")
    index.executemany(_INSERT, _places(path))
    index.execute("COMMIT")


def _places(path: Path) -> Iterator[tuple[int, int, bytes, int]]:
    """Of each entry: offset, length, whose it is, number of its PATCH."""
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
        yield at, len(line), who, entry.patch


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
        f"{path} is damaged: line {number} is not a whole entry; restore the file from a copy"
    )


def _key(conversation_id: bytes, participant_id: bytes) -> bytes:
    return blake2b(conversation_id + b"/" + participant_id, digest_size=16).digest()


def _mark_sent(index: sqlite3.Connection, results_path: Path) -> None:
    """Mark the entries whose PATCH the run reports as accepted.

    After a crash a number can stand for two PATCHes. Where both are the same participant's, the
    reported one is the later, and of an earlier entry the mark does not matter.
    """
    index.execute("CREATE INDEX by_who ON entry (who)")
    if index.execute(_ANYBODY_TWICE).fetchone() is None:
        return
    index.execute("BEGIN")
    index.executemany(
        _MARK,
        (
            (_key(match[1], match[2]), int(match[3]))
            for _, line in lines_with(results_path, (Outcome.UPDATED,))
            if (match := _SENT.search(line))
        ),
    )
    index.execute("COMMIT")


def _entries(
    places: Iterable[tuple[int, int, int, int]], file: BinaryIO
) -> Iterator[tuple[UndoEntry, bool]]:
    for offset, length, sent, _ in places:
        file.seek(offset)
        try:
            yield read_undo(file.read(length)), bool(sent)
        except ValueError as error:
            raise RecordError(
                f"{file.name} has changed while it was read: is its run still going on?"
            ) from error
