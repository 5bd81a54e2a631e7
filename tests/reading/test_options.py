"""Options that can never work are refused before any input is opened."""

from __future__ import annotations

from typing import Any

import pytest

from batchpatch.errors import SettingsError
from batchpatch.reading.options import ReadOptions


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"format": "xml"}, "--format"),
        ({"empty": "clear"}, "--empty"),
        ({"nested": "drop"}, "--nested"),
        ({"delimiter": ""}, "--delimiter"),
        ({"delimiter": "::"}, "--delimiter"),
        ({"delimiter": '"'}, "--delimiter"),
        ({"delimiter": "\n"}, "--delimiter"),
        ({"limit": 0}, "--limit"),
        ({"columns": {"conversationId": "x"}}, "--map"),
        ({"columns": {"attr": "x"}}, "--map"),
        ({"constants": {" ": "x"}}, "--set"),
        ({"constants": {"a": "\0"}}, "--set"),
        ({"constants": {"a": "\udcff"}}, "--set"),
        ({"constants": {"a": "x"}, "only_keys": frozenset("b")}, "--only-keys"),
    ],
)
def test_a_value_that_can_never_work_names_its_flag(options: dict[str, Any], flag: str) -> None:
    """A mistake in the command line is not found at row 1,000,000."""
    with pytest.raises(SettingsError, match=flag):
        ReadOptions(**options)
