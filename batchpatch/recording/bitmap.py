"""A bitmap: a set of row numbers at one bit a row."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PIECE_BYTES = 4096
_NOT_EMPTY = re.compile(rb"[^\0]", re.DOTALL)


class Bitmap:
    """Row numbers from 0 on; grows as needed, one bit for each number up to the highest."""

    __slots__ = ("_bits",)

    def __init__(self, rows: Iterable[int] = ()) -> None:
        self._bits = bytearray()
        self.add_new(rows)

    def add(self, row: int) -> None:
        """Takes `row` in; nothing changes where it is in already."""
        index = row >> 3
        if index >= len(self._bits):
            self._grow(index)
        self._bits[index] |= 1 << (row & 7)

    def add_new(self, rows: Iterable[int]) -> list[int]:
        """Takes all `rows` in; answers the positions of those that were in already."""
        bits = self._bits
        room = len(bits)
        known: list[int] = []
        for position, row in enumerate(rows):
            index = row >> 3
            if index >= room:
                self._grow(index)
                room = len(bits)
            mask = 1 << (row & 7)
            if bits[index] & mask:
                known.append(position)
            else:
                bits[index] |= mask
        return known

    def _grow(self, index: int) -> None:
        """By an eighth at least, so that a million rows in order do not move it a million times."""
        size = len(self._bits)
        self._bits.extend(bytes(max(index + 1, size + (size >> 3) + 64) - size))

    def __contains__(self, row: int) -> bool:
        index = row >> 3
        return 0 <= index < len(self._bits) and bool(self._bits[index] >> (row & 7) & 1)

    def covers(self, first: int, last: int) -> bool:
        """True where all rows from `first` to `last` are in it; of none they all are."""
        if last < first:
            return True
        begin, end = first >> 3, (last >> 3) + 1
        bits = int.from_bytes(self._bits[begin:end], "little") >> (first & 7)
        wanted = (1 << (last - first + 1)) - 1
        return first >= 0 and bits & wanted == wanted

    def count(self) -> int:
        """How many rows are in it."""
        bits = self._bits
        pieces = range(0, len(bits), _PIECE_BYTES)
        return sum(
            int.from_bytes(bits[at : at + _PIECE_BYTES], "little").bit_count() for at in pieces
        )

    def __bool__(self) -> bool:
        return _NOT_EMPTY.search(self._bits) is not None

    def __iter__(self) -> Iterator[int]:
        return self.starting(0)

    def starting(self, first: int) -> Iterator[int]:
        """The rows from `first` on, ascending. Empty stretches cost next to nothing."""
        for base in range(first >> 3, len(self._bits), _PIECE_BYTES):
            piece = bytes(self._bits[base : base + _PIECE_BYTES])
            for match in _NOT_EMPTY.finditer(piece):
                byte, row = match[0][0], (base + match.start()) << 3
                yield from (row + bit for bit in range(8) if byte >> bit & 1 and row + bit >= first)

    def highest(self) -> int | None:
        """The highest row in it, None where it is empty."""
        used = len(self._bits.rstrip(b"\0"))
        return (used - 1 << 3) + self._bits[used - 1].bit_length() - 1 if used else None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bitmap):
            return NotImplemented
        return self._bits.rstrip(b"\0") == other._bits.rstrip(b"\0")

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"<Bitmap of {self.count()} rows>"
