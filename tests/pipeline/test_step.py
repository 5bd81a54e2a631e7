"""The lines of a plan: in the order of the patches, each before the results of its rows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from reads_doubles import ScriptedReads
from sending_doubles import make_row

from batchpatch.formats.plan_line import PlanLine
from batchpatch.merging.window import Window
from batchpatch.model import Delivery, Outcome
from batchpatch.pipeline.step import PlanStep

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.model import Patch


class Lines:
    """In the file's place: the lines, and how many of them were flushed."""

    def __init__(self, lines: int = 0) -> None:
        self.lines = lines
        self.taken: list[PlanLine] = []

    def add(self, line: PlanLine) -> None:
        """Take one."""
        self.taken.append(line)

    def flush(self) -> None:
        """All that was taken is out."""
        self.lines = len(self.taken)


class Scene:
    """Patches of four people, each of whom has a tier already."""

    def __init__(self) -> None:
        self.reads: Any = ScriptedReads()
        window = Window()
        for number, tier in enumerate(["gold", "gold", "old", "gold"], 1):
            window.add(make_row(number, who=number, tier=tier))
        self.patches = [patch for _ in range(4) if (patch := window.take(flush=True))]
        for patch in self.patches:
            self.reads.put(patch, tier="old")
        self.file = Lines()
        self.step = PlanStep(self.reads, self.file, organisation="o", region="r")  # type: ignore[arg-type]

    def take(self, *patches: Patch) -> list[Delivery]:
        """What the step makes of them."""

        async def take() -> list[Delivery]:
            return [await self.step.take(patch) for patch in patches]

        return asyncio.run(take())


def numbers(deliveries: list[Delivery]) -> list[tuple[int, int]]:
    """Of each delivery: the row, and the number that its result will bear."""
    return [(d.patch.rows[0].number, d.parts[0][0].number) for d in deliveries]


@pytest.fixture
def scene() -> Scene:
    """A plan that has no line yet."""
    return Scene()


def test_lines_leave_in_the_order_of_the_patches(scene: Scene) -> None:
    """Whichever is read first; a result bears the number of lines that there are with it."""
    first, second, same, last = scene.take(*scene.patches)
    assert same.parts[0][1].outcome is Outcome.UNCHANGED
    assert scene.step.recordable(same) == scene.step.recordable(second) == []
    assert scene.file.lines == 0
    assert numbers(scene.step.recordable(first)) == [(1, 1), (2, 2), (3, 2)]
    assert [line.participant_id for line in scene.file.taken] == [
        patch.participant_id for patch in scene.patches[:2]
    ]
    assert scene.file.lines == 2  # flushed before anybody can record the results
    assert numbers(scene.step.recordable(last)) == [(4, 3)]


def test_what_comes_behind_one_that_was_cut_off_has_no_line(scene: Scene) -> None:
    """It is planned anew when the plan is resumed, in its place."""
    _, second, *_ = scene.take(*scene.patches)
    assert scene.step.recordable(second) == []
    assert scene.step.remaining() == []
    assert scene.file.taken == []


def test_lines_of_an_earlier_process_are_what_later_rows_stand_on(
    scene: Scene, run_virtual: Callable[[Any], Any]
) -> None:
    """No read will ever show them, and a row that is looked at again must not be there twice."""
    patch = scene.patches[0]
    planned = PlanLine(
        patch.conversation_id,
        patch.participant_id,
        {"tier": "gold"},
        {"tier": "old"},
        "o",
        "attributes",
    )
    scene.step.remember([planned])
    delivery = run_virtual(scene.step.take(patch))
    assert delivery.parts[0][1].outcome is Outcome.UNCHANGED
    assert [change.attributes for change in scene.step.changes] == [{"tier": "gold"}]
