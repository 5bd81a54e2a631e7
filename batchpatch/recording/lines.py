"""Reading `results.jsonl` back, a block at a time.

A million lines are read at the end of a run and again before it is resumed, so the two ways here
are made for blocks: `parse` hands whole blocks to the JSON reader, `lines_with` picks lines by
their outcome without parsing any.
"""

from __future__ import annotations

import re
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from batchpatch.model import Outcome
from batchpatch.recording.files import record_error

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

BLOCK_BYTES = 1 << 16
"""Small enough that what a block parses to stays in the cache."""
MAX_ROW = 1 << 33
"""A row number beyond this is damage: believing it would ask for gigabytes of bitmap."""

_WORDS = frozenset(str(outcome) for outcome in Outcome)
_UNUSABLE = (ValueError, KeyError, TypeError, AttributeError)
_row_field, _outcome_field = itemgetter("row"), itemgetter("outcome")
_ROW = re.compile(rb'\{"row":([0-9]+),')


class Block(NamedTuple):
    """Whole lines of a file, one after the other."""

    offset: int
    """Byte at which it begins."""
    first_line: int
    """Number of its first line, from 1."""
    data: bytes
    """Ends in a newline, except where the file ends without one: then it is that torn tail."""

    @property
    def torn(self) -> bool:
        """True for a tail whose newline was never written."""
        return not self.data.endswith(b"\n")


class Parsed(NamedTuple):
    """What a block's good lines say, column by column, and where its bad lines are."""

    rows: list[int]
    outcomes: list[str]
    counts: Counter[str]
    """How often each of `outcomes` occurs."""
    last_patch: int
    """Highest number of a PATCH, 0 where no line has one."""
    bad: list[tuple[int, int]]
    """Of each bad line: its index in the block, and the byte in the block at which it begins."""


def blocks(path: Path) -> Iterator[Block]:
    """The file in blocks of whole lines; a tail without newline comes as a block of its own.

    Raises RecordError where the file cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            yield from _blocks(file.read)
    except OSError as error:
        raise record_error(path, error, doing="read") from error


def _blocks(read: Any) -> Iterator[Block]:
    offset, line, rest = 0, 1, b""
    while piece := read(BLOCK_BYTES):
        end = piece.rfind(b"\n") + 1
        if not end:
            rest += piece
            continue
        data = rest + piece[:end]
        rest = piece[end:]
        yield Block(offset, line, data)
        offset += len(data)
        line += data.count(b"\n")
    if rest:
        yield Block(offset, line, rest)


def parse(block: Block) -> Parsed:
    """Every line of a block read as JSON and checked; a torn tail is one bad line."""
    data = block.data
    if block.torn:
        return Parsed([], [], Counter(), 0, [(0, 0)])
    try:
        # One call for the block: a newline is never inside a JSON string, so a comma in its place
        # makes an array of the lines. Lines that only make sense together change the count.
        results = orjson.loads(b"[" + data[:-1].replace(b"\n", b",") + b"]")
        if len(results) == data.count(b"\n"):
            return _columns(results)
    except _UNUSABLE:
        pass
    return _one_by_one(data)


def _columns(results: list[Any]) -> Parsed:
    """The columns of lines that are all good, else one of `_UNUSABLE`."""
    rows = list(map(_row_field, results))
    outcomes = list(map(_outcome_field, results))
    patches = [patch for result in results if (patch := result.get("patch")) is not None]
    if set(map(type, rows)) != {int} or not set(map(type, patches)) <= {int}:
        raise TypeError
    counts = Counter(outcomes)
    if min(rows) < 1 or max(rows) > MAX_ROW or not counts.keys() <= _WORDS:
        raise ValueError
    return Parsed(rows, outcomes, counts, max(patches, default=0), [])


def _one_by_one(data: bytes) -> Parsed:
    found = Parsed([], [], Counter(), 0, [])
    last_patch = start = 0
    for index, line in enumerate(data[:-1].split(b"\n")):
        try:
            one = _columns([orjson.loads(line)])
        except _UNUSABLE:
            found.bad.append((index, start))
        else:
            found.rows.extend(one.rows)
            found.outcomes.extend(one.outcomes)
            found.counts.update(one.counts)
            last_patch = max(last_patch, one.last_patch)
        start += len(line) + 1
    return found._replace(last_patch=last_patch)


def lines_with(path: Path, outcomes: Collection[Outcome]) -> Iterator[tuple[int, bytes]]:
    """The whole lines whose outcome is one of `outcomes`: offset in the file, and the line."""
    pattern = outcome_pattern(outcomes)
    for block in blocks(path):
        if not block.torn:
            for start, end in spans_with(block.data, pattern):
                yield block.offset + start, block.data[start:end]


def outcome_pattern(outcomes: Collection[Outcome]) -> re.Pattern[bytes]:
    """Finds the outcome field of a line.

    Sound without parsing: inside a JSON string every quote has a backslash before it, so a comma
    followed by a quote is never part of a name or a message, and a line holds no objects but
    itself. So these bytes are the line's own field, and the only one.
    """
    words = b"|".join(str(outcome).encode() for outcome in sorted(outcomes))
    return re.compile(rb',"outcome":"(?:' + words + rb')"')


def spans_with(data: bytes, pattern: re.Pattern[bytes]) -> Iterator[tuple[int, int]]:
    """Start and end, newline included, of the lines in which `pattern` is found."""
    for match in pattern.finditer(data):
        yield data.rfind(b"\n", 0, match.start()) + 1, data.index(b"\n", match.end()) + 1


def row_of(line: bytes) -> int:
    """The row number of a line of ours, 0 where it has none."""
    match = _ROW.match(line)
    return int(match[1]) if match else 0
