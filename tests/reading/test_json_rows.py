"""Lines of JSON become rows, and any bytes an answer."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.model import InvalidRow, Row
from batchpatch.options.fields import parse_participant
from batchpatch.options.read import ReadOptions
from batchpatch.reading.json_framing import is_blank
from batchpatch.reading.json_rows import LineMaker
from batchpatch.reading.records import Block

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"
SECRET = "topsecret"

ids = st.sampled_from([C, C, C, P, C.upper(), "", None, 7, "../x"])
leaves = st.one_of(
    st.just(SECRET),
    st.just(SECRET),
    st.sampled_from(["", f"{SECRET}\0", None, True, 12, 1.5, [SECRET], {"x": SECRET}]),
)
objects = st.one_of(
    st.dictionaries(st.sampled_from(["a", "b"]), st.just(SECRET)),
    st.dictionaries(st.sampled_from(["a", "b", "", "n\0"]), leaves, max_size=3),
    st.sampled_from([None, SECRET, [SECRET], 3]),
)
fields: dict[str, Any] = {"conversationId": ids, "participantId": ids, "attributes": objects}
sound = st.fixed_dictionaries(
    {
        "conversationId": st.just(C),
        "participantId": st.just(P),
        "attributes": st.dictionaries(st.sampled_from(["a", "b"]), st.just(SECRET), min_size=1),
    }
)
nearly = st.builds(  # sound but for one value
    lambda record, value: {**record, "attributes": {**record["attributes"], "a": value}},
    sound,
    leaves,
)
records = st.one_of(
    sound,
    nearly,
    nearly,
    st.fixed_dictionaries(fields),
    st.fixed_dictionaries(fields, optional={"id": st.just(SECRET), "attr.z": leaves}),
    st.fixed_dictionaries(fields).map(lambda record: dict(reversed(record.items()))),
    st.fixed_dictionaries(
        {
            "conversationId": ids,
            "participant": ids,
            "key": st.sampled_from(["k", 5]),
            "value": leaves,
        }
    ),
    st.fixed_dictionaries({}, optional=fields),
    st.fixed_dictionaries(
        {"conversationId": ids, "attributes": objects},
        optional={"participantId": ids, "purpose": leaves, "match.x": leaves},
    ),
    st.fixed_dictionaries(
        {
            **fields,
            "before": objects,
            "organisation": st.sampled_from(["org", "org", None, 5]),
        },
        optional={
            "region": st.sampled_from(["mypurecloud.de", None, []]),
            "blanked": st.sampled_from([["a"], [], [1], "a"]),
            "flags": st.sampled_from([["ended"], ["new"], None, "ended"]),
        },
    ),
    leaves,
)
lines = st.one_of(
    records.map(orjson.dumps),
    records.map(orjson.dumps),
    sound.map(orjson.dumps),
    st.binary(max_size=10),
    st.sampled_from([b"", b" \r", b"{", b'"\\ud800"', b"[1", b"\xff", b'{"a": NaN}']),
)
options = st.fixed_dictionaries(
    {},
    optional={
        "constants": st.just({"c": "1"}),
        "empty": st.just("set"),
        "nested": st.just("json"),
        "all_columns": st.just(True),
        "attributes": st.just(("id",)),
        "participant": st.just(parse_participant("customer")),
    },
)


def one(line: bytes | dict[str, Any], **wanted: Any) -> Row | InvalidRow:
    text = line if isinstance(line, bytes) else orjson.dumps(line)
    (row,) = LineMaker(ReadOptions(**wanted), source=0).rows(1, Block([1], [text]))
    return row


def attributes(row: Row | InvalidRow) -> dict[str, str]:
    assert isinstance(row, Row), row
    return dict(zip(row.names, row.values, strict=True))


@given(texts=st.lists(lines, max_size=8), more=st.integers(1, 3), wanted=options)
def test_every_way_to_a_row_leads_to_the_same_row(
    texts: list[bytes], more: int, wanted: dict[str, Any]
) -> None:
    """Whole columns, the fast path and the slow one are one decision, taken at three speeds."""
    texts = texts * more
    kept = [(line, text) for line, text in enumerate(texts, 2) if not is_blank(text)]
    slow = LineMaker(ReadOptions(**wanted), source=0)
    expected = [slow.slow_path(n, line, text) for n, (line, text) in enumerate(kept, 5)]
    fast = LineMaker(ReadOptions(**wanted), source=0)
    for _ in range(2):  # the second time, keys and names are known
        found = fast.rows(5, Block(range(2, 2 + len(texts)), texts))
        assert found == expected
        assert list(map(type, found)) == list(map(type, expected))
    blocks = [Block([line], [text]) for line, text in kept]
    assert [row for n, b in enumerate(blocks, 5) for row in fast.rows(n, b)] == expected


@given(texts=st.lists(lines, max_size=8), wanted=options)
def test_a_value_is_never_in_a_complaint(texts: list[bytes], wanted: dict[str, Any]) -> None:
    """Results and logs are shared; customers' data stays in the input."""
    maker = LineMaker(ReadOptions(**wanted), source=0)
    for row in maker.rows(1, Block(range(len(texts)), texts)):
        # What the sender calls the row is there to come back in the result.
        assert isinstance(row, Row) or SECRET not in str(row._replace(id=None))


