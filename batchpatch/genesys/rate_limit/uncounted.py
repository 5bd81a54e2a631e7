"""Requests that ended without a count: lost, or answered without headers. Pure."""

from __future__ import annotations


class Uncounted:
    """Requests that no count is known to include, by their ends.

    The server may have counted each of them until then, in any window.
    """

    def __init__(self) -> None:
        self._ended_s: list[float] = []

    def __len__(self) -> int:
        """So many that no count is known to include."""
        return len(self._ended_s)

    def add(self, ended_s: float) -> None:
        """Remember one."""
        self._ended_s.append(ended_s)

    def drop(self, before_s: float) -> int:
        """Forget, and count, those that ended before a time: a count or a window that is later."""
        if not self._ended_s:
            return 0
        left = [ended_s for ended_s in self._ended_s if ended_s >= before_s]
        dropped, self._ended_s = len(self._ended_s) - len(left), left
        return dropped

    def latest_s(self, least_s: float) -> float:
        """When the last one ended, or that time if it is later."""
        return max((least_s, *self._ended_s))

    def clear(self) -> None:
        """Forget all."""
        self._ended_s.clear()
