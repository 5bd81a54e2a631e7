"""Records become rows: three ways, one result, and no value ever leaks into a complaint."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.model import InvalidRow, Row
from batchpatch.options.fields import parse_participant
from batchpatch.options.read import ReadOptions
from batchpatch.reading.csv_records import is_blank
from batchpatch.reading.mapping import map_columns
from batchpatch.reading.records import Block
from batchpatch.reading.row_errors import bad_quotes
from batchpatch.reading.rows import RowMaker

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"
SECRET = "topsecret"  # in every value that the tests below could leak

ids = st.sampled_from([C, P, C.upper(), f"{{{P}}}", f" {C}", f"../{C}", "", "x"])
often_id = st.one_of(st.just(C), st.just(P), ids)
cells = st.one_of(
    st.just(SECRET),
    st.sampled_from(["", f"{SECRET}\0", f" {SECRET}", f'{{"x": ["{SECRET}"]}}']),
)
HEADERS: list[list[str]] = [
    ["conversationId", "participantId", "attr.a"],
    ["attr.a", "participantId", "note", "conversationId", "attr.b"],
    ["conversationId", "participantId", "attributes"],
    ["conversationId", "participantId", "key", "value", "attr.z"],
    ["conversationId", "participantId", "attr.a", "attr.b", "batchpatch_skip"],
    ["conversationId", "purpose", "attr.a"],
    ["conversationId", "participantId", "purpose", "match.b", "attr.a"],
    ["ani", "userId", "externalId", "attr.a", "conversationId"],
]
options = st.fixed_dictionaries(
    {},
    optional={
        "constants": st.sampled_from([{"c": "1"}, {"a": "set"}, {"c": ""}]),
        "empty": st.just("set"),
        "nested": st.just("json"),
        "only_keys": st.just(frozenset("abc")),
        "participant": st.just(parse_participant("customer")),
    },
)


def maker(header: list[str], **wanted: Any) -> RowMaker:
    choice = ReadOptions(**wanted)
    return RowMaker(map_columns(header, choice, name="x"), choice, source=0)


def one(header: list[str], *record: str, **wanted: Any) -> Row | InvalidRow:
    (row,) = maker(header, **wanted).rows(1, Block([1], [list(record)]))
    return row


def attributes(row: Row | InvalidRow) -> dict[str, str]:
    assert isinstance(row, Row), row
    return dict(zip(row.names, row.values, strict=True))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[str], list[Any], dict[str, Any]]:
    """A header, records that may fit it, and options."""
    header = draw(st.sampled_from(HEADERS))
    wanted = draw(options)
    if "only_keys" in wanted:
        wanted.pop("constants", None)
    kinds = {"conversationId": often_id, "participantId": often_id}
    # Names are no values: messages may show them.
    kinds |= {
        "key": st.sampled_from(["k", "", "a"]),
        "batchpatch_skip": st.sampled_from(["", "a;b"]),
        "purpose": st.sampled_from(["customer", "customer", "Agent ", "", " "]) | cells,
        "userId": ids | cells,
    }
    sound = st.tuples(*(kinds.get(column, cells) for column in header)).map(list)
    broken = st.lists(cells, max_size=6) | st.just(bad_quotes(1, 2))
    return header, draw(st.lists(st.one_of(sound, sound, sound, broken), max_size=8)), wanted


@given(scene=scenes(), more=st.integers(0, 3))
def test_every_way_to_a_row_leads_to_the_same_row(
    scene: tuple[list[str], list[Any], dict[str, Any]], more: int
) -> None:
    """Whole columns, the fast path and the slow one are one decision, taken at three speeds."""
    header, records, wanted = scene
    records = records * (1 + more)
    kept = [(line, record) for line, record in enumerate(records, 2) if not is_blank(record)]
    slow = maker(header, **wanted)
    expected = [slow.slow_path(n, line, record) for n, (line, record) in enumerate(kept, 5)]
    block = Block(range(2, 2 + len(records)), records, plain="\\x00" not in str(records))
    fast = maker(header, **wanted)
    for _ in range(2):  # the second time, the names are known
        found = fast.rows(5, block)
        assert found == expected
        assert list(map(type, found)) == list(map(type, expected))
    blocks = [Block([line], [record], block.plain) for line, record in kept]
    assert [row for n, b in enumerate(blocks, 5) for row in fast.rows(n, b)] == expected


@given(scene=scenes())
def test_a_value_is_never_in_a_complaint(
    scene: tuple[list[str], list[Any], dict[str, Any]],
) -> None:
    """Results and logs are shared; customers' data stays in the input. What stands in the place
    of an id is shown, for else nobody finds what is wrong with it."""
    header, records, wanted = scene
    block = Block(range(len(records)), records, plain=False)
    for row in maker(header, **wanted).rows(1, block):
        if isinstance(row, InvalidRow):
            said = row._replace(message=row.message.partition("id is not a UUID: ")[0])
            assert SECRET not in str(said)
            assert {row.conversation_id, row.participant_id} <= {None, C, P}


@pytest.mark.parametrize(
    ("record", "code", "message"),
    [
        ([C, P], "ragged", "2 cells where the header has 3 columns"),
        ([C, P, "a", "b"], "ragged", "4 cells where"),
        ([C, P, "a\nb\r\nc", "b"], "ragged", "in lines 1 to 3"),
        (["", P, "a"], "missing_conversation", "conversation id is empty"),
        ([C, "", "a"], "missing_participant", "participant id is empty"),
        ([C, " ", "a"], "missing_participant", "participant id is empty"),
        (["x", P, "a"], "bad_conversation_id", "conversation id is not a UUID"),
        ([C, f"../{P}", "a"], "bad_participant_id", "participant id is not a UUID"),
        ([C, P, "a\0b"], "nul_character", "NUL"),
    ],
)
def test_what_is_wrong_has_a_code_and_a_word(record: list[str], code: str, message: str) -> None:
    """Scripts go by the code, people by the sentence and the hint."""
    (row,) = maker(HEADERS[0]).rows(1, Block([1], [record], plain=False))
    assert isinstance(row, InvalidRow)
    assert row.code == code
    assert message in row.message
    assert row.hint.endswith(".")


def test_a_sound_id_of_an_invalid_row_is_kept() -> None:
    """The report says which conversation a row with a broken participant is about."""
    row = one(HEADERS[0], C.upper(), "oops", "a")
    assert isinstance(row, InvalidRow)
    assert (row.conversation_id, row.participant_id) == (C, None)


def test_delimiters_at_the_end_of_a_line_do_no_harm() -> None:
    """Spreadsheets add them; nothing is in those cells."""
    assert attributes(one(HEADERS[0], C, P, "x", "", "")) == {"a": "x"}


def test_spellings_of_an_id_are_one_participant() -> None:
    """Merging and order go by the id, so it is normalised before anything compares it."""
    row = one(HEADERS[0], f"{{{C.upper()}}}", f" {P} ", "x")
    assert (row.conversation_id, row.participant_id) == (C, P)


@pytest.mark.parametrize(
    ("wanted", "given", "sent"),
    [
        ({}, ["1.10", ""], {"a": "1.10"}),
        ({}, ["", ""], {}),
        ({"empty": "set"}, ["x", ""], {"a": "x", "b": ""}),
        ({"constants": {"a": "1", "c": ""}}, ["x", ""], {"a": "1", "c": ""}),
        ({"constants": {"c": "1"}}, ["", "y"], {"b": "y", "c": "1"}),
    ],
)
def test_empty_cells_and_constants(
    wanted: dict[str, Any], given: list[str], sent: dict[str, str]
) -> None:
    """An empty cell leaves its attribute alone unless asked; a constant is always sent."""
    record = [given[0], P, "note", C, given[1]]
    assert attributes(one(HEADERS[1], *record, **wanted)) == sent


@pytest.mark.parametrize(
    ("cell", "sent"),
    [
        ('{"n": 1.10, "t": true, "x": null, "s": "v"}', {"n": "1.10", "t": "true", "s": "v"}),
        (" ", {}),
        ('{"a": 1, "a": 2}', {"a": "2"}),
        ('{"a": "", "b": null}', {"a": ""}),
        ('\ufeff{"a": 1}\u200b', {"a": "1"}),
        ("null", {}),
    ],
)
def test_one_column_may_hold_an_object(cell: str, sent: dict[str, str]) -> None:
    """As exports of the platform's own have it; numbers keep their digits there too."""
    assert attributes(one(HEADERS[2], C, P, cell)) == sent


