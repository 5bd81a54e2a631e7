"""A row that means two participants keeps the promises for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.judging import whole_lines
from harness.moments import ANN, BEN, break_for, for_both, outcomes, played, row, stopping_soon

from batchpatch.model import Outcome
from batchpatch.options.read import FindOptions
from batchpatch.options.run import Safeguards, VerifyOptions
from batchpatch.sandbox import parse_fault

if TYPE_CHECKING:
    from pathlib import Path

    from harness.inside import Place

ALL = FindOptions(ambiguous="all")


def test_resuming_a_row_of_two_participants(tmp_path: Path) -> None:
    """Ann's part of row 1 and then row 2 are applied; Ben's part is not, so neither has a line.

    Were row 2 on record, resuming would send row 1 after it.
    """

    async def play(place: Place) -> None:
        break_for(place, BEN, "kind=latency,ms=2000")
        await place.run(find=ALL, stopper=stopping_soon(2))
        assert outcomes(place) == {}
        place.server.state.injector.replace([])
        await place.resume()
        assert place.state() == {ANN: {"stage": "new"}, BEN: {"stage": "old"}}

    played(tmp_path, [for_both(1, stage="old"), row(2, ANN, stage="new")], play)


def test_retrying_a_row_of_two_participants(tmp_path: Path) -> None:
    """Row 1 was refused for Ben alone; its line names Ben, and nobody asks what Ann has by now."""

    async def play(place: Place) -> None:
        break_for(place, BEN, "status=404")
        await place.run(find=ALL)
        place.server.state.injector.replace([])
        await place.resume(retry_outcomes={Outcome.REJECTED})
        assert place.state()[ANN] == {"stage": "new"}

    played(tmp_path, [for_both(1, stage="old"), row(2, ANN, stage="new")], play)


def test_retrying_before_a_row_of_two_participants(tmp_path: Path) -> None:
    """Row 1 was refused for Ben; row 2 was applied to both, and its line names Ann alone."""

    async def play(place: Place) -> None:
        place.server.state.injector.replace(
            [parse_fault(f"status=404,times=1,participant={BEN[1]}")]
        )
        await place.run(find=ALL)
        assert outcomes(place) == {1: "rejected", 2: "updated"}
        place.server.state.injector.replace([])
        await place.resume(retry_outcomes={Outcome.REJECTED})
        assert place.state() == {ANN: {"stage": "new"}, BEN: {"stage": "new"}}

    played(tmp_path, [row(1, BEN, stage="old"), for_both(2, stage="new")], play)


def test_a_row_of_two_is_verified_when_both_are(tmp_path: Path) -> None:
    """Ben's write is dropped, and a stop comes before anybody knows."""

    async def play(place: Place) -> None:
        break_for(place, BEN, "kind=drop")
        verify = Safeguards(verify=VerifyOptions(share=1.0))
        await place.run(find=ALL, safeguards=verify, stopper=stopping_soon(after_s=1.0))
        assert place.state() == {ANN: {"stage": "x"}}
        lines = whole_lines(place.out / "results.jsonl")
        assert not any(line.get("verified") for line in lines)

    played(tmp_path, [for_both(1, stage="x")], play)