@given(texts=st.lists(records.map(orjson.dumps), max_size=8))
def test_what_comes_out_can_be_sent(texts: list[bytes]) -> None:
    """Names and values are text, and nothing but text, as orjson wants it."""
    for row in LineMaker(ReadOptions(), source=0).rows(1, Block(range(len(texts)), texts)):
        if isinstance(row, Row):
            assert set(map(type, row.names + row.values)) <= {str}
            orjson.dumps(attributes(row))


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (b"{", "bad_json", "not valid JSON"),
        (b'{"a": "\\ud800"}', "bad_json", "surrogate"),
        (b'{"a": "\xff"}', "bad_json", "UTF-8"),
        (b'{"a": "K\xf6ln"}', "bad_json", "not UTF-8 text (byte 0xf6)"),
        (b"{}{}", "bad_json", "not valid JSON"),
        (b"[" * 5000, "bad_json", "not valid JSON"),
        (b"[1]", "not_an_object", "no object"),
        (b"{}", "unmapped", "no conversation column"),
        (orjson.dumps({"conversationId": C}), "unmapped", "no participant column"),
        (orjson.dumps({"conversationId": C, "participantId": P, "x": 1}), "unmapped", "attribute"),
        (
            orjson.dumps({"conversationId": C, "participantId": P, "attributes": "x"}),
            "bad_attributes",
            "no",
        ),
        (
            orjson.dumps({"conversationId": 7, "participantId": P, "attributes": {}}),
            "bad_conversation_id",
            "not a UUID",
        ),
        (
            orjson.dumps({"conversationId": C, "participantId": None, "attributes": {}}),
            "missing_participant",
            "empty",
        ),
        (
            orjson.dumps({"conversationId": C, "participantId": P, "attributes": {"a": [1]}}),
            "nested_value",
            "'a'",
        ),
    ],
)
def test_what_is_wrong_has_a_code_and_a_word(line: bytes, code: str, words: str) -> None:
    """Scripts go by the code, people by the sentence and the hint."""
    row = one(line)
    assert isinstance(row, InvalidRow)
    assert row.code == code
    assert words in row.message
    assert row.hint[0].isupper()
    assert row.hint[-1] in ".}"


def test_the_way_out_is_in_the_hint_and_not_in_the_message() -> None:
    """The message says what is missing, the hint which keys there are and which flag helps."""
    row = one({"conversationId": C, "who": P, "attributes": {}})
    assert isinstance(row, InvalidRow)
    assert row.message == "this line has no participant column"
    assert "conversationId, who, attributes" in row.hint
    assert "--map participant=who (its first rows hold ids)" in row.hint


