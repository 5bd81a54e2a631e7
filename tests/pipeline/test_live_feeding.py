"""Live rows on their way to the queue: only those of a conversation wait for its look-up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchpatch.errors import ExitCode, InputError
from batchpatch.merging.window import Window
from batchpatch.model import Batch, Criterion, InvalidRow, Row, RowContext
from batchpatch.pipeline.feeding import Feeder
from batchpatch.pipeline.live_feeding import LiveFeeder
from batchpatch.pipeline.patch_queue import PatchQueue
from batchpatch.pipeline.recorder import EarlierRun
from batchpatch.pipeline.stop import Stopper
from batchpatch.writes.registry import USUAL

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    Run = Callable[[Coroutine[Any, Any, Any]], Any]

WHO = (Criterion("purpose", "customer"),)


def row(number: int, where: str, *, find: bool = False, urgent: bool = False) -> Row:
    """A row of a conversation, whose participant is to be found or not."""
    context = RowContext(selector=WHO if find else (), urgent=urgent)
    who = "" if find else "p"
    return Row(number, number, 0, where, who, ("a",), (str(number),), context)


class Source:
    """Rows that come after a moment each; then it ends, or turns bad."""

    exhausted = True

    def __init__(self, rows: list[Row | InvalidRow], *, bad: bool = False) -> None:
        self._rows = list(rows)
        self._bad = bad
        self.taken = 0

    def batches(self) -> Source:
        return self

    async def next(self) -> Batch | None:
        await asyncio.sleep(0.01)
        if self._rows:
            self.taken += 1
            one = self._rows.pop(0)
            return Batch([one], one.number)
        if self._bad:
            raise InputError("it is no JSON any more")
        return None

    def stop(self) -> None:
        """It is at its end."""


class SlowFinder:
    """Takes its time with each conversation."""

    turns = None

    def __init__(self, takes_s: Mapping[str, float]) -> None:
        self._takes_s = takes_s
        self.found: list[str] = []

    def has_to_look(self, one: Row) -> bool:
        return bool(one.context and one.context.selector)

    async def find(self, batch: Batch) -> Batch:
        rows = [one for one in batch.rows if isinstance(one, Row) and self.has_to_look(one)]
        if rows:
            await asyncio.sleep(max(self._takes_s.get(one.conversation_id, 1.0) for one in rows))
        self.found += [one.conversation_id for one in rows]
        made = [one._replace(participant_id="p") if isinstance(one, Row) else one
                for one in batch.rows]  # fmt: skip
        return batch._replace(rows=made)


class Recorder:
    """Takes the rows that ask for nothing."""

    def __init__(self) -> None:
        self.unsent: list[int] = []
        self.told_s: list[float] = []

    def expect(self, rows: list[Row | InvalidRow]) -> None:
        """None stands there twice."""

    def record_unsent(self, rows: list[Row | InvalidRow]) -> None:
        self.unsent += [one.number for one in rows]
        self.told_s += [asyncio.get_running_loop().time()] * len(rows)

    def judge_failures(self) -> None:
        """None is too many."""


class Scene:
    """A feeder, and what comes out of its queue."""

    def __init__(
        self,
        source: Source,
        finder: SlowFinder,
        feeder: type[Feeder] = LiveFeeder,
        **more: Any,
    ) -> None:
        self.queue = PatchQueue(Window())
        self.recorder = Recorder()
        self.stopper = Stopper()
        self.out: list[tuple[float, Row]] = []
        self.feeder = feeder(
            source,  # type: ignore[arg-type]
            self.queue,
            checks=(),
            finder=finder,  # type: ignore[arg-type]
            recorder=self.recorder,  # type: ignore[arg-type]
            before=EarlierRun(),
            kind=USUAL,
            stopper=self.stopper,
            foresee=lambda: None,
            **more,
        )

    async def run(self) -> list[int]:
        """Feed to the end, and take out what comes; gives its numbers in their order."""
        taking = asyncio.create_task(self.take())
        await self.feeder.feed()
        await taking
        return [one.number for _, one in self.out]

    async def take(self) -> None:
        while (patch := await self.queue.take()) is not None:
            now_s = asyncio.get_running_loop().time()
            self.out += [(now_s, one) for one in patch.rows]
            self.queue.give_back(patch)


def test_a_row_of_another_conversation_does_not_wait_for_a_look_up(run_virtual: Run) -> None:
    """Its sender waits for its own row; what a look-up of somebody else's takes is no reason."""
    rows: list[Row | InvalidRow] = [row(1, "slow", find=True), row(2, "other"), row(3, "slow")]
    rows.append(row(4, "quick", find=True))
    scene = Scene(Source(rows), SlowFinder({"slow": 60.0, "quick": 1.0}))
    assert run_virtual(scene.run()) == [2, 4, 1, 3]
    at = {one.number: now_s for now_s, one in scene.out}
    assert at[2] < 0.1
    assert at[4] < 2
    assert at[1] >= 60


def test_a_row_that_asks_for_nothing_waits_for_nobody(run_virtual: Run) -> None:
    """Behind a look-up its deadline would pass, and it be told that it could not be sent."""
    rows: list[Row | InvalidRow] = [row(1, "slow", find=True)]
    rows.append(row(2, "slow")._replace(names=(), values=()))
    scene = Scene(Source(rows), SlowFinder({"slow": 60.0}))
    assert run_virtual(scene.run()) == [1]
    assert scene.recorder.unsent == [2]
    assert max(scene.recorder.told_s) < 1


