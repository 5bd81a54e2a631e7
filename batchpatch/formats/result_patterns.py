"""Result lines found by patterns, without parsing them. Pure.

Most passes over `results.jsonl` want a few of its lines, and parsing all of them would take most of
the time. So what tells a line (its row, its ids, its outcome) is found by patterns over the bytes
that `encode` writes. They are sound without parsing: inside a JSON string every quote has a
backslash before it, so a comma followed by a quote is never part of a name or a message, and a line
holds no objects but itself. Lines that another program has written again, with other spacing or in
another order, are parsed, and laid out as `encode` would have.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.formats.result_line import decode, encode
from batchpatch.model import APPLIED, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

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
