"""What the log says of whom a request is about: no more than is known, and never a value."""

from __future__ import annotations

import contextvars
import logging
import uuid
from typing import Any

import pytest

from batchpatch.genesys.subject import concern, subject_fields
from batchpatch.model import Patch, Row, RowContext

CONVERSATION, PARTICIPANT, OTHER = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
BASE = "https://api.example.com/api/v2/conversations"
IDS = {"conversation": CONVERSATION, "participant": PARTICIPANT}


@pytest.fixture(autouse=True)
def listening(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody reads the log: else nothing is kept for it."""
    caplog.set_level(logging.DEBUG, logger="batchpatch")


def patch_of(*numbers: int, context: RowContext | None = None) -> Patch:
    rows = (
        Row(number, number + 1, 0, CONVERSATION, PARTICIPANT, ("a",), ("secret",), context)
        for number in numbers
    )
    return Patch(7, tuple(rows), {"a": "secret"})


def told(url: str, patch: Patch | None = None) -> dict[str, Any]:
    """The fields that have a value, of a request for that patch."""

    def look() -> dict[str, Any]:
        if patch is not None:
            concern(patch)
        return {name: one for name, one in subject_fields(url).items() if one is not None}

    return contextvars.copy_context().run(look)


@pytest.mark.parametrize("media", ["", "/calls"])
def test_a_patch_is_told_by_its_rows_and_ids(media: str) -> None:
    """They are what its row's line has, so that the two can be joined."""
    url = f"{BASE}{media}/{CONVERSATION}/participants/{PARTICIPANT}/attributes"
    found = told(url, patch_of(4, 9))
    assert found == {**IDS, "patch": 7, "rows": [4, 9], "lines": [5, 10]}
    assert "secret" not in str(found)
    assert told(url, patch_of(4, context=RowContext(id="call-17")))["ids"] == ["call-17"]


def test_of_many_rows_the_first_are_told() -> None:
    """A line of a log has an end, whatever was merged."""
    found = told(f"{BASE}/{CONVERSATION}", patch_of(*range(1, 51)))
    assert (found["rows"], found["more_rows"]) == (list(range(1, 21)), 30)


def test_what_is_about_somebody_else_names_no_row() -> None:
    """A read that others share, or a look-up of many conversations."""
    patch = patch_of(4)
    assert told(f"{BASE}/{OTHER}", patch) == {"conversation": OTHER}
    url = f"{BASE}/{CONVERSATION}/participants/{OTHER}"
    assert told(url, patch) == {"conversation": CONVERSATION, "participant": OTHER}
    assert told("https://api.example.com/api/v2/analytics/conversations/details", patch) == {}
    assert told(f"{BASE}/{CONVERSATION}") == {"conversation": CONVERSATION}


def test_without_a_listener_nothing_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    """Every row of a run would pay for it."""
    caplog.set_level(logging.WARNING, logger="batchpatch")
    assert "rows" not in told(f"{BASE}/{CONVERSATION}", patch_of(1))