def test_the_rows_of_a_file_keep_theirs(run_virtual: Run) -> None:
    """There a look-up of many costs one request, and nobody waits for a single row."""
    rows: list[Row | InvalidRow] = [row(1, "slow", find=True), row(2, "other")]
    scene = Scene(Source(rows), SlowFinder({"slow": 60.0}), Feeder)
    assert run_virtual(scene.run()) == [1, 2]


def test_urgent_look_ups_go_first(run_virtual: Run) -> None:
    """Of more than are looked up at once."""
    many: list[Row | InvalidRow] = [row(n, f"c{n}", find=True) for n in range(1, 201)]
    urgent = row(201, "urgent", find=True, urgent=True)
    finder = SlowFinder({})
    scene = Scene(Source([*many, urgent]), finder)
    run_virtual(scene.run())
    assert sorted(finder.found) == sorted({one.conversation_id for one in (*many, urgent)})
    assert [one.number for _, one in scene.out].index(201) < 190


@settings(deadline=None, max_examples=60)
@given(
    wanted=st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=30),
    takes_s=st.lists(st.sampled_from([0.0, 0.02, 0.5]), min_size=4, max_size=4),
    bad=st.booleans(),
)
def test_rows_of_a_conversation_keep_their_order(
    run_virtual: Run, wanted: list[tuple[int, bool]], takes_s: list[float], bad: bool
) -> None:
    """Whether they are looked up or not, for two names may mean one participant; and each row comes
    out once, also where the input turns bad while some wait."""
    rows: list[Row | InvalidRow] = [
        row(number, f"c{where}", find=find) for number, (where, find) in enumerate(wanted, 1)
    ]
    scene = Scene(
        Source(rows, bad=bad and bool(rows)),
        SlowFinder({f"c{where}": one for where, one in enumerate(takes_s)}),
    )
    out = run_virtual(scene.run())
    assert sorted(out) == [one.number for one in rows]
    for where in range(4):
        mine = [number for number, (one, _) in enumerate(wanted, 1) if one == where]
        assert [number for number in out if number in mine] == mine
    assert (scene.stopper.stop is not None) == (bad and bool(rows))


def test_what_is_given_up_behind_a_look_up_is_not_kept(run_virtual: Run) -> None:
    """While the platform does not answer, callers come and give up: neither their rows nor the
    names of their conversations may pile up, and what others wait for is found in its order."""
    rows = [row(number, f"c{number}", find=True) for number in range(1, 41)]
    rows += [row(number, f"c{number - 40}", find=True) for number in range(41, 81)]
    finder = SlowFinder({f"c{number}": 100.0 for number in range(1, 81)})

    async def scene() -> tuple[list[int], list[int]]:
        scene = Scene(Source(list(rows)), finder)
        running = asyncio.create_task(scene.run())
        await asyncio.sleep(5)
        dropped = scene.feeder.drop([*range(30, 41), *range(61, 1000)])
        assert not set(scene.feeder._behind) & {f"c{number}" for number in range(33, 41)}
        assert set(scene.feeder._to_find) <= set(scene.feeder._behind)
        return sorted(one.number for one in dropped), await running

    dropped, out = run_virtual(scene())
    assert dropped == [*range(30, 41), *range(61, 81)]
    assert sorted(out) == [*range(1, 30), *range(41, 61)]
    assert all(out.index(n) < out.index(n + 40) for n in range(1, 21))


def test_a_source_that_turns_bad_after_invalid_rows_has_told_them(run_virtual: Run) -> None:
    """Their results are with whoever waited for them: the run is no mistake that leaves nothing."""
    wrong = InvalidRow(1, 1, 0, "bad", "it is wrong", "mend it")
    scene = Scene(Source([wrong], bad=True), SlowFinder({}))
    assert run_virtual(scene.run()) == []
    assert scene.recorder.unsent == [1]
    assert scene.stopper.stop is not None
    assert scene.stopper.stop.exit_code == ExitCode.STOPPED
    with pytest.raises(InputError):
        run_virtual(Scene(Source([wrong], bad=True), SlowFinder({}), Feeder).run())


def test_nothing_is_taken_in_while_there_is_no_room(run_virtual: Run) -> None:
    """Results that nobody reads would pile up; whoever watches is told what is waited for."""

    async def run() -> None:
        room = asyncio.Event()
        room.set()
        source = Source([row(number, f"c{number}") for number in range(1, 6)])
        scene = Scene(source, SlowFinder({}), room=room.wait)
        running = asyncio.create_task(scene.run())
        await asyncio.sleep(0.025)
        room.clear()
        await asyncio.sleep(100)
        assert source.taken == 3
        assert scene.feeder.waiting_for == "whoever is to read the results"
        room.set()
        assert await running == [1, 2, 3, 4, 5]
        assert scene.feeder.waiting_for is None

    run_virtual(run())


def test_cancelled_at_any_moment_it_leaves_no_task(
    run_virtual: Run, cancel_at_each_await: Callable[..., Any]
) -> None:
    """A stop cancels it while it reads, looks up or waits; nothing is put into the queue then."""

    def scene() -> tuple[Any, Any]:
        rows: list[Row | InvalidRow] = [row(1, "a", find=True), row(2, "b"), row(3, "a")]
        made = Scene(Source(rows), SlowFinder({"a": 0.5}))
        taking = asyncio.ensure_future(made.take())

        async def check() -> None:
            await taking  # the queue was told that nothing more comes
            left = [one for one in asyncio.all_tasks() if "_keep_finding" in repr(one.get_coro())]
            assert left == []

        return made.feeder.feed(), check

    assert run_virtual(cancel_at_each_await(scene)) > 3
