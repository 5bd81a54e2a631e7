"""What a row says of itself: the id that its result bears, its priority, its deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import InputError
from batchpatch.model import InvalidRow, Row, RowContext
from batchpatch.options.fields import parse_participant
from batchpatch.options.read import ReadOptions
from batchpatch.reading.csv_records import is_blank
from batchpatch.reading.json_rows import LineMaker
from batchpatch.reading.mapping import map_columns
from batchpatch.reading.records import Block
from batchpatch.reading.rows import RowMaker

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[..., list[Row | InvalidRow]]

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"
SOUND: dict[str, Any] = {"conversationId": C, "participantId": P, "attributes": {"a": "x"}}
WORDS = {"columns": {"id": "Ticket", "priority": "How", "deadline": "By"}}


def one(line: bytes | dict[str, Any], **wanted: Any) -> Row | InvalidRow:
    """The row of one line of JSON."""
    text = line if isinstance(line, bytes) else orjson.dumps(line)
    (row,) = LineMaker(ReadOptions(**wanted), source=0).rows(1, Block([1], [text]))
    return row


def said(row: Row | InvalidRow) -> tuple[str | None, bool, float | None]:
    """Id, urgency and deadline of a row that is valid."""
    assert isinstance(row, Row), row
    context = row.context or RowContext()
    return context.id, context.urgent, context.deadline_s


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (b"", (None, False, None)),
        (b'"id":"t-1"', ("t-1", False, None)),
        (b'"id":" t 1 "', (" t 1 ", False, None)),
        (b'"id":17', ("17", False, None)),
        (b'"id":1.10', ("1.10", False, None)),
        (b'"id":-0', ("-0", False, None)),
        (b'"id":123456789012345678901234567890', ("123456789012345678901234567890", False, None)),
        (b'"id":""', (None, False, None)),
        (b'"id":null,"priority":null,"deadline":null', (None, False, None)),
        (b'"priority":"high"', (None, True, None)),
        (b'"priority":" HIGH"', (None, True, None)),
        (b'"priority":"Normal"', (None, False, None)),
        (b'"deadline":"1m30s"', (None, False, 90.0)),
        (b'"deadline":"1.5"', (None, False, 1.5)),
        (b'"deadline":1.5', (None, False, 1.5)),
        (b'"deadline":2e1', (None, False, 20.0)),
        (b'"deadline":0', (None, False, 0.0)),
        (b'"id":"t","priority":"high","deadline":30', ("t", True, 30.0)),
    ],
)
def test_a_line_says_it_under_these_keys(
    more: bytes, expected: tuple[str | None, bool, float | None]
) -> None:
    """A number is what stands in the file: a sender compares the text of its id."""
    line = orjson.dumps(SOUND)[:-1] + (b"," + more if more else b"") + b"}"
    assert said(one(line)) == expected


def test_a_row_that_says_nothing_of_itself_has_no_context() -> None:
    """Such rows are nearly all there are, and must cost nothing."""
    for more in ({}, {"id": None}, {"priority": "normal"}):
        row = one({**SOUND, **more})
        assert isinstance(row, Row)
        assert row.context is None


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"id": True}, "bad_id"),
        ({"id": ["t"]}, "bad_id"),
        ({"id": {"t": 1}}, "bad_id"),
        ({"id": "t" * 1001}, "bad_id"),
        ({"priority": "urgent"}, "bad_priority"),
        ({"priority": 1}, "bad_priority"),
        ({"priority": True}, "bad_priority"),
        ({"deadline": "soon"}, "bad_deadline"),
        ({"deadline": -1}, "bad_deadline"),
        ({"deadline": True}, "bad_deadline"),
        ({"deadline": "9" * 10}, "bad_deadline"),
        ({"deadline": [30]}, "bad_deadline"),
    ],
)
def test_what_cannot_be_understood_is_an_invalid_row(more: dict[str, Any], code: str) -> None:
    """Sent without a guess it would come too late, or answer nobody."""
    row = one({**SOUND, "id": "t", **more})
    assert isinstance(row, InvalidRow)
    assert (row.code, row.id) == (code, None if code == "bad_id" else "t")
    assert row.hint.startswith("Write ")


@pytest.mark.parametrize(
    "line",
    [
        {**SOUND, "conversationId": "x"},
        {**SOUND, "participantId": ""},
        {**SOUND, "attributes": {"a": ["x"]}},
        {"conversationId": C, "participantId": P},
        {"attributes": {"a": "x"}},
    ],
)
def test_an_invalid_row_bears_its_id(line: dict[str, Any]) -> None:
    """Whoever waits for an answer gets one, above all where something is wrong."""
    for name in ("t", 17):
        row = one({**line, "id": name})
        assert isinstance(row, InvalidRow)
        assert row.id == str(name)


@pytest.mark.parametrize(
    ("wanted", "keys", "names"),
    [
        ({"all_columns": True}, ["id", "priority", "deadline"], ["id", "priority", "deadline"]),
        ({"attributes": ("id", "priority")}, ["id", "priority"], ["id", "priority"]),
        ({"attributes": ("ID",)}, ["id"], ["id"]),
        ({"columns": {"attr.b": "id"}}, ["id"], ["b"]),
    ],
)
def test_what_was_asked_for_as_an_attribute_is_one(
    wanted: dict[str, Any], keys: list[str], names: list[str]
) -> None:
    """Inputs whose key of that name means something else were sent so before."""
    row = one({**SOUND, **dict.fromkeys(keys, "low")}, **wanted)
    assert isinstance(row, Row)
    assert (row.names, row.context) == (("a", *names), None)


def test_a_line_may_lack_the_key_that_was_named() -> None:
    """Rows say of themselves what they want to; a key that is named takes the usual one's place."""
    assert said(one({**SOUND, "ticket": "t", "id": "7"}, columns={"id": "ticket"}))[0] == "t"
    assert said(one({**SOUND, "id": "7"}, columns={"id": "ticket"}))[0] is None
    assert said(one({**SOUND, "priority": "low"}, columns={"priority": "-"})) == (None, False, None)


