"""Single flight and an LRU cache: what many ask for at once, and again, is read once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Value = TypeVar("Value")


class LruCache(Generic[Value]):
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
        self._entries: OrderedDict[str, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        """Entries."""
        return len(self._entries)

    def get(self, key: str) -> Value | None:
        """The value, if it is still here."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: str, value: Value, *, about_bytes: int) -> None:
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


T = TypeVar("T")


class _Flight(Generic[T]):
    """Some work, and how many wait for it."""

    def __init__(self, fly: Callable[[str], Awaitable[T]], key: str, behind: _Flight[T] | None):
        self._fly = fly
        self.begun = False
        self.waiters = 0
        self.task = asyncio.get_running_loop().create_task(self._run(key, behind))

    async def _run(self, key: str, behind: _Flight[T] | None) -> T:
        if behind is not None:
            await asyncio.wait([behind.task])
        self.begun = True
        return await self._fly(key)


class SingleFlight(Generic[T]):
    """The work for one key is under way once at a time. Belongs to one event loop.

    The work is a task of its own, so that one of those who wait may be cancelled without harm to
    the others. When the last of them is, so is the work.
    """

    def __init__(self, fly: Callable[[str], Awaitable[T]]) -> None:
        """`fly` does the work for a key; what it raises, all raise who wait for it."""
        self._fly = fly
        self._under_way: dict[str, _Flight[T]] = {}
        self._next: dict[str, _Flight[T]] = {}

    def __len__(self) -> int:
        """Pieces of work that have not ended."""
        return len(self._under_way) + len(self._next)

    async def join(self, key: str, *, fresh: bool = False) -> T:
        """Return what the work for a key comes to.

        With `fresh` it is work that begins after this call. Where some is under way, the fresh
        begins at its end, and serves all who want it fresh until then.
        """
        flight = self._find(key, fresh=fresh)
        flight.waiters += 1
        try:
            await asyncio.wait([flight.task])
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.task.done():
                self._leave(key, flight)
                flight.task.cancel()
        return flight.task.result()

    def _find(self, key: str, *, fresh: bool) -> _Flight[T]:
        under_way = self._under_way.get(key)
        if under_way is None:
            return self._add(self._under_way, key, None)
        if not (fresh and under_way.begun):
            return under_way
        return self._next.get(key) or self._add(self._next, key, under_way)

    def _add(self, to: dict[str, _Flight[T]], key: str, behind: _Flight[T] | None) -> _Flight[T]:
        flight = to[key] = _Flight(self._fly, key, behind)
        flight.task.add_done_callback(lambda task: self._landed(key, flight, task))
        return flight

    def _landed(self, key: str, flight: _Flight[T], task: asyncio.Task[T]) -> None:
        self._leave(key, flight)
        if not task.cancelled():
            task.exception()  # seen, even where all who would have raised it are gone

    def _leave(self, key: str, flight: _Flight[T]) -> None:
        """Take a flight out; the one behind it, if any, takes its place."""
        if self._next.get(key) is flight:
            del self._next[key]
        elif self._under_way.get(key) is flight:
            del self._under_way[key]
            if (successor := self._next.pop(key, None)) is not None:
                self._under_way[key] = successor


async def for_each(
    items: Sequence[T], work: Callable[[T], Awaitable[None]], *, at_once: int
) -> None:
    """Do some work on each item, in order, at most so many at once.

    The first failure ends it, and is raised as it is rather than in a group; whatever is under
    way by then is cancelled and awaited.
    """
    left = iter(items)

    async def take() -> None:
        for item in left:
            await work(item)

    workers = [asyncio.ensure_future(take()) for _ in range(min(at_once, len(items)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
