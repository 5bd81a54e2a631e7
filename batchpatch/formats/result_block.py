"""Blocks of `results.jsonl`: lines found by patterns, or all parsed at once, as columns. Pure.

Most passes over the file want a few of its lines, and parsing all of them would take most of the
time. So what tells a line (its row, its ids, its outcome) is found by patterns over the bytes that
`encode` writes. They are sound without parsing: inside a JSON string every quote has a backslash
before it, so a comma followed by a quote is never part of a name or a message, and a line holds no
objects but itself. Lines that another program has written again, with other spacing or in another
order, are parsed, and laid out as `encode` would have.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from itertools import compress
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from batchpatch.formats.result_line import MAX_ROW, decode, encode
from batchpatch.model import APPLIED, CONVERSATION_ENDED, FAILED, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_WORDS = frozenset(str(outcome) for outcome in Outcome)
_FAILED = frozenset(str(outcome) for outcome in FAILED)
_UNUSABLE = (ValueError, KeyError, TypeError, AttributeError)
_row_field, _outcome_field = itemgetter("row"), itemgetter("outcome")


class Block(NamedTuple):
    """Whole lines of a file, one after the other."""

    offset: int
    """Byte at which it begins."""
    first_line: int
    """Number of its first line, from 1."""
    lines: int
    """How many whole lines it has."""
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
    verified: int
    """Lines of rows that were read back and found stored."""
    not_stored: int
    """Lines of rows that were read back and found otherwise."""
    unverified: int
    """Lines of rows for which that check could not be made."""
    after_end: int
    """Lines of rows that were written to a conversation that had ended."""
    bad: list[tuple[int, int]]
    """Of each bad line: its index in the block, and the byte in the block at which it begins."""
    failed: list[dict[str, Any]]
    """The lines of rows that did not make it, where they were asked for."""


def parse(block: Block, *, with_failed: bool = False) -> Parsed:
    """Every line of a block read as JSON and checked; a torn tail is one bad line.

    `with_failed`: the lines of rows that did not make it are wanted as a whole.
    """
    data = block.data
    if block.torn:
        return _NOTHING._replace(bad=[(0, 0)])
    try:
        # One call for the block: a newline is never inside a JSON string, so a comma in its place
        # makes an array of the lines. Lines that only make sense together change the count.
        results = orjson.loads(b"[" + data[:-1].replace(b"\n", b",") + b"]")
        if len(results) == block.lines:
            parsed = _columns(results, checks=_CHECKED in data, ends=_ENDED in data)
            return _with_failed(parsed, results) if with_failed else parsed
    except _UNUSABLE:
        pass
    return _one_by_one(data)


_NOTHING = Parsed([], [], Counter(), 0, 0, 0, 0, 0, [], [])
_CHECKED = b'verified":'
"""Ends the name of both fields about verification."""


_ENDED = CONVERSATION_ENDED.encode()


def _columns(results: list[Any], *, checks: bool, ends: bool) -> Parsed:
    """The columns of lines that are all good, else one of `_UNUSABLE`."""
    rows = list(map(_row_field, results))
    outcomes = list(map(_outcome_field, results))
    patches = [result["patch"] for result in results if "patch" in result]
    if None in patches:
        patches = [patch for patch in patches if patch is not None]
    if set(map(type, rows)) != {int} or not set(map(type, patches)) <= {int}:
        raise TypeError
    counts = Counter(outcomes)
    if min(rows) < 1 or max(rows) > MAX_ROW or not counts.keys() <= _WORDS:
        raise ValueError
    verdicts = Counter(map(_verdict, results)) if checks else Counter[bool | str | None]()
    return Parsed(
        rows,
        outcomes,
        counts,
        max(patches, default=0),
        verdicts[True],
        verdicts[False],
        verdicts["unverified"],
        sum(map(_is_after_end, results)) if ends else 0,
        [],
        [],
    )


def _with_failed(parsed: Parsed, results: list[dict[str, Any]]) -> Parsed:
    if _FAILED.isdisjoint(parsed.counts):
        return parsed  # mostly
    return parsed._replace(
        failed=list(compress(results, map(_FAILED.__contains__, parsed.outcomes)))
    )


def _verdict(result: dict[str, Any]) -> bool | str | None:
    verified = result.get("verified")
    if isinstance(verified, bool):
        return verified
    return "unverified" if result.get("unverified") is not None else None


def _is_after_end(result: dict[str, Any]) -> bool:
    return result.get("code") == CONVERSATION_ENDED and result["outcome"] in APPLIED


def _one_by_one(data: bytes) -> Parsed:
    found = _NOTHING._replace(rows=[], outcomes=[], counts=Counter(), bad=[], failed=[])
    start = 0
    for index, line in enumerate(data[:-1].split(b"\n")):
        try:
            results = [orjson.loads(line)]
            one = _with_failed(_columns(results, checks=True, ends=True), results)
        except _UNUSABLE:
            found.bad.append((index, start))
        else:
            found.rows.extend(one.rows)
            found.outcomes.extend(one.outcomes)
            found.counts.update(one.counts)
            found.failed.extend(one.failed)
            found = found._replace(
                last_patch=max(found.last_patch, one.last_patch),
                verified=found.verified + one.verified,
                not_stored=found.not_stored + one.not_stored,
                unverified=found.unverified + one.unverified,
                after_end=found.after_end + one.after_end,
            )
        start += len(line) + 1
    return found


_ROW = re.compile(rb'\{"row":([0-9]+),')

_IDS = re.compile(
    rb',"conversation_id":"([^"]*)"(?:,"participant_id":"([^"]*)")?'
    rb'(?:,"participants":\[([^\]]*)\])?(?:,"applied_to":\[([^\]]*)\])?'
    rb'|,"participant_id":"([^"]*)"'
)

_PATCH = re.compile(
    rb',"conversation_id":"([^"]*)","participant_id":"([^"]*)".*,"patch":([0-9]{1,18})[,}]'
)


class Line(NamedTuple):
    """A line of a block."""

    start: int
    """Where it begins in the block."""
    end: int
    """Where the next one begins."""
    data: bytes
    """As `encode` lays it out, with its newline."""


def lines_with(data: bytes, outcomes: Collection[Outcome]) -> Iterator[Line]:
    """The lines of whole-line `data` with one of these outcomes."""
    yield from _lines_matching(data, _outcome_pattern(frozenset(outcomes)))


def applied_lines(data: bytes) -> Iterator[Line]:
    """The lines of rows that were applied, to some of their participants at least."""
    yield from _lines_matching(data, _APPLIED)


@lru_cache(maxsize=16)
def _outcome_pattern(outcomes: frozenset[Outcome]) -> re.Pattern[bytes]:
    words = b"|".join(str(outcome).encode() for outcome in sorted(outcomes))
    return re.compile(rb',"outcome":"(?:' + words + rb')"')


_APPLIED = re.compile(_outcome_pattern(APPLIED).pattern + rb'|,"applied_to":\["')


def _lines_matching(data: bytes, pattern: re.Pattern[bytes]) -> Iterator[Line]:
    if is_as_encoded(data):
        end = 0
        for match in pattern.finditer(data):
            if match.start() < end:  # the same line once more
                continue
            start = data.rfind(b"\n", 0, match.start()) + 1
            end = data.index(b"\n", match.end()) + 1
            yield Line(start, end, data[start:end])
        return
    start = 0
    for line in data.split(b"\n")[:-1]:
        end = start + len(line) + 1
        laid_out = _encoded_again(line)
        if pattern.search(laid_out):
            yield Line(start, end, laid_out)
        start = end


def is_as_encoded(data: bytes) -> bool:
    """True where the bytes of these whole lines can be trusted to be laid out as by `encode`."""
    lines = data.count(b"\n")
    return (
        data.startswith(b'{"row":')
        and data.count(b'\n{"row":') == lines - 1
        and data.count(b',"outcome":"') == lines
    )


def as_encoded(data: bytes) -> bytes:
    """Whole lines laid out as by `encode`; what is no result is left out."""
    if is_as_encoded(data):
        return data
    return b"".join(map(_encoded_again, data.split(b"\n")[:-1]))


def _encoded_again(line: bytes) -> bytes:
    try:
        return encode(decode(line))
    except ValueError:
        return b""


def row_of(line: bytes) -> int:
    """The row number of a line as encoded, 0 where it has none."""
    match = _ROW.match(line)
    return int(match[1]) if match else 0


def sent(line: bytes) -> bool:
    """True for the line of a row whose PATCH left at least once."""
    try:
        return bool(decode(line).attempts)
    except ValueError:
        return False


class Ids(NamedTuple):
    """Whom a line is about."""

    conversation: bytes
    """Empty where nobody knows."""
    participants: tuple[bytes, ...]
    """All that the row means; none where nobody knows."""
    applied_to: tuple[bytes, ...]
    """Those who have it if its outcome says that it was applied, or where only some have it."""
    end: int
    """Where in the bytes what says so ends."""


def ids_of(line: bytes) -> Ids | None:
    """Whom a line as encoded is about; None where it names nobody."""
    match = _IDS.search(line)
    return _ids(match) if match else None


def ids_in(data: bytes) -> Iterator[Ids]:
    """The same of all lines as encoded that name somebody."""
    return map(_ids, _IDS.finditer(data))


def _ids(match: re.Match[bytes]) -> Ids:
    conversation, participant, several, some, lonely = match.groups()
    one = participant if participant is not None else lonely
    who = (one,) if one is not None else _listed(several)
    return Ids(conversation or b"", who, who if some is None else _listed(some), match.end())


def _listed(ids: bytes | None) -> tuple[bytes, ...]:
    return tuple(ids[1:-1].split(b'","')) if ids else ()


def was_applied(data: bytes, ids: Ids) -> bool:
    """True where the line of these ids in `data` says that `applied_to` have it."""
    if ids.applied_to is not ids.participants:
        return True
    end = data.find(b"\n", ids.end)
    return _outcome_pattern(APPLIED).search(data, ids.end, end) is not None


def patch_of(line: bytes) -> tuple[bytes, bytes, int] | None:
    """Conversation, participant and number of the PATCH that carried a row of one participant."""
    match = _PATCH.search(line)
    return (match[1], match[2], int(match[3])) if match else None
