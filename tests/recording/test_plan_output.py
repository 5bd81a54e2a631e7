"""The names of a plan, and what a crash at any place leaves of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import SettingsError
from batchpatch.formats.plan_line import PlanLine, encode_plan_line
from batchpatch.formats.result_line import encode
from batchpatch.model import Outcome, RowResult
from batchpatch.recording import plan_output
from batchpatch.recording.plan_output import (
    count_lines,
    cut_lines,
    find_directory,
    is_published,
    mend_partial,
    partial_path,
    publish,
    read_plan,
    refuse_output,
    state_path,
)

if TYPE_CHECKING:
    from pathlib import Path


def line(number: int) -> bytes:
    return encode_plan_line(
        PlanLine("c", f"p{number}", {"x": "1"}, {"x": None}, "org", "attributes", "r")
    )


def result(number: int, *, patch: int) -> bytes:
    return encode(RowResult(number, number, "a.csv", Outcome.PLANNED, "now", patch=patch))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The name of a plan of which three lines and a torn one are written."""
    out = tmp_path / "plan.jsonl"
    partial_path(out).write_bytes(line(1) + line(2) + line(3) + line(4)[:20])
    return out


def test_results_ahead_of_the_plan_are_cut_off(out: Path) -> None:
    """A power loss may keep the younger file: rows whose lines are gone must be planned again."""
    results = out.with_name("results.jsonl")
    kept = result(1, patch=1) + result(2, patch=1) + result(3, patch=3)
    results.write_bytes(kept + result(4, patch=4) + result(5, patch=3))
    mend_partial(out, results)
    assert results.read_bytes() == kept
    assert count_lines(partial_path(out)) == 3


def test_a_plan_ahead_of_its_results_is_cut_to_what_they_know(out: Path) -> None:
    """A kill comes between a line and the results of its rows, which are then planned again."""
    mend_partial(out, out.with_name("no-results.jsonl"))
    cut_lines(partial_path(out), 2)
    assert partial_path(out).read_bytes() == line(1) + line(2)
    assert [one.participant_id for one in read_plan(partial_path(out), "attributes")] == [
        "p1",
        "p2",
    ]
    cut_lines(partial_path(out), 0)
    assert partial_path(out).read_bytes() == b""


@pytest.mark.parametrize("links", [True, False])
def test_a_whole_plan_gets_its_name(
    links: bool, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on a file system that knows no hard links, and where `mktemp` has made the file."""
    if not links:

        def link(*_: object) -> None:
            raise OSError(1, "Operation not permitted")

        monkeypatch.setattr(plan_output.os, "link", link)
    publish(out)
    assert is_published(out)
    assert not partial_path(out).exists()
    again = out.with_name("made.jsonl")
    again.touch()
    partial_path(again).write_bytes(line(1))
    assert not is_published(again)
    publish(again)
    assert again.read_bytes() == line(1)


def test_nothing_is_overwritten_by_a_whole_plan(out: Path) -> None:
    """Somebody may have put another one there, in the hours that it took."""
    out.write_bytes(b"mine\n")
    with pytest.raises(SettingsError, match="exists"):
        publish(out)
    assert out.read_bytes() == b"mine\n"
    assert partial_path(out).exists()


@pytest.mark.parametrize("name", ["plan.jsonl", "plan.jsonl.partial", "plan.jsonl.run"])
def test_a_plan_is_found_under_each_of_its_names(name: str, out: Path) -> None:
    """People paste what they see."""
    state_path(out).mkdir()
    (state_path(out) / "run.json").touch()
    assert find_directory(out.with_name(name)) == state_path(out)
    with pytest.raises(SettingsError, match=r"batchpatch resume .*plan\.jsonl`"):
        refuse_output(out)


def test_a_plan_that_is_whole_cannot_be_resumed(out: Path) -> None:
    """The sentence says what it is for."""
    publish(out)
    with pytest.raises(SettingsError, match="batchpatch run"):
        find_directory(out)


def test_what_died_before_it_began_is_in_nobodys_way(out: Path) -> None:
    """A kill between the file and its state leaves an empty one, which nothing could resume."""
    begun = out.with_name("begun.jsonl")
    partial_path(begun).touch()
    state_path(begun).mkdir()
    refuse_output(begun)
    with pytest.raises(SettingsError, match=r"plan\.jsonl\.partial exists: choose another"):
        refuse_output(out)
