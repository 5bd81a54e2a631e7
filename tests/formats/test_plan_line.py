"""A line of a plan bears what its change expects, or is no line of a plan."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.formats.plan_line import (
    PlanLine,
    encode_plan_line,
    is_plan,
    may_be_plan,
    with_plan,
)
from batchpatch.model import Criterion, InvalidRow, Row, RowContext
from batchpatch.options.read import ReadOptions
from batchpatch.reading.json_rows import LineMaker
from batchpatch.reading.records import Block

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"
SECRET = "topsecret"
OTHERS = st.dictionaries(st.text(max_size=5), st.lists(st.text(max_size=5)).map(tuple), max_size=2)
PLAN: dict[str, Any] = {
    "conversationId": C,
    "participantId": P,
    "organisation": "org-id",
    "region": "mypurecloud.de",
    "before": {"tier": "silver", "note": None},
    "attributes": {"tier": "gold", "note": ""},
    "blanked": ["note"],
    "flags": ["ended", "platform_name"],
}


def one(line: dict[str, Any] | bytes, **wanted: Any) -> Row | InvalidRow:
    text = line if isinstance(line, bytes) else orjson.dumps(line)
    (row,) = LineMaker(ReadOptions(**wanted), source=0).rows(1, Block([1], [text]))
    return row


def context(line: dict[str, Any], **wanted: Any) -> RowContext | None:
    row = one(line, **wanted)
    assert isinstance(row, Row), row
    return row.context


def test_a_line_bears_what_its_change_expects() -> None:
    """Each stands alone: `grep` and `split` keep a plan valid."""
    assert one(PLAN) == Row(
        1,
        1,
        0,
        C,
        P,
        ("tier", "note"),
        ("gold", ""),
        RowContext(
            before={"tier": "silver", "note": None},
            organisation="org-id",
            region="mypurecloud.de",
            blanked=("note",),
            ended=True,
        ),
    )


@pytest.mark.parametrize("empty", ["leave", "set"])
def test_a_plan_says_exactly_what_is_to_be_written(empty: str) -> None:
    """An empty text in it is a value, whatever an empty value means in other inputs."""
    row = one({**PLAN, "attributes": {"tier": "", "note": None}}, empty=empty)
    assert isinstance(row, Row)
    sent = dict(zip(row.names, row.values, strict=True))
    assert sent == ({"tier": ""} if empty == "leave" else {"tier": "", "note": ""})


def test_what_is_left_out_or_null_is_not_known() -> None:
    """Whoever asks for the flag of a row has then to look for himself."""
    short = {key: PLAN[key] for key in ("conversationId", "participantId", "attributes")}
    expected = RowContext(before={}, organisation="o")
    assert context({**short, "organisation": "o", "before": {}}) == expected
    nulls = dict.fromkeys(("region", "blanked", "flags"))
    assert context({**short, "organisation": "o", "before": {}, **nulls}) == expected
    assert context({**short, "organisation": None, "before": {}}) == RowContext(before={})


@pytest.mark.parametrize(
    "change",
    [
        {"before": None},
        {"before": "silver"},
        {"before": []},
        {"attributes": None},
        {"attributes": f'{{"tier": "{SECRET}"}}'},
    ],
)
@pytest.mark.parametrize("absent", [False, True])
def test_other_lines_may_have_such_keys_too(change: dict[str, Any], absent: bool) -> None:
    """A CRM's own `region` stays a column that is not sent."""
    line = {**PLAN, **change, "attr.z": "1"}
    if absent:
        line = {**PLAN, "attr.z": "1"}
        line.pop("organisation" if next(iter(change)) == "attributes" else "before")
    assert one(line) == one({k: v for k, v in line.items() if k not in {"region", "before"}})
    assert getattr(one(line), "note", None) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("before", {"tier": 5}),
        ("before", {"tier": [SECRET]}),
        ("before", {"tier": True}),
        ("organisation", 5),
        ("organisation", ""),
        ("organisation", [SECRET]),
        ("region", {"x": SECRET}),
        ("blanked", "note"),
        ("blanked", [None]),
        ("blanked", {"note": 1}),
        ("flags", "ended"),
        ("flags", [["ended"]]),
        ("orBefore", ["x"]),
        ("orBefore", {"tier": 5}),
        ("orBefore", {"tier": ["x", None]}),
    ],
)
def test_a_damaged_plan_is_not_guessed_at(key: str, value: object) -> None:
    """A guard that is misread guards nothing."""
    row = one({**PLAN, key: value})
    assert isinstance(row, InvalidRow)
    assert (row.code, row.conversation_id, row.participant_id) == ("bad_plan", C, P)
    assert key in row.message
    assert "Make the plan again" in row.hint
    assert SECRET not in str(row)


def test_an_undo_of_an_earlier_release_is_understood() -> None:
    """Its input, kept in the directory, lists no values: it has one or none."""
    line = {**PLAN, "orBefore": {"tier": "bronze"}}
    found = context(line)
    assert found is not None
    assert found.or_before == {"tier": ("bronze",)} == with_plan(None, line).or_before