def test_the_columns_of_a_csv_are_those_that_were_named(read: Read) -> None:
    """A table often has an `id`; taking it unasked would change what its column means."""
    head = "conversationId,participantId,attr.a,id,priority,deadline\n"
    data = f"{head}{C},{P},x,7,low,friday\n".encode()
    (row,) = read(data)
    assert said(row) == (None, False, None)
    data = f"{head}{C},{P},x,7,High,30s\n{C},{P},x,,,\n".encode()
    columns = {name: name for name in ("id", "priority", "deadline")}
    rows = read(data, columns=columns, deadline_s=5.0)
    assert list(map(said, rows)) == [("7", True, 30.0), (None, False, 5.0)]
    (row, _) = read(data, columns={"id": "id"}, attributes=("id",))
    assert isinstance(row, Row)
    assert (row.id, row.names) == ("7", ("a", "id"))
    with pytest.raises(InputError, match=r"--map priority=Prio: .* has no such column"):
        read(data, columns={"priority": "Prio"})


def test_a_deadline_of_all_rows_is_that_of_those_without_one() -> None:
    """What a row says of itself is nearer to what its sender wants."""
    assert said(one(SOUND, deadline_s=5.0)) == (None, False, 5.0)
    assert said(one({**SOUND, "deadline": "1m"}, deadline_s=5.0)) == (None, False, 60.0)
    row = one({"conversationId": C, "attributes": {"a": "x"}, "id": "t"},
              participant=parse_participant("customer"), deadline_s=5.0)  # fmt: skip
    assert isinstance(row, Row)
    assert row.context == RowContext(
        parse_participant("customer"), id="t", urgent=False, deadline_s=5.0
    )


def test_the_line_of_a_plan_says_it_too() -> None:
    """Whoever edits a plan may put a word to a line; what it was made for stays with it."""
    plan = {**SOUND, "before": {"a": "w"}, "organisation": None, "id": "t", "priority": "high"}
    row = one(plan)
    assert said(row) == ("t", True, None)
    assert isinstance(row, Row)
    assert row.context is not None
    assert row.context.before == {"a": "w"}


def test_check_says_what_these_columns_are_for() -> None:
    """What is used is to be seen before it is sent."""
    header = ["conversationId", "participantId", "attr.a", "Ticket", "How", "By"]
    mapping = map_columns(header, ReadOptions(**WORDS, attributes=("Ticket",)), name="x")
    assert [use.use for use in mapping.uses[3:]] == [
        "attribute Ticket; id of the row, for its result",
        "priority of the row: high or normal",
        "deadline of the row",
    ]


