"""Options of finding validate themselves."""

from __future__ import annotations

from typing import Any

import pytest

from batchpatch.errors import SettingsError
from batchpatch.options.read import FindOptions


def test_nothing_is_guessed_by_default() -> None:
    """Two matches are an error unless the user says otherwise."""
    options = FindOptions()
    assert (options.ambiguous, options.ended, options.lookup_batch) == ("refuse", "warn", 100)
    assert not options.learn_ended


@pytest.mark.parametrize(
    ("option", "flag"),
    [
        ({"lookup_batch": 0}, "--lookup-batch"),
        ({"lookup_batch": 1001}, "--lookup-batch"),
        ({"ambiguous": "some"}, "--ambiguous"),
        ({"ended": "never"}, "--ended"),
    ],
)
def test_what_cannot_be_is_refused(option: dict[str, Any], flag: str) -> None:
    """A typo must not change what a run does, and its flag is named."""
    with pytest.raises(SettingsError, match=flag):
        FindOptions(**option)


def test_the_bounds_are_allowed() -> None:
    """One at a time works, and so does as much as a request's line holds."""
    assert FindOptions(lookup_batch=1).lookup_batch == 1
    assert FindOptions(lookup_batch=1000, learn_ended=True).lookup_batch == 1000
