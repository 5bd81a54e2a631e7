"""A patch is given up when it is of no use any more: before it leaves nothing is sent, after it
nobody knows, and whatever else it carries goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sending_doubles import make_row

from batchpatch.errors import OutageError
from batchpatch.genesys.departure import departing
from batchpatch.merging.window import Window
from batchpatch.model import Delivery, Outcome, Patch, PatchOutcome, RowContext
from batchpatch.pipeline import stream_step
from batchpatch.pipeline.stream_step import StreamStep

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from batchpatch.model import Row

    Run = Callable[[Coroutine[Any, Any, Any]], Any]

ACCEPTED = PatchOutcome(Outcome.UPDATED, 202, attempts=1)


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines are by the loop's clock, which jumps."""
    monkeypatch.setattr(stream_step, "monotonic", lambda: asyncio.get_running_loop().time())


class Deliverer:
    """In the sender's place: waits for a permit, then for an answer, as often as it is told."""

    def __init__(self, *, permit_s: float = 0.0, answers_s: tuple[float, ...] = (0.1,)) -> None:
        """`answers_s`: of each attempt; all but the last are followed by another one."""
        self._permit_s = permit_s
        self._answers_s = answers_s
        self.sent: list[dict[str, str]] = []
        """The attributes of each attempt."""
        self.verified: list[Patch] = []
        self.to_verify = False
        self.closed = False

    async def deliver(self, patch: Patch) -> Delivery:
        """Send it."""
        departure = departing()
        for answer_s in self._answers_s:
            await asyncio.sleep(self._permit_s)
            self.sent.append(patch.attributes)
            if departure is not None:
                departure.attempts += 1
                departure.on_the_wire = True
            try:
                await asyncio.sleep(answer_s)
            finally:
                if departure is not None:
                    departure.on_the_wire = False
        return Delivery(patch, [(patch, ACCEPTED)], to_verify=self.to_verify)

    async def verify(self, delivery: Delivery) -> Delivery:
        """Look at it."""
        self.verified.append(delivery.patch)
        return delivery._replace(to_verify=False)

    def close(self) -> None:
        """Begin nothing new."""
        self.closed = True


def row(number: int, due_s: float | None = None, **attributes: str) -> Row:
    """A row of the one participant, of use up to that time."""
    made = make_row(number, **(attributes or {f"n{number}": "x"}))
    return made._replace(context=RowContext(due_s=due_s))


def step_of(deliverer: Any, **more: Any) -> StreamStep:
    return StreamStep(deliverer, patch_of=Window().patch_of, **more)


def patch_of(*rows: Row) -> Patch:
    return Window().patch_of(rows)


def found(delivery: Delivery) -> dict[int, tuple[str, str | None]]:
    """What became of each row."""
    return {
        row.number: (outcome.outcome.value, outcome.code)
        for part, outcome in delivery.parts
        for row in part.rows
    }


def test_a_patch_in_time_is_a_delivery_like_any_other(run_virtual: Run) -> None:
    """A deadline that is far away changes nothing, and leaves no timer."""
    deliverer = Deliverer()
    deliverer.to_verify = True
    patch = patch_of(row(1, due_s=100.0))

    async def scene() -> tuple[Delivery, float]:
        delivery = await step_of(deliverer).take(patch)
        return delivery, asyncio.get_running_loop().time()

    delivery, now_s = run_virtual(scene())
    assert delivery == Delivery(patch, [(patch, ACCEPTED)], to_verify=True)
    assert now_s < 1


def test_what_waits_for_its_permit_too_long_is_not_sent(run_virtual: Run) -> None:
    """The quota lets it through when the call is long over."""
    deliverer = Deliverer(permit_s=60)
    patch = patch_of(row(1, due_s=1.0))

    async def scene() -> tuple[Delivery, float]:
        delivery = await step_of(deliverer).take(patch)
        return delivery, asyncio.get_running_loop().time()

    delivery, now_s = run_virtual(scene())
    assert found(delivery) == {1: ("rejected", "deadline")}
    assert (delivery.patch, deliverer.sent) == (patch, [])
    assert now_s < 1.1


