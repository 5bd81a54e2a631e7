"""Runs, crashes, resumptions and other people, over a model of the platform; then the undo."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchpatch.formats.result_line import encode
from batchpatch.formats.undo_line import UndoEntry, encode_undo
from batchpatch.model import Outcome, RowResult
from batchpatch.recording.undo_index import open_index
from batchpatch.recording.undo_rows import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchpatch.recording.undo_rows import UndoRow

Place = tuple[str, str]
"""A participant and one of its attributes."""

people = st.sampled_from("ab")
names = st.sampled_from("xy")
our_values = st.sampled_from(["", "0", "1", "2", "3"])
fates = st.sampled_from(["updated", "rejected", "lost before", "lost after"])
writes = st.tuples(st.just("write"), people, st.dictionaries(names, our_values, min_size=1), fates)
others = st.tuples(st.just("other"), people, names, st.sampled_from(["theirs", "also theirs"]))
stores = st.dictionaries(st.tuples(people, names), our_values)


@dataclass
class World:
    """A platform, what a run keeps, and what is known to nobody but this test."""

    store: dict[Place, str]
    log: list[UndoEntry] = field(default_factory=list)
    results: list[RowResult] = field(default_factory=list)
    touched: set[Place] = field(default_factory=set)
    """What somebody else has written."""
    reported: int = 0
    patches: int = 0

    def write(self, who: str, written: dict[str, str], fate: str) -> None:
        """One PATCH: logged, then sent, then reported, or as much of it as the fate allows."""
        self.patches += 1
        before = {name: self.store.get((who, name)) for name in written}
        self.log.append(UndoEntry("c", who, before, written, self.patches))
        if fate in ("updated", "lost after"):
            self.store.update({(who, name): value for name, value in written.items()})
        if fate in ("updated", "rejected"):
            row, self.reported = len(self.results) + 1, self.patches
            outcome = Outcome(fate)
            result = RowResult(
                row, row, "s", outcome, "at", "c", who, list(written), patch=self.patches
            )
            self.results.append(result)
        else:  # the process is killed, and a resumed one counts on from what was reported
            self.patches = self.reported

    def other(self, who: str, name: str, value: str) -> None:
        """Somebody else writes."""
        self.store[who, name] = value
        self.touched.add((who, name))

    def restore(self, row: UndoRow) -> None:
        """What the undo does with a row: only where the value is one that the run has left."""
        for name, value in row.attributes.items():
            place = row.participant_id, name
            allowed = {row.before[name], *row.or_before.get(name, ())}
            if self.store.get(place) in allowed:
                self.store[place] = value


def same(store: dict[Place, str]) -> dict[Place, str]:
    """With blanked and absent alike, which is as far as the platform lets an undo go."""
    return {place: value for place, value in store.items() if value}


def act(world: World, actions: list[tuple[object, ...]]) -> None:
    """Play all of it."""
    for kind, *arguments in actions:
        getattr(world, str(kind))(*arguments)


def undo(world: World, directory: Path, *, with_results: bool) -> list[UndoRow]:
    """The rows of the undo, from files."""
    log, results = directory / "undo.jsonl", directory / "results.jsonl"
    log.write_bytes(b"".join(map(encode_undo, world.log)))
    results.write_bytes(b"".join(map(encode, world.results)))
    with open_index(log, results_path=results if with_results else None) as index:
        return list(rows_of(index, looked=True))


@pytest.mark.parametrize("with_results", [False, True])
@given(store=stores, actions=st.lists(writes | others, max_size=12))
@example(
    store={},
    actions=[
        ("write", "b", {"x": "", "y": "0"}, "updated"),
        ("write", "b", {"x": "", "y": ""}, "lost before"),
        ("write", "b", {"x": ""}, "updated"),
    ],
)
def test_everything_that_nobody_else_touched_is_as_before(
    with_results: bool,
    store: dict[Place, str],
    actions: list[tuple[object, ...]],
    fresh_path: Callable[[str], Path],
) -> None:
    """Whenever a process was killed, and whatever became of its requests, the undo finds back."""
    world = World(dict(store))
    act(world, actions)
    for row in undo(world, fresh_path("x").parent, with_results=with_results):
        world.restore(row)
    untouched = {place for place in {*world.store, *store} if place not in world.touched}
    after, before = same(world.store), same(store)
    assert {p: after.get(p) for p in untouched} == {p: before.get(p) for p in untouched}


@pytest.mark.parametrize("with_results", [False, True])
@given(
    store=stores,
    actions=st.lists(writes | others, max_size=8),
    theirs=st.lists(others, max_size=4),
)
def test_a_foreign_value_is_never_overwritten(
    with_results: bool,
    store: dict[Place, str],
    actions: list[tuple[object, ...]],
    theirs: list[tuple[object, ...]],
    fresh_path: Callable[[str], Path],
) -> None:
    """What others have put there, before the run's last write that never left or after, stays."""
    world = World(dict(store))
    act(world, [*actions, *theirs])
    foreign = {place: value for place, value in world.store.items() if "theirs" in value}
    for row in undo(world, fresh_path("x").parent, with_results=with_results):
        world.restore(row)
    assert {place: world.store[place] for place in foreign} == foreign


@given(store=stores, actions=st.lists(writes, min_size=1, max_size=8), last=our_values)
def test_with_the_report_only_the_last_write_is_ours(
    store: dict[Place, str],
    actions: list[tuple[object, ...]],
    last: str,
    fresh_path: Callable[[str], Path],
) -> None:
    """Somebody may set one of our earlier values again on purpose: that is theirs then."""
    world = World(dict(store))
    act(world, actions)
    world.write("a", {"x": "9"}, "updated")
    world.other("a", "x", last)
    for row in undo(world, fresh_path("x").parent, with_results=True):
        world.restore(row)
    assert world.store["a", "x"] == last


@given(store=stores, actions=st.lists(writes, max_size=12))
def test_what_is_blanked_was_absent_and_is_named(
    store: dict[Place, str], actions: list[tuple[object, ...]], fresh_path: Callable[[str], Path]
) -> None:
    """The report has to say of each row what could not be brought back exactly."""
    world = World(dict(store))
    act(world, actions)
    for row in undo(world, fresh_path("x").parent, with_results=True):
        absent = {name for name in row.attributes if (row.participant_id, name) not in store}
        assert set(row.blanked) == absent