@pytest.mark.parametrize(
    ("fields", "wanted", "sent"),
    [
        ({"attributes": {"a": "x", "b": None, "c": ""}}, {}, {"a": "x", "c": ""}),
        ({"attributes": {"c": ""}}, {}, {"c": ""}),
        ({"key": "tier", "value": ""}, {}, {"tier": ""}),
        ({"key": "tier", "value": None}, {}, {}),
        ({"attr.a": "", "attr.b": None}, {}, {"a": ""}),
        ({"tier": ""}, {"attributes": ("tier",)}, {"tier": ""}),
        ({"attributes": {"a": "x"}}, {"constants": {"a": ""}}, {"a": ""}),
        ({"attributes": {"a": None, "c": ""}}, {"empty": "set"}, {"a": "", "c": ""}),
        ({"attributes": {}}, {}, {}),
        ({"attributes": None}, {"constants": {"s": "1"}}, {"s": "1"}),
        ({"attributes": {"a": "x"}}, {"constants": {"a": "1"}}, {"a": "1"}),
        ({"key": "tier", "value": True}, {}, {"tier": "true"}),
        ({"attr.a": 5, "attributes": {"b": False}}, {}, {"b": "false", "a": "5"}),
        ({"attributes": {"a": "1", "b": "2"}, "batchpatch_skip": ["a"]}, {}, {"b": "2"}),
        ({"attributes": {"a": "1", "b": "2"}, "batchpatch_skip": "b;a"}, {}, {}),
        ({"attributes": {"a": "1", "b": 2}, "batchpatch_skip": {P: {"a": 17}}}, {}, {"b": "2"}),
        ({"attributes": {"a": "1"}, "batchpatch_skip": {C: {"a": 17}}}, {}, {"a": "1"}),
        ({"tier": "gold"}, {"attributes": ("tier",)}, {"tier": "gold"}),
        ({"attributes": {"a": {"n": [1, None]}}}, {"nested": "json"}, {"a": '{"n":[1,null]}'}),
    ],
)
def test_each_way_to_name_an_attribute(
    fields: dict[str, Any], wanted: dict[str, Any], sent: dict[str, str]
) -> None:
    """As the contract has them, with what an empty value and a constant do."""
    row = one({"conversationId": C, "participantId": P, **fields}, **wanted)
    assert attributes(row) == sent


def test_numbers_keep_their_digits_and_the_last_equal_key_wins() -> None:
    """Also where the line would take the fast path but for its numbers."""
    line = f'{{"conversationId": "x", "participantId": "{P}", "conversationId": "{C}", '
    body = '"attributes": {"a": 1.10, "b": 12345678901234567890123, "a": -0, "c": 1e5}}'
    assert attributes(one((line + body).encode())) == {
        "a": "-0",
        "b": "12345678901234567890123",
        "c": "1e5",
    }


@pytest.mark.parametrize("row_number", ["17.0", '"17"', "-1", "1" * 5000])
def test_a_skip_by_what_is_no_row_is_told(row_number: str) -> None:
    """What it said is lost, so the row must not be sent; and no number is too long to be read."""
    fields = {"conversationId": C, "participantId": P, "attributes": {"a": "1"}}
    text = orjson.dumps({**fields, "batchpatch_skip": {P: {"a": 0}}})
    row = one(text.replace(b":0}", f":{row_number}}}".encode()))
    assert isinstance(row, InvalidRow)
    assert row.code == "bad_skip"


def test_the_first_line_that_makes_sense_tells_the_mapping() -> None:
    """`check` shows how the keys were understood; a broken first line does not hide that."""
    maker = LineMaker(ReadOptions(), source=0)
    sound = {"conversationId": C, "participantId": P, "attributes": {}}
    maker.rows(1, Block([1, 2], [b'{"oops": 1}', orjson.dumps(sound)]))
    assert maker.first_mapping is not None
    assert [use.column for use in maker.first_mapping.uses] == list(sound)