@pytest.mark.parametrize("cell", ["[1]", "{", "plain", '"text"', '{"a": "\ud800"}', "1"])
def test_an_attributes_cell_that_is_no_object_is_told(cell: str) -> None:
    """It names the mistake and not the content."""
    row = one(HEADERS[2], C, P, cell)
    assert isinstance(row, InvalidRow)
    assert row.code == "bad_attributes"


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("NULL", "--null 'NULL'"),
        ("{'a': 'x'}", "double quotes"),
        ('{"a": NaN}', "no NaN"),
        ('{"a": "x",}', "Its JSON is broken: trailing comma"),
        (r"{\"a\": 1}", "--escape"),
        ("tier=gold", "Write it as an object"),
        ("[1]", "Write it as an object"),
    ],
)
def test_an_attributes_cell_says_what_to_do(cell: str, hint: str) -> None:
    """As a line of JSONL does; most such cells were made by a script."""
    row = one(HEADERS[2], C, P, cell)
    assert isinstance(row, InvalidRow)
    assert hint in row.hint


def test_a_pair_names_its_attribute_in_the_row() -> None:
    """Long tables have a row for each attribute; an empty key is no name."""
    assert attributes(one(HEADERS[3], C, P, "tier", "gold", "z")) == {"tier": "gold", "z": "z"}
    assert attributes(one(HEADERS[3], C, P, "tier", "", "z")) == {"z": "z"}
    row = one(HEADERS[3], C, P, " ", "gold", "")
    assert isinstance(row, InvalidRow)
    assert row.code == "empty_name"


