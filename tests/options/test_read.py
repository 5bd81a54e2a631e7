"""Options that can never work are refused before any input is opened."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import SettingsError
from batchpatch.model import Criterion
from batchpatch.options.read import ReadOptions


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
        ({"quote": ""}, "--quote takes a single character, .* or none"),
        ({"quote": "''"}, "--quote"),
        ({"escape": "\n"}, "--escape"),
        ({"escape": '"'}, "different characters"),
        ({"comment": " "}, "--comment"),
        ({"comment": "#", "delimiter": "#"}, "different characters"),
        ({"skip_lines": -1}, "--skip-lines"),
        ({"multiline": "some"}, "--multiline"),
        ({"columns_given": ("", " ")}, "--columns"),
        ({"columns_given": ("a", "\udcff")}, "--columns"),
        ({"columns_given": "abc"}, "--columns"),
        ({"null": ("",)}, "--null"),
        ({"null": (5,)}, "--null"),
        ({"constants": {" ": "x"}}, "--set"),
        ({"constants": {"a": "\0"}}, "--set"),
        ({"constants": {"a": "\udcff"}}, "--set"),
        ({"constants": {"a": "x"}, "only_keys": frozenset("b")}, "--only-keys"),
        ({"participant": "customer"}, "--participant"),
        ({"participant": [("purpose", "")]}, "--participant"),
        ({"participant": [("purpose", 5)]}, "--participant"),
        ({"participant": [("purpose", "customer", "tier")]}, "--participant"),
        ({"participant": [("match", "gold")]}, "--participant"),
        ({"participant": [("match", "gold\0", "tier")]}, "--participant"),
        ({"participant": [("queue", "x")]}, "--participant"),
        ({"participant": [("address", "\udcff")]}, "--participant"),
        ({"participant": 5}, "--participant"),
    ],
)
def test_a_value_that_can_never_work_names_its_flag(options: dict[str, Any], flag: str) -> None:
    """A mistake in the command line is not found at row 1,000,000."""
    with pytest.raises(SettingsError, match=flag):
        ReadOptions(**options)


def test_what_a_csv_looks_like_survives_the_report() -> None:
    """A resumed run reads the same rows: `run.json` holds lists where there were tuples."""
    options = ReadOptions(
        quote="none",
        escape="\\",
        comment="#",
        skip_lines=3,
        columns_given=("conversationId", "", "attr.a"),
        multiline="any",
        null=("NULL", "\\N"),
    )
    again = json.loads(json.dumps(asdict(options)))
    assert ReadOptions(**{**again, "attributes": ()}) == options


criterion = st.one_of(
    st.tuples(
        st.sampled_from(["purpose", "externalContactId", "userId", "address"]),
        st.text(alphabet="aB-{} é", min_size=1).filter(str.strip),
    ),
    st.tuples(st.just("match"), st.text(alphabet="aB \n", min_size=1), st.just("Tier")),
)


@given(participant=st.lists(criterion, max_size=3))
def test_who_is_meant_survives_the_report(participant: list[tuple[str, ...]]) -> None:
    """`run.json` holds lists where there were tuples; a resumed run must mean the same people."""
    options = ReadOptions(participant=participant)  # type: ignore[arg-type]
    assert {type(one) for one in options.participant} <= {Criterion}
    again = json.loads(json.dumps(asdict(options)))["participant"]
    assert ReadOptions(participant=again) == options