def test_what_is_late_when_it_is_taken_is_not_sent(run_virtual: Run) -> None:
    """The window looks only now and then, and a permit may be there at once."""
    deliverer = Deliverer()
    delivery = run_virtual(step_of(deliverer).take(patch_of(row(1, due_s=0.0))))
    assert found(delivery) == {1: ("rejected", "deadline")}
    assert deliverer.sent == []


def test_the_others_of_a_merged_patch_go_on(run_virtual: Run) -> None:
    """A row that can wait must not be lost with one that cannot; of what the late one wanted,
    nothing is sent."""
    deliverer = Deliverer(permit_s=5)
    patch = patch_of(row(1, a="1", b="1"), row(2, due_s=1.0, a="2"), row(3, c="3"))
    delivery = run_virtual(step_of(deliverer).take(patch))
    assert found(delivery) == {
        1: ("updated", None),
        2: ("rejected", "deadline"),
        3: ("updated", None),
    }
    assert deliverer.sent == [{"a": "1", "b": "1", "c": "3"}]


def test_each_has_a_deadline_of_its_own(run_virtual: Run) -> None:
    """The rest is given up as well, when it is due."""
    deliverer = Deliverer(permit_s=60)
    patch = patch_of(row(1, due_s=3.0), row(2, due_s=1.0), row(3, due_s=2.0))
    delivery = run_virtual(step_of(deliverer).take(patch))
    assert set(found(delivery)) == {1, 2, 3}
    assert set(found(delivery).values()) == {("rejected", "deadline")}


def test_the_rest_is_verified_where_that_was_asked_for(run_virtual: Run) -> None:
    """The delivery as a whole is done when it comes back: nobody else would look."""
    deliverer = Deliverer(permit_s=5)
    deliverer.to_verify = True
    delivery = run_virtual(step_of(deliverer).take(patch_of(row(1), row(2, due_s=1.0))))
    assert not delivery.to_verify
    assert [one.rows[0].number for one in deliverer.verified] == [1]


def test_an_answer_that_is_under_way_is_awaited(run_virtual: Run) -> None:
    """It has left in time; what it says is worth more than that nobody knows."""
    deliverer = Deliverer(answers_s=(2.0,))
    delivery = run_virtual(step_of(deliverer).take(patch_of(row(1, due_s=1.0))))
    assert found(delivery) == {1: ("updated", None)}


def test_nothing_leaves_once_it_was_given_up(run_virtual: Run) -> None:
    """The permit comes in the very moment in which it is due: a request that left then would be
    cut off, and could overtake the next one of its participant."""

    class Permitted(Deliverer):
        async def deliver(self, patch: Patch) -> Delivery:
            permit = asyncio.Event()
            asyncio.get_running_loop().call_at(1.0, permit.set)
            await permit.wait()
            self.sent.append(patch.attributes)
            await asyncio.sleep(2.0)
            return Delivery(patch, [(patch, ACCEPTED)])

    deliverer = Permitted()
    late_by_s = 1e-12  # less than the loop tells apart: one round of it sees both
    delivery = run_virtual(step_of(deliverer).take(patch_of(row(1, due_s=1.0 + late_by_s))))
    assert found(delivery) == {1: ("rejected", "deadline")}
    assert deliverer.sent == []


def test_no_other_attempt_is_made_for_what_is_late(run_virtual: Run) -> None:
    """It may have been written, so it is neither rejected nor updated."""
    deliverer = Deliverer(permit_s=0.5, answers_s=(1.0, 1.0, 1.0))
    delivery = run_virtual(step_of(deliverer).take(patch_of(row(1, due_s=1.2))))
    assert found(delivery) == {1: ("unknown", "deadline")}
    assert len(deliverer.sent) == 1


def test_the_others_are_tried_again_without_it(run_virtual: Run) -> None:
    """A row without a deadline waits for its answer for as long as it takes, whoever it went with;
    of the late one, another attempt sends nothing."""
    deliverer = Deliverer(permit_s=0.5, answers_s=(1.0, 1.0))
    patch = patch_of(row(1, a="1"), row(2, due_s=1.2, b="2"))
    delivery = run_virtual(step_of(deliverer).take(patch))
    assert found(delivery) == {1: ("updated", None), 2: ("unknown", "deadline")}
    assert deliverer.sent == [{"a": "1", "b": "2"}, {"a": "1"}, {"a": "1"}]


