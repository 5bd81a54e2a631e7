"""Newer values: what a row must not write when it is sent again. Old never beats new.

A failed row that is sent again after the run would overwrite what a later row has put there since.
So it leaves out, for each of its participants, the names that a later row has applied *to that
participant*. Later means a higher row number; applied means `updated`, or `unchanged` where the
platform held the later row's value already. A `superseded` row needs no look: each of its names is
carried by a row after it in the same PATCH.

How the later rows are found: a line is filed under three keys, its conversation with each of its
participants, its conversation alone, and each participant alone. A failed row asks under the first
where both ids are known; else under what is known of it, and whoever mends the row is held to what
the participant that it names by then has got.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from batchpatch.formats.result_line import decode
from batchpatch.formats.result_patterns import as_encoded, ids_in, ids_of, row_of, was_applied
from batchpatch.formats.skips import ANYBODY, merged_skips
from batchpatch.model import FAILED
from batchpatch.recording.bitmap import Bitmap
from batchpatch.recording.results import blocks, lines_applied, lines_with

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from batchpatch.formats.result_patterns import Ids
    from batchpatch.model import RowResult, Skips

_SIEVE_BITS = 1 << 23


class Asked(NamedTuple):
    """What a row asks for, without the values."""

    row: int
    conversation_id: str | None
    """None where nobody knows, as of an invalid row."""
    participants: tuple[str, ...]
    """Those that it means; none where nobody knows."""
    names: Collection[str] | None
    """None where nobody knows, as of an invalid row: then any name counts."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Under which of the keys of a later line, see `_filed_under`, it is to be found."""
        return _asked_under(
            (self.conversation_id or "").encode(), tuple(one.encode() for one in self.participants)
        )


def _asked_under(conversation: bytes, participants: tuple[bytes, ...]) -> tuple[bytes, ...]:
    if not participants:
        return (conversation + b"/",) if conversation else ()
    return tuple(conversation + b"/" + one for one in participants)


def _filed_under(ids: Ids) -> tuple[bytes, ...]:
    """The keys of what a line's row was applied to."""
    conversation = ids.conversation + b"/"
    if len(ids.applied_to) == 1:
        one = ids.applied_to[0]
        return (conversation + one, conversation, b"/" + one)
    both = [key for one in ids.applied_to for key in (conversation + one, b"/" + one)]
    return (*both, conversation)


def find_skips(results_path: Path, rows: Collection[int]) -> dict[int, Skips]:
    """Of each of these rows that failed, what later rows have applied to its participants.

    Rows without any are absent. Two passes over the file; memory goes with `rows`.
    """
    wanted = Bitmap(rows)
    asked = [
        _asked(decode(line))
        for _, line in lines_with(results_path, FAILED)
        if row_of(line) in wanted
    ]
    return find_newer(results_path, asked)


def _asked(result: RowResult) -> Asked:
    one = result.participant_id
    participants = (one,) if one is not None else tuple(result.participants or ())
    return Asked(result.row, result.conversation_id, participants, result.keys)


def find_newer(
    results_path: Path, asked: Iterable[Asked], *, numbers: Mapping[int, int] | None = None
) -> dict[int, Skips]:
    """The same for rows whose names and ids are at hand, whether or not they have a line.

    `numbers`: the results are of another run, and these rows of it are those of the run that is
    asked about; its other rows are nobody's.
    """
    by_key: dict[bytes, list[Asked]] = defaultdict(list)
    for one in asked:
        for key in one.keys:
            by_key[key].append(one)
    if not by_key:
        return {}
    skips: dict[int, Skips] = {}
    for key, latest in _latest(results_path, by_key, numbers).items():
        for one in by_key[key]:
            if newer := _newer(one, latest):
                skips[one.row] = merged_skips(skips.get(one.row, {}), newer)
    return skips


def _newer(asked: Asked, latest: Skips) -> Skips:
    """What of the latest rows is later than the one that asks, and of what it asks for."""
    found = {
        participant: {
            name: row
            for name, row in sorted(names.items())
            if row > asked.row and (asked.names is None or name in asked.names)
        }
        for participant, names in sorted(latest.items())
    }
    return {participant: names for participant, names in found.items() if names}


def _latest(
    results_path: Path, wanted: Collection[bytes], numbers: Mapping[int, int] | None
) -> dict[bytes, Skips]:
    """Of each wanted key, who has got what, and the last row that applied it."""
    latest: dict[bytes, Skips] = {}
    for line in lines_applied(results_path):
        ids = ids_of(line)
        keys = [key for key in _filed_under(ids) if key in wanted] if ids else []
        if ids is None or not keys:
            continue
        result = decode(line)
        row = result.row if numbers is None else numbers.get(result.row, 0)
        for key in keys if row else ():
            one = key.rpartition(b"/")[2]
            for participant in (one,) if one else ids.applied_to or (ANYBODY.encode(),):
                known = latest.setdefault(key, {}).setdefault(participant.decode(), {})
                for name in result.keys or ():
                    known[name] = max(known.get(name, 0), row)
    return latest


def find_suspects(results_path: Path, failed: Bitmap) -> Bitmap:
    """The failed rows that may have skips: all that do, and a few that share a hash with one.

    Failed rows can be many, and most of them name a participant that no other row names. Three
    passes and two fixed sieves of 1 MiB find those that are worth `find_skips`.
    """
    lost, suspects = _BloomFilter(), Bitmap()
    for _, line in lines_with(results_path, FAILED):
        if (ids := ids_of(line)) and row_of(line) in failed:
            lost.add(*_asked_under(ids.conversation, ids.participants))
    applied = _applied([results_path], lost)
    for _, line in lines_with(results_path, FAILED) if applied.used else ():
        ids, row = ids_of(line), row_of(line)
        asked = _asked_under(ids.conversation, ids.participants) if ids else ()
        if row in failed and applied.has_any(asked):
            suspects.add(row)
    return suspects


def _applied(results_paths: Sequence[Path], wanted: _BloomFilter) -> _BloomFilter:
    """Those of the wanted keys under which something was applied."""
    applied = _BloomFilter()
    if not wanted.used:
        return applied
    for block in chain.from_iterable(map(blocks, results_paths)):
        if block.torn:
            continue
        data = as_encoded(block.data)
        for ids in ids_in(data):
            found = [key for key in _filed_under(ids) if key in wanted]
            if found and was_applied(data, ids):
                applied.add(*found)
    return applied


class OvertakenFilter:
    """What rows at hand may have been overtaken by in some runs, in two fixed filters of 1 MiB.

    Rows are added first and asked about afterwards, when the results have been looked through once.
    """

    def __init__(self, results_paths: Sequence[Path], *, everybody: bool = False) -> None:
        """`everybody`: which rows will be asked about is not known; more of them are held then."""
        self._paths = results_paths
        self._wanted = _Everybody() if everybody else _BloomFilter()
        self._applied: _BloomFilter | None = None

    def add(self, row: Asked) -> None:
        """See a row."""
        self._wanted.add(*row.keys)

    def __contains__(self, row: Asked) -> bool:
        """True where something may have been applied to its participants. Raises RecordError."""
        if self._applied is None:
            self._applied = _applied(self._paths, self._wanted)
        return self._applied.has_any(row.keys)


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


class _Everybody(_BloomFilter):
    """The set of all that there is."""

    def __init__(self) -> None:
        super().__init__()
        self.used = True

    def __contains__(self, key: bytes) -> bool:
        return True


def _slots(key: bytes) -> tuple[int, int]:
    code = hash(key)
    return code % _SIEVE_BITS, (code >> 32) % _SIEVE_BITS
