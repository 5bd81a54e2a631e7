"""Wrap-up codes: which an organisation has, and which of them each queue gives its agents.

The codes of `OF_EVERY_QUEUE` can be set in any conversation, so that rows written beforehand fit;
of the others each queue has about half, as the seed decides. Imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from batchpatch.sandbox.conversations import derived_id, share_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from batchpatch.sandbox.conversations import Participant

QUEUE_IDS = tuple(derived_id(f"queue/{number}") for number in range(3))
"""The queues of the sandbox's organisation."""
OF_EVERY_QUEUE = ("Sale", "No answer", "Callback arranged", "Not interested")
_OF_SOME = (
    "Wrong number",
    "Left voicemail",
    "Do not call",
    "Complaint",
    "Sale, payment open",
    "Rückruf vereinbart",
    # More than the longest page of them, as organisations have.
    *(f"Campaign {number:03}" for number in range(1, 121)),
)


class Code(NamedTuple):
    """One wrap-up code."""

    id: str
    name: str
    queue_ids: frozenset[str] | None = None
    """The queues that have it; None: all of them, or those that the seed decides on."""
    by_seed: bool = False


def queue_id_of(conversation_id: str, participant: Participant) -> str | None:
    """The queue that a participant came from, told or made up; None for whoever is no agent."""
    told = (participant.fields or {}).get("queueId")
    if told or participant.purpose not in ("agent", "user"):
        return told
    return QUEUE_IDS[int(derived_id(f"{conversation_id}/queue")[:8], 16) % len(QUEUE_IDS)]


def code_id(name: str) -> str:
    """Id of the code of that name."""
    return derived_id(f"code/{name}")


class CodeBook:
    """The codes of one organisation, those told besides included."""

    def __init__(self, *, seed: int, strict: bool) -> None:
        self._seed = seed
        self._strict = strict
        self.forget()

    def add(self, name: str, known_id: str | None, queue_ids: Collection[str] | None) -> Code:
        """Make a code known, or change one; without queues, all of them have it."""
        having = None if queue_ids is None else frozenset(queue_ids)
        code = Code(known_id or code_id(name), name, having)
        self._codes[code.id] = code
        self._queue_ids.update(queue_ids or ())
        return code

    def add_queue(self, queue_id: str) -> None:
        """Make a queue known."""
        self._queue_ids.add(queue_id)

    def forget(self) -> None:
        """Drop what was told."""
        known = [
            *(Code(code_id(name), name) for name in OF_EVERY_QUEUE),
            *(Code(code_id(name), name, by_seed=True) for name in _OF_SOME),
        ]
        self._codes = {code.id: code for code in known}
        self._queue_ids = set(QUEUE_IDS)

    def find(self, known_id: str) -> Code | None:
        """The code of that id."""
        return self._codes.get(known_id)

    def all(self) -> list[Code]:
        """Every code of the organisation."""
        return list(self._codes.values())

    def of_queue(self, queue_id: str) -> list[Code] | None:
        """The codes of a queue; None for one that is unknown, where none is adopted."""
        if self._strict and queue_id not in self._queue_ids:
            return None
        return [code for code in self._codes.values() if self.has(queue_id, code)]

    def has(self, queue_id: str, code: Code) -> bool:
        """True where the agents of a queue may set a code."""
        if code.by_seed:
            return share_of(f"{self._seed}/code/{queue_id}/{code.name}") < 0.5
        return code.queue_ids is None or queue_id in code.queue_ids
