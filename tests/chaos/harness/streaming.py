"""Plays rows that are sent one at a time: the trouble, what comes after it, the verdict."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from harness.answers import (
    Sitting,
    answer_problems,
    overtaken,
    state_problems,
    write_disorder,
)
from harness.calls import (
    CANCELLED,
    INPUT_ENDS,
    KILLED,
    READER_GONE,
    READER_SLOW,
    SERVER_GONE,
    TERMINATED,
)
from harness.people import told_by_id
from harness.relay import Relay
from harness.ways import way_of
from harness.world import LONG_S, sandbox_process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.calls import Call, StreamCase
    from harness.ways import Way
    from harness.world import Sandbox

GONE_S = 0.7
_LOOK_EVERY_S = 0.005
_CODES = {
    ("pipe", READER_GONE): {0, 1, 3},
    ("pipe", TERMINATED): {130},
    ("stream", READER_GONE): {0, 3},
    ("stream", TERMINATED): {130},
    ("library", TERMINATED): {130},
}
"""How a process may end; 1 is of rows that did not make it, and 3 of a reader that was there when
the last line was written or was not."""
_CUT_OFF = frozenset({TERMINATED, KILLED, READER_GONE})


class StreamPlayed(NamedTuple):
    """How it went."""

    way: str
    trouble: str
    calls: int
    answered: int
    cancelled: int
    unanswered: int
    """By the process that met the trouble; the next one was sent them again."""
    faults: int
    overlaps: int
    tokens: int
    """Minted beyond one a process."""
    state: list[str]
    """What the server holds and no answer bears out."""
    problems: list[str]
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Every promise was kept."""
        return not self.broken

    @property
    def broken(self) -> list[str]:
        """The promises that were not kept, the worst first."""
        return [
            *self.state,
            *([f"{self.overlaps} overlapping writes"] if self.overlaps else []),
            *([f"{self.tokens} tokens too many"] if self.tokens else []),
            *self.problems,
        ]


def play_stream(case: StreamCase, folder: Path) -> StreamPlayed:
    """Play a case in an empty folder."""
    began_s = time.monotonic()
    with sandbox_process(case.sandbox) as server:
        server.tell(told_by_id(call.row.who for call in case.calls))
        play = _Play(case, folder, server)
        sittings = asyncio.run(play.to_the_end())
        server.come_to_rest()
        stats = server.stats()
        refused = sum(n for status, n in stats["statuses"].items() if int(status) >= 400)
        server.keep_in(folder)
        first = sittings[0]
        answered = {answer.get("id") for answer in first.answers}
        return StreamPlayed(
            case.way,
            case.trouble,
            len(case.calls),
            len(first.answers),
            len(first.given_up - answered),
            len(first.sent) - len(answered | first.given_up),
            refused + stats["connections_cut"],
            stats["overlaps"],
            max(0, stats["tokens_minted"] - len(sittings)),
            state_problems(sittings, server.state()),
            [*play.problems, *write_disorder(sittings, server.writes())],
            time.monotonic() - began_s,
        )


class _Play:
    """A case at work. Belongs to one event loop."""

    def __init__(self, case: StreamCase, folder: Path, server: Sandbox) -> None:
        self._case = case
        self._folder = folder
        self._server = server
        self._dice = Random(case.seed)  # noqa: S311
        self.problems: list[str] = []

    async def to_the_end(self) -> list[Sitting]:
        """The trouble, and then what it has left without an answer once more."""
        case = self._case
        relay = Relay(int(self._server.url.rpartition(":")[2]))
        await relay.listen()
        try:
            first = await self._sit(relay, case.calls, case.trouble)
            known = first.known
            left = [
                call
                for call in case.calls
                if call.id not in first.given_up
                and (call.id not in known or known[call.id].get("code") == "closed")
            ]
            if not left:
                return [first]
            return [first, await self._sit(relay, left, None)]
        finally:
            await relay.leave()

    async def _sit(self, relay: Relay, calls: Sequence[Call], trouble: str | None) -> Sitting:
        case = self._case
        record = self._folder / f"record {'of trouble' if trouble else 'of the rest'}"
        way = way_of(case.way, relay.url, record)
        await way.start()
        way.slow = trouble == READER_SLOW
        cut_off = trouble in _CUT_OFF
        sending = asyncio.create_task(self._send(way, calls))
        if trouble is not None and trouble not in (CANCELLED, READER_SLOW):
            await self._until(way, round(case.share * len(calls)))
            if trouble in (INPUT_ENDS, READER_GONE):
                sending.cancel()
            await self._make(trouble, way, relay)
        with suppress(asyncio.CancelledError):
            await sending
        if not cut_off or (way.name == "serve" and trouble == READER_GONE):
            await way.end_input()
        code = await way.ended()
        self._server.come_to_rest()
        sitting = Sitting(
            list(way.sent),
            list(way.answers),
            way.recorded(),
            frozenset(way.refused),
            frozenset(way.given_up),
            ordered=way.name != "serve",
            whole=trouble != KILLED,
            drained=not cut_off,
            last_write=max((one["number"] for one in self._server.writes()), default=0),
        )
        self._judge(sitting, way, code, trouble)
        return sitting

    async def _send(self, way: Way, calls: Sequence[Call]) -> None:
        loop = asyncio.get_running_loop()
        for place, call in enumerate(calls):
            await way.send(call)
            if call.given_up_s is not None:
                loop.call_later(call.given_up_s, way.give_up, call)
            if place % self._case.burst == self._case.burst - 1:
                await asyncio.sleep(self._dice.random() / 50)
        patience = max((call.given_up_s or 0.0 for call in calls), default=0.0)
        await asyncio.sleep(patience)

    async def _until(self, way: Way, answers: int) -> None:
        """Return when so many are there; or no more come."""
        began_s = time.monotonic()
        while len(way.answers) < answers:
            if way.process.returncode is not None or time.monotonic() - began_s > LONG_S:
                self.problems.append(f"{len(way.answers)} answers and no more: {way.said()[-500:]}")
                return
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _make(self, trouble: str, way: Way, relay: Relay) -> None:
        if trouble == READER_GONE:
            way.leave()
        elif trouble in (TERMINATED, KILLED):
            way.signal(signal.SIGTERM if trouble == TERMINATED else signal.SIGKILL)
        elif trouble == SERVER_GONE and self._case.refuses:
            await relay.leave()
            await asyncio.sleep(GONE_S)
            await relay.listen()
        elif trouble == SERVER_GONE:
            relay.hang()
            await asyncio.sleep(GONE_S)
            relay.go_on()

    def _judge(self, sitting: Sitting, way: Way, code: int, trouble: str | None) -> None:
        fine = {-signal.SIGKILL} if trouble == KILLED else _CODES.get((way.name, trouble or ""))
        if fine is None:
            fine = {0, 3} if way.name == "serve" and trouble in _CUT_OFF else {0, 1}
        if code not in fine:
            self.problems.append(f"{way.name} ended with {code}: {way.said()[-500:]}")
        if "Traceback" in way.said():
            self.problems.append(f"a traceback: {way.said()[-1500:]}")
        self.problems += answer_problems(sitting) + overtaken(sitting)
