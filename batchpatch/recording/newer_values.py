"""Old never beats new: what a row must not send when it is sent again.

A failed row that is sent again after the run would overwrite what a later row of the same
participant has put there since. So the names that later rows have applied are left out of it.
Later means a higher row number; applied means `updated`, or `unchanged` where the platform held
the later row's value already. A `superseded` row needs no look: each of its names is carried by a
row after it in the same PATCH.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import orjson

from batchpatch.formats.result_line import outcome_pattern, row_of
from batchpatch.model import Outcome
from batchpatch.recording.bitmap import Bitmap
from batchpatch.recording.results import blocks, lines_with

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path


_APPLIED = (Outcome.UPDATED, Outcome.UNCHANGED)


_LOST = tuple(outcome for outcome in Outcome if not outcome.made_it)


_IDS = re.compile(rb',"conversation_id":"([^"]*)"(?:,"participant_id":"([^"]*)")?')


_SENT_TO = re.compile(rb"sent to [0-9]+ participants: ([0-9a-f, -]+)")


_SIEVE_BITS = 1 << 23


class Asked(NamedTuple):
    """What a row asks for, without the values."""

    row: int
    conversation_id: str
    participant_id: str | None
    """None where it was never found, or where there are several."""
    names: Collection[str] | None
    """None where nobody knows, as of an invalid row: then any name counts."""
    several: tuple[str, ...] = ()
    """The participants of a row that means several."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Under which of the keys of a later line, see `_keys`, it is to be found."""
        conversation = self.conversation_id.encode()
        who = self.several if self.participant_id is None else (self.participant_id,)
        if not who:
            return (_ANYBODY + conversation,)
        return tuple(conversation + b"/" + one.encode() for one in who)


_ANYBODY = b"any "


def _keys(match: re.Match[bytes], line: bytes) -> tuple[bytes, ...]:
    """What a line's row has written to: its participants, and so to somebody of its conversation.

    A failed row without a participant may have meant any: it is compared with all of its
    conversation, because a name left out is told in the report, and an old value over a new one
    is not.
    """
    conversation, participant = match.groups()
    who = (participant,) if participant is not None else _several(line)
    return (*(conversation + b"/" + one for one in who), _ANYBODY + conversation)


def _several(line: bytes) -> tuple[bytes, ...]:
    """The participants of a row that was sent to several, which its message names."""
    found = _SENT_TO.search(line)
    return tuple(found[1].split(b", ")) if found else ()


def find_skips(results_path: Path, rows: Collection[int]) -> dict[int, list[str]]:
    """Of each of these rows that lost, the names that a later row of its participant has applied.

    Rows without any are absent. Two passes over the file; memory goes with `rows`.
    """
    wanted = Bitmap(rows)
    asked: list[Asked] = []
    for _, line in lines_with(results_path, _LOST):
        if row_of(line) in wanted:
            fields = orjson.loads(line)
            conversation = fields.get("conversation_id")
            if conversation is not None:
                asked.append(
                    Asked(
                        fields["row"],
                        conversation,
                        fields.get("participant_id"),
                        fields.get("keys"),
                        tuple(one.decode() for one in _several(line)),
                    )
                )
    return find_newer(results_path, asked)


def find_newer(results_path: Path, asked: Iterable[Asked]) -> dict[int, list[str]]:
    """The same for rows whose names and ids are at hand, whether or not they have a line."""
    by_key: dict[bytes, list[Asked]] = defaultdict(list)
    for one in asked:
        for key in one.keys:
            by_key[key].append(one)
    if not by_key:
        return {}
    skips: dict[int, set[str]] = defaultdict(set)
    for key, names in _latest(results_path, by_key).items():
        for one in by_key[key]:
            skips[one.row].update(
                name
                for name, row in names.items()
                if row > one.row and (one.names is None or name in one.names)
            )
    return {row: sorted(names) for row, names in skips.items() if names}


def _latest(results_path: Path, wanted: Collection[bytes]) -> dict[bytes, dict[str, int]]:
    """Of each wanted key, each name that was applied and the last row that did."""
    latest: dict[bytes, dict[str, int]] = defaultdict(dict)
    for _, line in lines_with(results_path, _APPLIED):
        match = _IDS.search(line)
        for key in _keys(match, line) if match else ():
            if key in wanted:
                fields = orjson.loads(line)
                names = latest[key]
                for name in fields.get("keys") or ():
                    names[name] = max(names.get(name, 0), fields["row"])
    return latest


def find_suspects(results_path: Path, failed: Bitmap) -> Bitmap:
    """The failed rows that may have skips: all that do, and a few that share a hash with one.

    Failed rows can be many, and most of them name a participant that no other row names. Three
    passes and two fixed sieves of 1 MiB find those that are worth `find_skips`.
    """
    lost, suspects = _BloomFilter(), Bitmap()
    for _, line in lines_with(results_path, _LOST):
        if (match := _IDS.search(line)) and row_of(line) in failed:
            lost.add(*_asked(match, line))
    applied = _applied(results_path, lost)
    for _, line in lines_with(results_path, _LOST) if applied.used else ():
        match = _IDS.search(line)
        if match and applied.has_any(_asked(match, line)) and (row := row_of(line)) in failed:
            suspects.add(row)
    return suspects


def _applied(results_path: Path, wanted: _BloomFilter) -> _BloomFilter:
    """Those of the wanted keys under which something was applied."""
    applied = _BloomFilter()
    pattern = outcome_pattern(_APPLIED)
    for block in blocks(results_path):
        for match in _IDS.finditer(block.data):
            end = block.data.find(b"\n", match.end())
            line = b"" if match[2] is not None else block.data[match.end() : end]
            found = [key for key in _keys(match, line) if key in wanted]
            if found and pattern.search(block.data, match.end(), end):
                applied.add(*found)
    return applied


def _asked(match: re.Match[bytes], line: bytes) -> tuple[bytes, ...]:
    conversation, participant = (None if part is None else part.decode() for part in match.groups())
    several = tuple(one.decode() for one in _several(line))
    return Asked(0, conversation or "", participant, None, several).keys


class _BloomFilter:
    """A set that may hold more than was put in, never less, in a fixed megabyte.

    Two bits a key: of 900,000 participants asked after 100,000 were put in, about 500 are held by
    mistake.
    """

    def __init__(self) -> None:
        self._bits = bytearray(_SIEVE_BITS >> 3)
        self.used = False

    def add(self, *keys: bytes) -> None:
        for key in keys:
            for slot in _slots(key):
                self._bits[slot >> 3] |= 1 << (slot & 7)
            self.used = True

    def has_any(self, keys: Iterable[bytes]) -> bool:
        return any(key in self for key in keys)

    def __contains__(self, key: bytes) -> bool:
        first, second = _slots(key)
        bits = self._bits
        return bool(bits[first >> 3] >> (first & 7) & bits[second >> 3] >> (second & 7) & 1)


def _slots(key: bytes) -> tuple[int, int]:
    code = hash(key)
    return code % _SIEVE_BITS, (code >> 32) % _SIEVE_BITS
