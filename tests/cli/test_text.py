"""Sentences for a person: what they quote can be told from what is said."""

from __future__ import annotations

from batchpatch.cli.text import change_lines, reason_lines
from batchpatch.model import Outcome
from batchpatch.model.report import FailureReason


def test_a_quote_in_a_value_does_not_end_it() -> None:
    """Where the value ends, and what comes after it, is what the reader wants to know."""
    _, line = change_lines("c", "p", None, {"note": None}, {"note": 'Said "no", call ended'})
    assert line == '  note: (absent) -> "Said \\"no\\", call ended"'


def test_a_code_that_is_the_outcome_is_said_once() -> None:
    """The second one would look like another thing."""
    (same,) = reason_lines([FailureReason(Outcome.NOT_STORED, "not_stored", 13, "gone", None)])
    assert same == "  13 not_stored: gone"
    (other,) = reason_lines([FailureReason(Outcome.REJECTED, "not.found", 2, None, None)])
    assert other == "  2 rejected not.found: no message"