values: dict[str, st.SearchStrategy[Any]] = {
    "id": st.sampled_from(["t1", "t2", 7, 0, 1.5, "", None, True, ["t"]]),
    "priority": st.sampled_from(["high", "Normal", "", None, "low", 1]),
    "deadline": st.sampled_from(["30s", 30, 1.5, "", None, "x", -1, False]),
}
objects = st.one_of(
    st.fixed_dictionaries({name: st.just(value) for name, value in SOUND.items()}, optional=values),
    st.fixed_dictionaries({"id": values["id"], **{n: st.just(v) for n, v in SOUND.items()}}),
    st.fixed_dictionaries(
        {"conversationId": st.just(C), "attributes": st.just({"a": "x"})}, optional=values
    ),
    st.fixed_dictionaries(
        {"conversationId": st.just(C), "attributes": st.just({"a": "x", "b": 2})}, optional=values
    ),
)
options = st.fixed_dictionaries(
    {},
    optional={
        "deadline_s": st.just(9.0),
        "participant": st.just(parse_participant("customer")),
        "columns": st.sampled_from([{"id": "priority"}, {"id": "conversationId"}]),
        "attributes": st.just(("id",)),
    },
)


@given(records=st.lists(objects, max_size=6), more=st.integers(1, 3), wanted=options)
def test_every_way_to_a_row_of_json_leads_to_the_same_row(
    records: list[dict[str, Any]], more: int, wanted: dict[str, Any]
) -> None:
    """Whole columns, the fast path and the slow one are one decision, taken at three speeds."""
    texts = list(map(orjson.dumps, records)) * more
    slow = LineMaker(ReadOptions(**wanted), source=0)
    expected = [slow.slow_path(n, n, text) for n, text in enumerate(texts, 1)]
    fast = LineMaker(ReadOptions(**wanted), source=0)
    block = Block(range(1, len(texts) + 1), texts)
    for _ in range(2):  # the second time, keys and names are known
        assert fast.rows(1, block) == expected
    assert [r for n, text in enumerate(texts, 1) for r in fast.rows(n, Block([n], [text]))] == (
        expected
    )


HEADER = ["conversationId", "participantId", "Ticket", "How", "By", "attr.a"]
cells = st.tuples(
    st.just(C),
    st.sampled_from([P, P, P, "", "x"]),
    st.sampled_from(["t1", "t2", "", " ", "none"]),
    st.sampled_from(["high", "Normal", "", "low", "none"]),
    st.sampled_from(["30s", "30", "", "x", "none"]),
    st.sampled_from(["x", "x", ""]),
).map(list)


@given(
    records=st.lists(cells, max_size=6),
    wanted=st.fixed_dictionaries(
        {"columns": st.sampled_from([WORDS["columns"], {"id": "Ticket"}, {"priority": "How"}, {}])},
        optional={
            "deadline_s": st.just(9.0),
            "null": st.just(("none",)),
            "participant": st.just(parse_participant("customer")),
        },
    ),
)
def test_every_way_to_a_row_of_csv_leads_to_the_same_row(
    records: list[list[str]], wanted: dict[str, Any]
) -> None:
    """The same for cells."""
    choice = ReadOptions(**wanted)
    mapping = map_columns(HEADER, choice, name="x")
    slow, fast = (RowMaker(mapping, choice, source=0) for _ in range(2))
    kept = [record for record in records if not is_blank(record)]
    expected = [slow.slow_path(n, n, record) for n, record in enumerate(kept, 1)]
    for _ in range(2):
        assert fast.rows(1, Block(range(1, len(kept) + 1), kept)) == expected


def test_lines_of_several_shapes_all_take_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few urgent rows must not make the others slow."""
    maker = LineMaker(ReadOptions(), source=0)
    shapes = [SOUND, {**SOUND, "id": "t"}, {**SOUND, "id": "t", "priority": "high"}]
    texts = list(map(orjson.dumps, shapes))
    expected = maker.rows(1, Block([1, 2, 3], texts))
    monkeypatch.setattr(maker, "slow_path", None)  # calling it would raise
    assert maker.rows(1, Block([1, 2, 3], texts)) == expected
    for text in texts:
        assert len(maker.rows(1, Block([1, 2], [text, text]))) == 2
