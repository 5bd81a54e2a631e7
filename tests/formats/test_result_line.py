"""The line of `results.jsonl`: what is found by its bytes is what parsing it would find."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.formats.result_line import decode, encode, encode_updated
from batchpatch.formats.result_patterns import (
    applied_lines,
    as_encoded,
    ids_in,
    ids_of,
    is_as_encoded,
    lines_with,
    patch_of,
    row_of,
    was_applied,
)
from batchpatch.model import APPLIED, Outcome, Patch, PatchOutcome, Row, RowResult
from batchpatch.recording.row_results import of_patch

if TYPE_CHECKING:
    from collections.abc import Callable

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    [',"outcome":"updated"', '{"row":1,', ',"conversation_id":"x"', '","participants":["', "\n"]
)
number = st.integers(0, 2**53)
ids = st.uuids(version=4).map(str)
several = st.lists(ids, min_size=2, max_size=3, unique=True)


def _who(draw: Any) -> dict[str, Any]:
    kind = draw(st.sampled_from(["one", "several", "nobody"]))
    if kind == "one":
        return {"participant_id": draw(ids)}
    if kind == "nobody":
        return {}
    participants = draw(several)
    return {
        "participants": participants,
        "applied_to": draw(st.none() | st.just(participants[:1])),
    }


@st.composite
def results(draw: Any) -> RowResult:
    """Any result that a run may have."""
    return RowResult(
        row=draw(st.integers(1, 2**33)),
        line=draw(number),
        source=draw(text),
        outcome=draw(st.sampled_from(Outcome)),
        at=draw(text),
        conversation_id=draw(st.none() | ids),
        **_who(draw),
        keys=draw(st.none() | st.lists(text, max_size=2)),
        status=draw(st.none() | number),
        code=draw(st.none() | text),
        message=draw(st.none() | text),
        hint=draw(st.none() | text),
        attempts=draw(st.none() | number),
        patch=draw(st.none() | st.integers(0, 10**17)),
        superseded_by=draw(st.none() | number),
        correlation_id=draw(st.none() | text),
        elapsed_ms=draw(st.none() | number),
        verified=draw(st.none() | st.booleans()),
        unverified=draw(st.none() | text),
        id=draw(st.none() | text),
    )


def spaced(line: bytes) -> bytes:
    """As the standard library would have written it."""
    return json.dumps(json.loads(line)).encode() + b"\n"


def sorted_keys(line: bytes) -> bytes:
    """As `jq -cS` would."""
    return orjson.dumps(orjson.loads(line), option=orjson.OPT_SORT_KEYS) + b"\n"


def with_nulls(line: bytes) -> bytes:
    """As a program with a schema would: what is absent is null."""
    fields = dict.fromkeys(RowResult._fields) | orjson.loads(line)
    return json.dumps(fields, indent=None).encode() + b"\n"


@given(result=results())
def test_every_field_is_read_back(result: RowResult) -> None:
    """The line is the only memory of what became of a row."""
    assert decode(encode(result)) == result


@given(many=st.lists(results(), max_size=3))
@pytest.mark.parametrize("again", [bytes, spaced, sorted_keys, with_nulls])
def test_the_patterns_find_what_parsing_finds(
    again: Callable[[bytes], bytes], many: list[RowResult]
) -> None:
    """Whoever has written the file: a line that is not found would silently not be retried."""
    lines = [again(encode(result)) for result in many]
    data = b"".join(lines)
    for outcomes in [(Outcome.UPDATED,), (Outcome.REJECTED, Outcome.UNKNOWN), tuple(Outcome)]:
        found = list(lines_with(data, outcomes))
        assert [data[one.start : one.end] for one in found] == [
            line for line, result in zip(lines, many, strict=True) if result.outcome in outcomes
        ]
        assert [decode(one.data) for one in found] == [r for r in many if r.outcome in outcomes]
        assert [row_of(one.data) for one in found] == [r.row for r in many if r.outcome in outcomes]
    assert [decode(one.data) for one in applied_lines(data)] == [
        r for r in many if r.outcome in APPLIED or r.applied_to
    ]
    assert as_encoded(data) == b"".join(map(encode, many))


@given(many=st.lists(results(), min_size=1, max_size=3))
def test_ids_are_those_of_their_line(many: list[RowResult]) -> None:
    """A participant of another line would lose an attribute that nobody has newly set."""
    data = b"".join(map(encode, many))
    assert is_as_encoded(data)
    named = [r for r in many if r.conversation_id or r.participant_id]
    found = list(ids_in(data))
    assert len(found) == len(named)
    for result, one in zip(named, found, strict=True):
        alone = ids_of(encode(result))
        assert alone is not None
        assert one[:3] == alone[:3]
        assert one.conversation.decode() == (result.conversation_id or "")
        # Nothing is asked of a row of several whose conversation nobody knows: there is none.
        who = result.participants if result.conversation_id and result.participants else None
        who = [result.participant_id] if result.participant_id else who or []
        assert [w.decode() for w in one.participants] == who
        assert was_applied(data, one) == (
            result.outcome in APPLIED or bool(result.applied_to and result.conversation_id)
        )


@given(result=results())
def test_the_patch_is_that_of_the_line(result: RowResult) -> None:
    """An undo believes what a PATCH is reported to have done."""
    known = result.conversation_id and result.participant_id and result.patch is not None
    assert patch_of(encode(result)) == (
        (result.conversation_id.encode(), result.participant_id.encode(), result.patch)
        if known and result.conversation_id and result.participant_id
        else None
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"code": 5}, {"code": "5"}),
        ({"code": {"a": 1}, "hint": ["x"], "message": None}, {}),
        ({"keys": "a", "participants": [1], "verified": 1, "patch": "7", "extra": 1}, {}),
        ({"conversation_id": True, "status": 1.5, "line": "x"}, {}),
    ],
)
def test_fields_of_another_kind_are_left_out(
    fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Somebody's edit must not end a run in a traceback, nor cost the row its line."""
    line = orjson.dumps({"row": 3, "outcome": "rejected", **fields})
    assert decode(line) == RowResult(3, 0, "", Outcome.REJECTED, "")._replace(**expected)


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"7", b'{"row":1}', b'{"row":0,"outcome":"updated"}', b"\xff"]
)
def test_what_is_no_result_is_one_kind_of_error(line: bytes) -> None:
    """Whoever reads lines has one thing to expect."""
    with pytest.raises(ValueError):  # noqa: PT011 - json's own among them
        decode(line)


any_text = st.text(st.characters(), max_size=8) | st.just("\ud800")


@given(
    names=st.lists(any_text, min_size=1, max_size=3, unique=True),
    source=any_text,
    correlation_id=st.none() | any_text,
    elapsed_s=st.floats(0, 1000),
    verified=st.none() | st.booleans(),
)
def test_the_fast_line_of_a_success_is_that_of_its_result(
    names: list[str],
    source: str,
    correlation_id: str | None,
    elapsed_s: float,
    verified: bool | None,
) -> None:
    """Whoever reads the file must not be able to tell which way a line has come."""
    row = Row(7, 8, 0, "c", "p", tuple(names), tuple("x" for _ in names))
    patch = Patch(3, (row,), dict.fromkeys(names, "x"))
    outcome = PatchOutcome(
        Outcome.UPDATED,
        status=202,
        correlation_id=correlation_id,
        attempts=1,
        elapsed_s=elapsed_s,
        verified=verified,
    )
    (slow,) = of_patch(patch, outcome, sources=[source], at="now")
    assert encode_updated(patch, outcome, source=source, at="now") == encode(slow)
