"""The log of writes: their order per participant, and whether two of them overlapped."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchpatch.sandbox.replies import Reply


@dataclass(slots=True, eq=False)
class Write:
    """One request that writes. Times are seconds of the sandbox's monotonic clock."""

    number: int
    """From 1, in order of arrival."""
    conversation_id: str
    participant_id: str
    started_s: float
    keys: tuple[str, ...] = ()
    """Names of the attributes, or of a wrap-up's fields; empty where the body was not read."""
    applied: int | None = None
    """From 1, in order of taking effect; None where nothing was stored."""
    applied_s: float | None = None
    ended_s: float | None = None
    """When it was answered or cut off; None while it is in flight."""
    status: int | None = None
    """Status of the answer; None where the connection was cut, or while in flight."""
    overlapped: bool = False
    """Another request for this participant was in flight when this one arrived."""


class Effect(NamedTuple):
    """What an accepted request does."""

    apply: Callable[[], None] | None
    """Does it; None where there is nothing to keep."""
    reply: Reply


class WriteLog:
    """The newest writes, and counts over all of them."""

    def __init__(self, *, cap: int, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._log: deque[Write] = deque(maxlen=cap)
        self._in_flight: dict[tuple[str, str], list[tuple[Write, Callable[[], bool]]]] = {}
        self._started = 0
        self.applied = 0
        """Writes that took effect."""
        self.overlaps = 0
        """Requests that arrived while another for the same participant was in flight."""

    def begin(
        self, conversation_id: str, participant_id: str, is_connected: Callable[[], bool]
    ) -> Write:
        """Record an arrival. `is_connected` tells whether its client still waits for the answer.

        A client that gave up on a request and sent it again has one in flight, not two.
        """
        self._started += 1
        write = Write(self._started, conversation_id, participant_id, self._now_s())
        others = self._in_flight.setdefault((conversation_id, participant_id), [])
        if any(connected() for _, connected in others):
            write.overlapped = True
            self.overlaps += 1
        others.append((write, is_connected))
        self._log.append(write)
        return write

    def apply(self, write: Write) -> None:
        """Record that a write takes effect now."""
        self.applied += 1
        write.applied = self.applied
        write.applied_s = self._now_s()

    def end(self, write: Write, status: int | None) -> None:
        """Record that a write is answered with `status`, or cut off (None)."""
        write.ended_s = self._now_s()
        write.status = status
        key = (write.conversation_id, write.participant_id)
        left = [entry for entry in self._in_flight.get(key, ()) if entry[0] is not write]
        if left:
            self._in_flight[key] = left
        else:
            self._in_flight.pop(key, None)

    def entries(self) -> Iterator[Write]:
        """The logged writes in order of arrival; safe while others write."""
        return iter(list(self._log))

    def documents(self) -> Iterator[dict[str, Any]]:
        """The logged writes as JSON documents."""
        return map(asdict, self.entries())

    def forget(self) -> None:
        """Empty the log and its counts; what is in flight stays so."""
        self._log.clear()
        self._started = self.applied = self.overlaps = 0