@pytest.mark.parametrize(
    ("skip", "sent"),
    [("", "ab"), ("a", "b"), ("a;b", ""), (" b ; x", "a"), ('["a"]', "b"), (' ["a", "b"]', "")],
)
def test_names_to_skip_are_not_sent(skip: str, sent: str) -> None:
    """Old never beats new: what a later row has applied is left out when a row is sent again."""
    assert set(attributes(one(HEADERS[4], C, P, "1", "2", skip))) == set(sent)


@pytest.mark.parametrize("skip", ["[1]", "[", "[[]]"])
def test_an_edited_skip_list_is_not_guessed_at(skip: str) -> None:
    """Guessing wrong would overwrite a newer value."""
    row = one(HEADERS[4], C, P, "1", "2", skip)
    assert isinstance(row, InvalidRow)
    assert row.code == "bad_skip"


def test_a_name_that_is_not_allowed_makes_the_row_invalid() -> None:
    """Only where the row would send it: an empty cell sends nothing."""
    wanted = {"only_keys": frozenset("a")}
    assert attributes(one(HEADERS[1], "x", P, "", C, "", **wanted)) == {"a": "x"}
    row = one(HEADERS[1], "x", P, "", C, "y", **wanted)
    assert isinstance(row, InvalidRow)
    assert row.code == "unexpected_key"
    assert "'b'" in row.message


def test_rows_share_their_names() -> None:
    """Whichever way they came, a waiting row costs no tuple of names of its own."""
    make = maker(HEADERS[1])
    records = [["x", P, "", C, ""], ["x", P.upper(), "", C, ""], ["x", P, "", C, "y"]]
    rows = make.rows(1, Block(range(3), records)) + make.rows(4, Block(range(3), records))
    names = [row.names for row in rows if isinstance(row, Row)]
    assert len(names) == 6
    assert len({id(used) for used in names}) == 2