def test_a_plan_line_between_others_keeps_its_note() -> None:
    """Neither the same keys with other values nor the quick ways make it lose what it bears."""
    plain = {**PLAN, "before": "x"}
    maker = LineMaker(ReadOptions(), source=0)
    texts = [orjson.dumps(line) for line in (plain, plain, PLAN, plain)]
    for _ in range(2):
        rows = maker.rows(1, Block(range(4), texts))
        contexts = [row.context is not None for row in rows if isinstance(row, Row)]
        assert contexts == [False, False, True, False]


def test_all_columns_do_not_send_what_a_plan_bears() -> None:
    """It has a use; but a column that the user names is sent all the same, and so is a key of
    that name in a line of something else."""
    maker = LineMaker(ReadOptions(all_columns=True), source=0)
    other = {key: value for key, value in PLAN.items() if key not in {"blanked", "flags"}}
    befores: list[object] = [{}, "x", {}]
    texts = [orjson.dumps({**other, "before": before}) for before in befores]
    names = [row.names for row in maker.rows(1, Block(range(3), texts)) if isinstance(row, Row)]
    assert names == [
        ("tier", "note"),
        ("tier", "note", "organisation", "region", "before"),
        ("tier", "note"),
    ]
    row = one({**PLAN, "extra": "e"}, all_columns=True)
    assert isinstance(row, Row)
    assert row.names == ("tier", "note", "extra")
    row = one(PLAN, attributes=("region",))
    assert isinstance(row, Row)
    assert row.names == ("tier", "note", "region")
    assert row.context is not None
    assert row.context.region == "mypurecloud.de"


def test_check_says_what_the_keys_of_a_plan_are() -> None:
    """They are not among what is not sent."""
    maker = LineMaker(ReadOptions(), source=0)
    maker.rows(1, Block([1], [orjson.dumps(PLAN)]))
    assert maker.first_mapping is not None
    uses = {use.column: use.use for use in maker.first_mapping.uses}
    assert uses["before"] == "plan: values before"
    assert {use[:5] for key, use in uses.items() if key in PLAN and "plan" in use} == {"plan:"}
    assert "not sent" not in uses.values()


def test_a_plan_may_name_its_participant_by_a_selector() -> None:
    """Both are said of one row, and neither displaces the other."""
    line = {**PLAN, "participantId": "", "purpose": "customer"}
    expected = context(PLAN)
    assert expected is not None
    assert context(line) == expected._replace(selector=(Criterion("purpose", "customer"),))


def test_a_row_of_a_plan_that_failed_is_a_line_of_a_plan() -> None:
    """It bears the same expectations when it is sent again, without what is newer."""
    row = one({**PLAN, "batchpatch_error": "x", "batchpatch_skip": ["tier"]})
    assert isinstance(row, Row)
    assert row.names == ("note",)
    assert row.context == context(PLAN)


@given(
    before=st.dictionaries(st.text(max_size=3), st.none() | st.text(max_size=3), max_size=3),
    wanted=st.dictionaries(st.text("ab", min_size=1), st.text("xyz", max_size=3), max_size=3),
    blanked=st.lists(st.text(max_size=3), max_size=2),
    ended=st.booleans(),
)
def test_what_was_planned_is_what_is_read(
    before: dict[str, str | None], wanted: dict[str, str], blanked: list[str], ended: bool
) -> None:
    """Any names and values come back: the empty text, the absent value, any script."""
    line = {**PLAN, "before": before, "attributes": wanted, "blanked": blanked}
    row = one({**line, "flags": ["platform_name", *["ended"] * ended]})
    assert isinstance(row, Row)
    assert dict(zip(row.names, row.values, strict=True)) == wanted
    assert row.context is not None
    assert (row.context.before, row.context.blanked) == (before, tuple(blanked))
    assert row.context.ended is (True if ended else None)


TEXT = st.text(max_size=5)
LINES = st.builds(
    PlanLine,
    TEXT,
    TEXT,
    st.dictionaries(TEXT, TEXT, max_size=3),
    st.dictionaries(TEXT, st.none() | TEXT, max_size=3),
    st.none() | st.text(min_size=1, max_size=5),
    st.sampled_from(["attributes", "wrapup"]),
    region=TEXT,
    flags=st.lists(st.sampled_from(["ended", "platform_name"]), unique=True),
    blanked=st.lists(TEXT, max_size=2),
    or_before=OTHERS,
)


@given(LINES)
def test_a_line_is_read_as_it_was_written(line: PlanLine) -> None:
    """Writer and reader know the same keys: a guard that is not read guards nothing."""
    fields = json.loads(encode_plan_line(line))
    assert is_plan(fields, line.key)
    assert may_be_plan(list(fields))
    assert fields[line.key] == line.attributes
    assert with_plan(None, fields) == RowContext(
        before=line.before,
        organisation=line.organisation,
        region=line.region or None,
        or_before=line.or_before or None,
        blanked=tuple(line.blanked),
        ended=True if "ended" in line.flags else None,
    )
