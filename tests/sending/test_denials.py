"""A token that may do nothing ends the run; a row that may not be written is only that row."""

from __future__ import annotations

import pytest
from sending_doubles import make_patch

from batchpatch.errors import AccessError
from batchpatch.model import Delivery, Outcome, Patch, PatchOutcome
from batchpatch.sending.denials import ENOUGH, DenialBuffer


def delivery(patch: Patch, *statuses: int) -> Delivery:
    """A patch that came back with these statuses, one for each of its parts."""
    parts = [
        (
            patch,
            PatchOutcome(
                Outcome.UPDATED if status < 300 else Outcome.REJECTED,
                status=status,
                message="said the platform",
                attempts=1,
                hint="Ask an admin.",
            ),
        )
        for status in statuses
    ]
    return Delivery(patch, parts)


@pytest.mark.parametrize("status", [401, 403])
def test_denials_without_end_are_the_tokens_fault(status: int) -> None:
    """After five the run is refused as a whole, and no row is blamed for it."""
    gate = DenialBuffer()
    for _ in range(ENOUGH - 1):
        assert gate.judge(delivery(make_patch(), status)) == []
    with pytest.raises(AccessError, match=rf"{status} \(said the platform\).*Ask an admin\."):
        gate.judge(delivery(make_patch(), status))


@pytest.mark.parametrize("status", [202, 404, 500])
def test_one_other_answer_releases_all_in_order(status: int) -> None:
    """Something is allowed, so the denials were about rows; their lines come first."""
    gate = DenialBuffer()
    denied = [delivery(make_patch(), 403) for _ in range(ENOUGH - 1)]
    for one in denied:
        gate.judge(one)
    last = delivery(make_patch(), status)
    assert gate.judge(last) == [*denied, last]


def test_an_open_gate_holds_nothing_back() -> None:
    """Once something was allowed a denial is a row's own, however many follow."""
    gate = DenialBuffer()
    gate.judge(delivery(make_patch(), 202))
    for _ in range(3 * ENOUGH):
        one = delivery(make_patch(), 403)
        assert gate.judge(one) == [one]
    assert gate.release() == []


def test_too_few_denials_are_released_at_the_end() -> None:
    """An input of four rows ends before it is known; each has its line all the same."""
    gate = DenialBuffer()
    denied = [delivery(make_patch(), 403) for _ in range(ENOUGH - 1)]
    for one in denied:
        gate.judge(one)
    assert gate.release() == denied
    assert gate.release() == []


def test_no_answer_says_nothing_about_the_token() -> None:
    """A request that was lost is no denial: it opens the gate, as any other outcome does."""
    gate = DenialBuffer()
    lost = Delivery(make_patch(), [(make_patch(), PatchOutcome(Outcome.UNKNOWN))])
    assert gate.judge(lost) == [lost]


def test_a_patch_sent_row_by_row_is_one_answer() -> None:
    """One of its rows was allowed: so is the token."""
    gate = DenialBuffer()
    mixed = delivery(make_patch(), 403, 202)
    assert gate.judge(mixed) == [mixed]
