"""Reads back: patches that wait to be seen stored share each read that tells of them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from hashlib import blake2b
from math import inf
from typing import TYPE_CHECKING

from batchpatch.errors import BatchpatchError
from batchpatch.genesys.conversations.conversation import Conversation
from batchpatch.genesys.retry import backoff_s
from batchpatch.sending.outcomes import Lost, not_read_back, not_stored, stored
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchpatch.genesys.conversations.reader import Unread
    from batchpatch.genesys.routes import Route
    from batchpatch.model import Patch, PatchOutcome
    from batchpatch.sending.compare import Reads
    from batchpatch.writes.kind import WriteKind

_HASHES = 1 << 64


def look_for(
    attributes: Mapping[str, str], present: Mapping[str, str] | None, kind: WriteKind = USUAL
) -> Lost | None:
    """What of these is not there; None where all is as written.

    Args:
        attributes: what was written.
        present: what the participant has; None where the conversation does not list it.
        kind: what is written.
    """
    if present is None:
        return Lost(tuple(attributes), (), listed=False)
    wrong = [
        name
        for name, value in attributes.items()
        if not kind.is_stored(name, present.get(name), value)
    ]
    if not wrong:
        return None
    return Lost(
        tuple(name for name in wrong if name not in present),
        tuple(name for name in wrong if name in present),
    )


def is_sampled(patch: Patch, share: float) -> bool:
    """True where the patch's participant belongs to a sample of that share, from 0 to 1.

    It is the same sample in every run and every process, so that a resumed run goes on with it.
    """
    if not 0 < share < 1:
        return share >= 1
    who = f"{patch.conversation_id}/{patch.participant_id}".encode()
    return int.from_bytes(blake2b(who, digest_size=8).digest()) < share * _HASHES


FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 8.0


class Waiting:
    """A patch that was just accepted, and whose caller waits to hear whether it is stored."""

    def __init__(
        self,
        patch: Patch,
        outcome: PatchOutcome,
        *,
        for_s: float,
        read_s: float,
        route: Route,
        kind: WriteKind = USUAL,
    ) -> None:
        """Begin to wait `for_s`, and `read_s` more for a last look that is under way."""
        loop = asyncio.get_running_loop()
        self._patch = patch
        self.participant_id = patch.participant_id
        self._outcome = outcome
        self._route = route
        self._kind = kind
        self._accepted_s = loop.time()
        self._until_s = self._accepted_s + for_s
        self._latest_s = self._until_s + read_s
        self._looks = 0
        self._lost: tuple[Lost, float] | None = None
        """What the last read that succeeded has missed, and when that read began."""
        self.due_s = 0.0
        """When it is to be looked for next."""
        self.verdict: PatchOutcome | BatchpatchError | None = None
        self.called: asyncio.Future[None] = loop.create_future()
        """Done when there is a verdict, or when it is this one's turn to lead."""
        self._look_later(self._accepted_s)

    def call(self) -> None:
        """Wake the caller."""
        if not self.called.done():
            self.called.set_result(None)

    def settle(self, verdict: PatchOutcome | BatchpatchError | None = None) -> None:
        """Give the caller its verdict; without one, the outcome that it came with."""
        if self.verdict is None:
            self.verdict = verdict or self._outcome
        self.call()

    def saw(
        self, present: Mapping[str, str] | None, began_s: float, *, ended: bool = False
    ) -> None:
        """Record what a read shows that began then; None where it lists no such one.

        `ended`: of the conversation.
        """
        self._outcome = self._outcome._replace(ended=ended)
        lost = look_for(self._patch.attributes, present, self._kind)
        if lost is None:
            self.settle(stored(self._outcome))
            return
        self._lost = lost, began_s
        now_s = asyncio.get_running_loop().time()
        if began_s >= self._until_s or now_s >= self._latest_s:
            self.give_up()
        else:
            self._look_later(now_s)

    def saw_nothing(self, unread: Unread) -> None:
        """Record a read that failed."""
        if not self.is_late():
            self._look_later(asyncio.get_running_loop().time())
        elif self._lost is None:
            self.settle(not_read_back(self._outcome, unread))
        else:
            self.give_up()

    def is_late(self) -> bool:
        """The time is over."""
        return asyncio.get_running_loop().time() >= self._until_s

    def latest_s(self) -> float:
        """When a further look is of no use any more; infinite before one has shown anything."""
        return inf if self._lost is None else self._latest_s

    def give_up(self) -> None:
        """Judge by the last read that succeeded."""
        assert self._lost is not None  # noqa: S101 - all callers have looked
        lost, looked_s = self._lost
        after_s = looked_s - self._accepted_s
        self.settle(not_stored(self._outcome, lost, after_s=after_s, route=self._route))

    def _look_later(self, now_s: float) -> None:
        """The delays grow; the last look begins when the time is over, and not before."""
        delay_s = backoff_s(self._looks, base_s=FIRST_DELAY_S, cap_s=LONGEST_DELAY_S)
        self.due_s = min(now_s + delay_s, self._until_s)
        self._looks += 1