def test_memory_does_not_grow_with_the_kinds_of_lines() -> None:
    """An input in which every line has other keys, or endless ones, is read all the same."""
    maker = LineMaker(ReadOptions(), source=0)
    texts = [json.dumps({f"k{n}": 1}).encode() for n in range(3000)]
    texts.append(json.dumps({"k" * 100_000: 1}).encode())
    rows = maker.rows(1, Block(range(len(texts)), texts))
    assert {row.code for row in rows if isinstance(row, InvalidRow)} == {"unmapped"}
    assert max(len(str(row)) for row in rows) < 1000
    assert len(maker._layouts) <= 1000
    maker = LineMaker(ReadOptions(), source=0)
    for number in range(3000):
        maker.rows(1, Block([1], [orjson.dumps({"purpose": str(number)})]))
    assert len(maker._layouts) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [(b'{"a": 1},', "Take the comma"), (b'{"a": 1,', "Write one"), (b",", "Write")],
)
def test_the_comma_of_an_array_is_named(text: bytes, words: str) -> None:
    """Objects cut out of an array keep theirs, and nobody looks for it behind the bracket."""
    row = LineMaker(ReadOptions(), source=0).slow_path(1, 1, text)
    assert isinstance(row, InvalidRow)
    assert row.code == "bad_json"
    assert row.hint.startswith(words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            {"call": C, "who": P, "data": {"tier": "gold"}},
            "add --map conversation=call --map participant=who --map attributes=data.",
        ),
        ({"conversationId": C, "participantId": P, "tier": "x"}, "--attributes tier"),
        ({"conversationId": C, "tier": "x"}, "For what else is missing, add --attributes tier."),
        ({"rows": [{"conversationId": C}]}, "--map conversation=COLUMN"),
    ],
)
def test_all_that_a_line_lacks_is_said_at_once(line: dict[str, Any], words: str) -> None:
    """One a try makes three tries; which keys hold ids, and which the attributes, a line shows."""
    row = LineMaker(ReadOptions(), source=0).slow_path(1, 1, orjson.dumps(line))
    assert isinstance(row, InvalidRow)
    assert words in row.hint
    assert row.hint[0].isupper()
    assert row.message[0].islower()


def test_one_thing_that_a_line_lacks_is_all() -> None:
    """What is offered for it is said once, and nothing of more that is missing."""
    line = {"conversationId": C, "participantId": P, "tier": "x", "note": "y"}
    row = LineMaker(ReadOptions(), source=0).slow_path(1, 1, orjson.dumps(line))
    assert isinstance(row, InvalidRow)
    assert row.hint.endswith(
        "Send some with --attributes tier (several: A,B), or all with --all-columns."
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a": NaN}', "no NaN and no Infinity"),
        (b'{"a": -Infinity}', "no NaN and no Infinity"),
        (b"{'a': 1}", "double quotes"),
        (b"{a: 1}", "double quotes"),
        (b"{\"a\": 'x'}", "double quotes"),
        (b'{"a": None}', "true, false and null"),
        (b'{"a": undefined}', "true, false and null"),
        (b'{"a": "NaN None"', "Write one JSON object"),
    ],
)
def test_what_other_languages_print_is_told(text: bytes, words: str) -> None:
    """`print` of a dict, and a data frame's numbers, look like JSON to those who wrote them."""
    row = LineMaker(ReadOptions(), source=0).slow_path(1, 1, text)
    assert isinstance(row, InvalidRow)
    assert words in row.hint


def test_an_object_of_many_lines_says_which_is_wrong() -> None:
    """Nobody finds a comma in three hundred lines; and the parser's words are whole."""
    maker = LineMaker(ReadOptions(), source=0)
    row = maker.slow_path(1, 8, b'{\n"a": "\xc3\xbc",\n"b" 1\n}')
    assert isinstance(row, InvalidRow)
    assert row.message.startswith("not valid JSON in lines 8 to 11: ")
    assert row.message.endswith("expected ':' after key (line 10)")
