"""The line of `results.jsonl`: written, and read back a block at a time. Pure."""

from __future__ import annotations

import re
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from batchpatch.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from batchpatch.model import RowResult


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


def sent(line: bytes) -> bool:
    """True for the line of a row whose PATCH left at least once."""
    try:
        return bool(orjson.loads(line).get("attempts"))
    except _UNUSABLE:
        return False


def encode(result: RowResult) -> bytes:
    """The line of one row: JSON, the contract's field order, absent fields left out.

    Hot: written out because a loop over the fields takes twice as long.
    """
    line: dict[str, Any] = {"row": result[0], "line": result[1], "source": result[2]}
    if result.conversation_id is not None:
        line["conversation_id"] = result.conversation_id
    if result.participant_id is not None:
        line["participant_id"] = result.participant_id
    if result.keys is not None:
        line["keys"] = result.keys
    line["outcome"] = result.outcome._value_  # `value` is a slow descriptor
    _add_answer(line, result)
    if result.correlation_id is not None:
        line["correlation_id"] = result.correlation_id
    line["at"] = result.at
    if result.elapsed_ms is not None:
        line["elapsed_ms"] = result.elapsed_ms
    if result.verified is not None:
        line["verified"] = result.verified
    try:
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return orjson.dumps(_readable(line), option=orjson.OPT_APPEND_NEWLINE)


def _add_answer(line: dict[str, Any], result: RowResult) -> None:
    if result.status is not None:
        line["status"] = result.status
    if result.code is not None:
        line["code"] = result.code
    if result.message is not None:
        line["message"] = result.message
    if result.hint is not None:
        line["hint"] = result.hint
    if result.attempts is not None:
        line["attempts"] = result.attempts
    if result.patch is not None:
        line["patch"] = result.patch
    if result.superseded_by is not None:
        line["superseded_by"] = result.superseded_by


def _readable(value: Any) -> Any:
    """Spells lone surrogates out: file names may hold them, UTF-8 may not."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if isinstance(value, dict):
        return {name: _readable(item) for name, item in value.items()}
    return value
