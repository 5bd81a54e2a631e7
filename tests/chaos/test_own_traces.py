"""What a process left that was stopped or killed: its own values, and what nobody looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.client import CREDENTIALS
from harness.judging import whole_lines
from harness.moments import (
    ANN,
    BEN,
    TALK,
    break_for,
    lose_line,
    outcomes,
    plan_line,
    played,
    row,
    stopping_soon,
    tell,
)

from batchpatch.commands import undo as undo_command
from batchpatch.genesys.account.credentials import find_account
from batchpatch.options.read import ReadOptions
from batchpatch.options.run import RecordOptions, Safeguards, VerifyOptions

if TYPE_CHECKING:
    from pathlib import Path

    from harness.inside import Place


def test_a_resumed_run_verifies_what_was_accepted_before_its_stop(tmp_path: Path) -> None:
    """A dropped write must not end as `updated` in a run that was asked to look."""

    async def play(place: Place) -> None:
        break_for(place, ANN, "kind=drop")
        verify = Safeguards(verify=VerifyOptions(share=1.0, for_s=3.0))
        await place.run(safeguards=verify, stopper=stopping_soon())
        await place.resume()
        assert outcomes(place) == {1: "not_stored"}

    played(tmp_path, [row(1, ANN, stage="x")], play)


def test_a_guarded_plan_knows_its_own_values_after_a_kill(tmp_path: Path) -> None:
    """Rows 1 and 3 meet in one request only when row 2, which stood between, is settled."""

    async def play(place: Place) -> None:
        place.input.write_text(
            plan_line(ANN, {"stage": None}, stage="1")
            + plan_line(BEN, {"stage": None}, stage="b")
            + plan_line(ANN, {"stage": "1"}, stage="2")
        )
        first = ReadOptions(limit=2)
        await place.run(window_rows=2, safeguards=Safeguards(guard=True), read=first)
        lose_line(place, 1)
        await place.resume()
        assert place.state()[ANN] == {"stage": "2"}
        assert outcomes(place) == {1: "superseded", 2: "updated", 3: "updated"}

    played(tmp_path, [], play)


def test_an_undo_knows_every_value_that_the_run_wrote(tmp_path: Path) -> None:
    """Of a plan that is run without a look, `undo.jsonl` tells what the plan saw, not what was."""

    async def play(place: Place) -> None:
        tell(
            place.server,
            {"conversationId": TALK, "participantId": ANN[1], "attributes": {"stage": "0"}},
        )
        place.input.write_text(
            plan_line(ANN, {"stage": "0"}, stage="1") + plan_line(ANN, {"stage": "1"}, stage="2")
        )
        await place.run(window_rows=100, read=ReadOptions(limit=1))
        lose_line(place, 1)
        break_for(place, ANN, "kind=reset_before")
        await place.resume(stopper=stopping_soon(2))
        place.server.state.injector.replace([])
        account = find_account(CREDENTIALS, api_url=place.server.url)
        await undo_command.undo(
            place.out, account=account, record=RecordOptions(out=tmp_path / "undo")
        )
        assert place.state()[ANN] == {"stage": "0"}

    played(tmp_path, [], play)


def test_a_resumed_undo_still_says_what_is_blanked(tmp_path: Path) -> None:
    """The report says so for each row, and this one's PATCH went out before the kill."""

    async def play(place: Place) -> None:
        await place.run(safeguards=Safeguards(keep_before=True))
        account = find_account(CREDENTIALS, api_url=place.server.url)
        undo = place._replace(out=tmp_path / "undo")
        await undo_command.undo(place.out, account=account, record=RecordOptions(out=undo.out))
        lose_line(undo, 1)
        await undo.resume()
        (line,) = whole_lines(undo.out / "results.jsonl")
        assert "blank" in f"{line['code']} {line['message']}"

    played(tmp_path, [row(1, ANN, stage="x")], play)


def test_a_run_that_sent_nothing_has_nothing_to_undo(tmp_path: Path) -> None:
    """Killed before its first PATCH, or all of it was there already: that is no mistake."""

    async def play(place: Place) -> None:
        tell(
            place.server,
            {"conversationId": TALK, "participantId": ANN[1], "attributes": {"stage": "x"}},
        )
        await place.run(safeguards=Safeguards(keep_before=True, skip_unchanged=True))
        account = find_account(CREDENTIALS, api_url=place.server.url)
        assert await undo_command.undo(place.out, account=account) is None

    played(tmp_path, [row(1, ANN, stage="x")], play)