def test_what_the_late_row_may_have_overwritten_is_not_sent_again(run_virtual: Run) -> None:
    """The late row may have been written: an earlier value that came after it would beat it."""
    deliverer = Deliverer(permit_s=0.5, answers_s=(1.0, 1.0))
    rows = [row(1, a="1"), row(2, b="2", c="2"), row(3, due_s=1.2, a="3", b="3"), row(4, d="4")]
    delivery = run_virtual(step_of(deliverer).take(patch_of(*rows)))
    assert deliverer.sent[0] == {"a": "3", "b": "3", "c": "2", "d": "4"}
    assert deliverer.sent[1:] == [{"d": "4"}] * 2
    assert found(delivery)[4] == ("updated", None)
    unknown, outcome = delivery.parts[0]
    assert ([one.number for one in unknown.rows], outcome.outcome) == ([1, 2, 3], Outcome.UNKNOWN)
    assert unknown.superseded == {1: 3}


def test_what_comes_after_a_late_row_overwrites_it(run_virtual: Run) -> None:
    """The newest value is what is to be there, whether the late one was written or not."""
    deliverer = Deliverer(permit_s=0.5, answers_s=(1.0, 1.0))
    patch = patch_of(row(1, due_s=1.2, a="1"), row(2, a="2"))
    delivery = run_virtual(step_of(deliverer).take(patch))
    assert found(delivery) == {1: ("unknown", "deadline"), 2: ("updated", None)}
    assert deliverer.sent == [{"a": "2"}] * 3


@pytest.mark.parametrize("due_s", [None, 100.0])
def test_an_outage_ends_the_run_unless_it_is_to_survive(
    run_virtual: Run, due_s: float | None
) -> None:
    """A service outlives it, and whoever waits for a row is told."""

    class Down(Deliverer):
        async def deliver(self, patch: Patch) -> Delivery:
            raise OutageError("The platform does not answer.")

    patch = patch_of(row(1, due_s))
    with pytest.raises(OutageError):
        run_virtual(step_of(Down()).take(patch))
    delivery = run_virtual(step_of(Down(), survives=True).take(patch))
    assert found(delivery) == {1: ("unknown", "outage")}


def test_a_timeout_of_another_is_not_taken_for_the_deadline(run_virtual: Run) -> None:
    """A fault within must not be told as a row that came too late."""

    class Faulty(Deliverer):
        async def deliver(self, patch: Patch) -> Delivery:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        run_virtual(step_of(Faulty()).take(patch_of(row(1, due_s=10.0))))


@pytest.mark.parametrize("on_the_wire", [False, True])
@pytest.mark.parametrize("after_s", [0.5, 1.5])
def test_cancelled_it_is_cancelled(run_virtual: Run, on_the_wire: bool, after_s: float) -> None:
    """A worker is sent home before or after a deadline: its rows have no outcome then, and no
    timer of theirs strikes whoever works next."""
    deliverer = Deliverer(permit_s=0.0 if on_the_wire else 60.0, answers_s=(60.0,))

    async def scene() -> bool:
        step = step_of(deliverer)
        due_s = 1.0 if on_the_wire or after_s < 1 else 100.0
        task = asyncio.create_task(step.take(patch_of(row(1, due_s=due_s))))
        await asyncio.wait([task], timeout=after_s)
        task.cancel()
        await asyncio.wait([task])
        cancelled = task.cancelled()
        await asyncio.sleep(5)
        return cancelled

    assert run_virtual(scene())


def test_cancelled_at_any_moment_it_leaves_nothing(
    run_virtual: Run, cancel_at_each_await: Callable[..., Any]
) -> None:
    """Whatever it waits for, the next patch of the same worker is sent as if nothing had been."""

    def scene() -> tuple[Any, Any]:
        deliverer = Deliverer(permit_s=0.5, answers_s=(1.0, 1.0))
        step = step_of(deliverer)
        patch = patch_of(row(1, a="1"), row(2, due_s=1.2, b="2"))

        async def check() -> None:
            assert departing() is None
            delivery = await step.take(patch_of(row(3, due_s=10_000.0)))
            assert found(delivery) == {3: ("updated", None)}

        return step.take(patch), check

    assert run_virtual(cancel_at_each_await(scene)) > 2