class Turns:
    """Reads at once, at most; and what came of the last ones."""

    def __init__(self, most: int) -> None:
        self.places = asyncio.Semaphore(most)
        self._most = most
        self._silent = 0
        """Reads in a row that nobody has answered."""
        self._last: Unread | None = None

    def heard(self, found: Conversation | Unread) -> Conversation | Unread:
        """Take in what a read came to."""
        silent = not isinstance(found, Conversation) and found.status is None
        self._silent = self._silent + 1 if silent else 0
        self._last = found if not isinstance(found, Conversation) and silent else None
        return found

    @property
    def silence(self) -> Unread | None:
        """What to tell those whose time is over before their turn has come, where no read of a
        whole round was answered: theirs would not be either, and each of them takes a timeout."""
        return self._last if self._silent >= self._most else None


class Group:
    """The patches that wait and that one read tells of.

    One of their callers leads: it sleeps until the first of them is due, reads, and judges all.
    When it has its own verdict, or is cancelled, the next one leads. So there is no task that
    could be left behind, and no read that nobody waits for.
    """

    def __init__(self, key: str) -> None:
        """`key` is what is read, see `WriteKind.read_key`."""
        self._key = key
        self.members: dict[Waiting, None] = {}
        self.leader: Waiting | None = None
        self._scope: asyncio.Timeout | None = None
        """Around what the leader awaits."""
        self._wakes_s = 0.0
        """When the leader wakes; 0 where it does not sleep."""

    def join(self, one: Waiting) -> None:
        """Wait here; lead where nobody does."""
        self.members[one] = None
        if self.leader is None:
            self.leader = one
        if one.due_s < self._wakes_s:
            self._wakes_s = one.due_s
            self._break_off(one.due_s)

    def leave(self, one: Waiting) -> None:
        """Wait no more, and hand the lead on."""
        del self.members[one]
        if self.leader is one:
            self.leader = next(iter(self.members), None)  # one with a verdict hands it on
            if self.leader is not None:
                self.leader.call()

    def close(self) -> None:
        """Send all away, the leader too, whatever it waits for."""
        for one in self.members:
            one.settle()
        self._break_off(asyncio.get_running_loop().time())

    def due_s(self) -> float:
        """When the first of them is to be looked for; one of them must wait for its verdict."""
        return min(one.due_s for one in self.members if one.verdict is None)

    async def sleep(self, until_s: float) -> None:
        """Sleep until then, or until somebody joins who is due before."""
        self._wakes_s = until_s
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until_s) as self._scope:
                    await asyncio.get_running_loop().create_future()
        finally:
            self._wakes_s, self._scope = 0.0, None

    async def look(self, reads: Reads, turns: Turns) -> None:
        """Read once, and judge all who were waiting when the read began."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(self._latest_s()) as self._scope, turns.places:
                members, began_s = list(self.members), loop.time()
                in_vain = turns.silence if all(one.is_late() for one in members) else None
                found = in_vain or turns.heard(await reads.read(self._key, fresh=True))
        except BatchpatchError as error:
            # It ends the run, or every read: asking once for each of them would change nothing.
            for one in self.members:
                one.settle(error)
        except TimeoutError:
            if self._is_open() and (self._scope is None or not self._scope.expired()):
                raise
            for one in self._open():
                one.give_up()
        else:
            _judge(members, found, began_s)
        finally:
            self._scope = None

    def _open(self) -> list[Waiting]:
        return [one for one in self.members if one.verdict is None]

    def _is_open(self) -> bool:
        return bool(self._open())

    def _latest_s(self) -> float | None:
        """When a look is broken off, because each of them has seen something by now."""
        latest_s = max((one.latest_s() for one in self._open()), default=inf)
        return None if latest_s == inf else latest_s

    def _break_off(self, at_s: float) -> None:
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(at_s)


def _judge(members: list[Waiting], found: Conversation | Unread, began_s: float) -> None:
    if not isinstance(found, Conversation):
        for one in members:
            one.saw_nothing(found)
        return
    attributes = {who.id: who.attributes or {} for who in found.participants}
    for one in members:
        one.saw(attributes.get(one.participant_id), began_s, ended=found.ended)
