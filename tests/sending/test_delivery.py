"""A patch is compared, noted, sent and looked for, in that order, and only where asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from reads_doubles import ScriptedReads
from sending_doubles import ScriptedCaller

from batchpatch.genesys.replies import Reply
from batchpatch.merging.window import Window
from batchpatch.model import Outcome, Patch, Row, RowContext
from batchpatch.options.run import Safeguards, VerifyOptions
from batchpatch.sending.delivery import Deliverer
from batchpatch.sending.sender import Sender
from batchpatch.sending.verify import Verifier
from batchpatch.writes.registry import find_route

if TYPE_CHECKING:
    from batchpatch.model import Delivery

CONVERSATION, PARTICIPANT = "c", "p"


class Notes:
    """In the undo log's place: what was noted, and how many requests had left by then."""

    def __init__(self, caller: ScriptedCaller) -> None:
        self._caller = caller
        self.noted: list[tuple[dict[str, str], dict[str, str | None], int]] = []

    async def add(
        self, patch: Patch, before: dict[str, str | None], *, refused: int | None = None
    ) -> None:
        """Note one."""
        kept = {name: before.get(name) for name in patch.attributes}
        self.noted.append((patch.attributes, kept, len(self._caller.bodies)))


class Scene:
    """A deliverer over a scripted platform on which the participant has these attributes."""

    def __init__(self, present: dict[str, str], safeguards: Safeguards, judge: Any = None) -> None:
        self.caller = ScriptedCaller(judge)
        self.undo = Notes(self.caller)
        self.window = Window()
        self.reads: Any = ScriptedReads()
        self.reads.put(self.patch({"x": ""}), **present)
        route = find_route()
        self.deliverer = Deliverer(
            Sender(self.caller, route),
            self.reads,
            safeguards=safeguards,
            undo=self.undo,  # type: ignore[arg-type]
            verifier=Verifier(self.reads, safeguards.verify, route=route),
            split=self.window.split,
        )

    def patch(self, *changes: dict[str, str], context: RowContext | None = None) -> Patch:
        """The patch of these rows."""
        window = Window()
        for number, change in enumerate(changes, 1):
            names, values = tuple(change), tuple(change.values())
            window.add(Row(number, number, 0, CONVERSATION, PARTICIPANT, names, values, context))
        patch = window.take(flush=True)
        assert patch is not None
        return patch

    async def deliver(self, patch: Patch) -> Delivery:
        """Send it."""
        return await self.deliverer.deliver(patch)


def outcomes(delivery: Delivery) -> list[Outcome]:
    return [outcome.outcome for _, outcome in delivery.parts]


@pytest.mark.asyncio
async def test_what_is_overwritten_is_noted_before_it_is() -> None:
    """A crash between the two leaves a note too many, never one too few."""
    scene = Scene({"a": "1"}, Safeguards(keep_before=True))
    delivery = await scene.deliver(scene.patch({"a": "2", "b": "3"}))
    assert outcomes(delivery) == [Outcome.UPDATED]
    assert scene.undo.noted == [({"a": "2", "b": "3"}, {"a": "1", "b": None}, 0)]
    assert scene.caller.bodies == [{"a": "2", "b": "3"}]


@pytest.mark.asyncio
async def test_without_a_wish_nothing_is_read_or_noted() -> None:
    """Looking costs requests of the same quota."""
    scene = Scene({"a": "1"}, Safeguards())
    await scene.deliver(scene.patch({"a": "2"}))
    assert (scene.reads.made, scene.undo.noted) == ([], [])


@pytest.mark.asyncio
async def test_a_plan_brings_its_own_values_before() -> None:
    """They were read when it was made: noted without another read, and undone like any."""
    scene = Scene({"a": "1"}, Safeguards())
    await scene.deliver(scene.patch({"a": "2"}, context=RowContext(before={"a": "1"})))
    assert scene.reads.made == []
    assert scene.undo.noted == [({"a": "2"}, {"a": "1"}, 0)]


@pytest.mark.asyncio
async def test_only_what_differs_is_sent() -> None:
    """And nothing at all where all is so already."""
    scene = Scene({"a": "1", "b": "2"}, Safeguards(skip_unchanged=True))
    await scene.deliver(scene.patch({"a": "1", "b": "3"}))
    same = await scene.deliver(scene.patch({"a": "1"}))
    assert scene.caller.bodies == [{"b": "3"}]
    assert outcomes(same) == [Outcome.UNCHANGED]


@pytest.mark.asyncio
async def test_a_conflict_is_not_sent_and_not_noted() -> None:
    """Nothing was overwritten, so there is nothing to take back."""
    scene = Scene({"a": "theirs"}, Safeguards(guard=True, keep_before=True))
    delivery = await scene.deliver(scene.patch({"a": "2"}, context=RowContext(before={"a": "1"})))
    assert outcomes(delivery) == [Outcome.CONFLICT]
    assert (scene.caller.bodies, scene.undo.noted) == ([], [])


@pytest.mark.asyncio
async def test_the_other_value_of_an_undo_is_no_conflict() -> None:
    """The run's last write may never have taken effect, and then its own earlier one is there."""
    scene = Scene({"a": "1"}, Safeguards(guard=True))
    context = RowContext(before={"a": "2"}, or_before={"a": ("1",)})
    assert outcomes(await scene.deliver(scene.patch({"a": "0"}, context=context))) == [
        Outcome.UPDATED
    ]


@pytest.mark.asyncio
async def test_a_refused_patch_is_noted_row_by_row() -> None:
    """The first row is written, the second refused: what must be undone is the first one's."""

    def judge(attributes: dict[str, str]) -> Reply:
        return Reply(400 if attributes.get("b") == "bad" else 202)

    scene = Scene({"a": "0", "same": "s"}, Safeguards(keep_before=True, skip_unchanged=True), judge)
    rows = [{"a": "1", "same": "s"}, {"same": "s"}, {"a": "2", "b": "bad"}]
    delivery = await scene.deliver(scene.patch(*rows))
    assert outcomes(delivery) == [Outcome.UPDATED, Outcome.UNCHANGED, Outcome.REJECTED]
    assert [(written, before) for written, before, _ in scene.undo.noted] == [
        ({"a": "2", "b": "bad"}, {"a": "0", "b": None}),
        ({"a": "1"}, {"a": "0"}),
        ({"a": "2", "b": "bad"}, {"a": "1", "b": None}),
    ]


@pytest.mark.asyncio
async def test_a_row_of_a_refused_patch_that_nobody_looked_at_says_so() -> None:
    """A stop ends all looking; neither verified nor unverified would be a check that passed."""

    def judge(attributes: dict[str, str]) -> Reply:
        return Reply(400 if "bad" in attributes.values() else 202)

    scene = Scene({"a": "0"}, Safeguards(verify=VerifyOptions(share=1.0)), judge)
    scene.deliverer.close()
    delivery = await scene.deliver(scene.patch({"a": "1"}, {"b": "bad"}))
    assert outcomes(delivery) == [Outcome.UPDATED, Outcome.REJECTED]
    (_, first), _ = delivery.parts
    assert first.verified is None
    assert "stopped" in (first.unverified or "")
