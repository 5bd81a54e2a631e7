"""What was seen last, within bounds."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Values by key. Beyond its bounds it forgets those that were not asked for the longest."""

    def __init__(self, most: int, *, most_bytes: int) -> None:
        """Begin empty.

        Args:
            most: entries, at most; 0 keeps none.
            most_bytes: of all entries together, by what `put` is told.
        """
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._entries: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def __len__(self) -> int:
        """Entries."""
        return len(self._entries)

    def get(self, key: str) -> T | None:
        """The value, if it is still here."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: str, value: T, *, about_bytes: int) -> None:
        """Keep a value in place of what the key had; one beyond the bounds is not kept."""
        self.drop(key)
        if about_bytes > self._most_bytes:
            return
        self._entries[key] = (value, about_bytes)
        self._bytes += about_bytes
        while len(self._entries) > self._most or self._bytes > self._most_bytes:
            _, (_, freed_bytes) = self._entries.popitem(last=False)
            self._bytes -= freed_bytes

    def drop(self, key: str) -> None:
        """Forget a key, if it is here."""
        if (entry := self._entries.pop(key, None)) is not None:
            self._bytes -= entry[1]
