"""Stands in for a platform and for an input, for tests of what lies between them."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import orjson

from batchpatch.genesys.conversations.reader import Unread
from batchpatch.genesys.departure import Departure, departing
from batchpatch.genesys.rate_limit.admission import Admission
from batchpatch.genesys.replies import NoReply, Reply
from batchpatch.genesys.retry import Answer, OutcomeKind
from batchpatch.genesys.traffic import Traffic
from batchpatch.model import Batch, Patch, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from batchpatch.pipeline.pipeline import Pipeline

CONVERSATION = "11111111-1111-4111-8111-111111111111"
LATENCY_S = 0.01
_numbers = itertools.count(1)


class ScriptedCaller:
    """In the client's place: settles each call by what `judge` says of its attributes."""

    waiting_for = None
    allowance = staticmethod(lambda: None)

    foresee = staticmethod(lambda _: None)

    def __init__(self, judge: Callable[[dict[str, str]], Reply | NoReply] | None = None) -> None:
        self._judge = judge or (lambda _: Reply(202))
        self.bodies: list[dict[str, str]] = []
        """The attributes of each call, in order."""
        self.traffic = Traffic()
        self.admission = Admission()

    def stop_sending(self) -> None:
        """A call of its own that has begun is on the wire already."""

    async def call(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """Take a moment, then answer."""
        attributes = orjson.loads(body or b"")["attributes"]
        self.bodies.append(attributes)
        self.traffic.on_the_wire += 1
        departure = departing() or Departure()
        departure.attempts += 1
        departure.on_the_wire = True
        try:
            await asyncio.sleep(LATENCY_S)
        finally:
            self.traffic.on_the_wire -= 1
            departure.on_the_wire = False
        answer = self._judge(attributes)
        if isinstance(answer, NoReply):
            return Answer(OutcomeKind.UNANSWERED, None, answer, 6)
        kind = OutcomeKind.ACCEPTED if answer.status < 300 else OutcomeKind.REFUSED
        return Answer(kind, answer, None, 1)


class ListReader:
    """In the reader's place: rows that are at hand, in batches of two."""

    names = ("rows.csv",)
    rows_expected = rows_in_all = None
    limit_reached = False

    def batches(self) -> LoopSource:
        """Begin to read, without a thread."""
        return LoopSource(self)

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = list(rows)
        self.rows = 0
        self.exhausted = False

    def __iter__(self) -> Iterator[Batch]:
        for at in range(0, len(self._rows), 2):
            pair = self._rows[at : at + 2]
            self.rows = pair[-1].number
            yield Batch(list(pair), pair[-1].number)
        self.exhausted = True


class LoopSource:
    """In the place of the thread that reads: the same batches, on the loop's own clock."""

    open = 0
    """Sources that were not stopped."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._batches = iter(batches)
        LoopSource.open += 1

    async def next(self) -> Batch | None:
        """Take a moment, then hand a batch over."""
        await asyncio.sleep(LATENCY_S / 4)
        return next(self._batches, None)

    def stop(self) -> None:
        """Read no further."""
        LoopSource.open -= 1


def make_row(number: int, who: int = 1, **attributes: str) -> Row:
    """A row: its number, whose it is, and what it sets."""
    names, values = tuple(attributes), tuple(attributes.values())
    participant_id = f"22222222-2222-4222-8222-{who:012d}"
    return Row(number, number + 1, 0, CONVERSATION, participant_id, names, values)


def make_patch(**attributes: str) -> Patch:
    """A patch of one row, of a participant of its own."""
    number = next(_numbers)
    row = make_row(number, number, **(attributes or {"stage": "done"}))
    return Patch(number, (row,), dict(zip(row.names, row.values, strict=True)))


MERGED = [
    make_row(1, stage="one", note="first"),
    make_row(2, stage="two"),
    make_row(3, stage="three", agent="last"),
]
"""Rows of one participant that become one request."""
MANY = [make_row(number, who=number % 7, stage=str(number)) for number in range(1, 41)]


async def work(job: Pipeline, workers: int = 3) -> None:
    """Run a job to its end."""
    await job.work(workers=workers, observe=None)


class NoReads:
    """Reads of conversations that tell nothing, and cost nothing."""

    async def read(self, conversation_id: str, **_: object) -> Unread:
        """It cannot be read."""
        return Unread("unreadable", None, f"{conversation_id} cannot be read", "")
