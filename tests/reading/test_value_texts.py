"""What orjson has read is sent as the file has it, or another way is taken: never a wrong digit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchpatch.model import Row
from batchpatch.options.read import ReadOptions
from batchpatch.reading.json_rows import LineMaker
from batchpatch.reading.records import Block
from batchpatch.reading.value_texts import texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"

numbers = st.one_of(
    st.sampled_from(["0", "-0", "1", "1.0", "1.00", "1.1", "1.10", "1E5", "1e5", "100000", "-0.0"]),
    st.sampled_from(["9223372036854775807", "-9223372036854775809", "18446744073709551616"]),
    st.sampled_from(["12345678901234567890123", "1e-400", "0.1000000000000000055511151231257827"]),
    st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True),
)
texts = st.one_of(
    st.text(max_size=4).map(json.dumps),
    st.sampled_from(
        ["1.1", ": 1.1,", ':1.10}"', '": 1.10', '\\": 1.1', ":-0", "a:1", "\\u0000"]
    ).map(json.dumps),
    numbers.map(json.dumps),
)
values = st.one_of(
    numbers, numbers, texts, st.sampled_from(["true", "false", "null", '"\\ud834\\udd1e"'])
)
nested = st.one_of(values, values, values, st.builds("[{}, {}]".format, values, values))
names = st.one_of(st.sampled_from("abab"), st.sampled_from([": 1.1", "a:", "é"])).map(json.dumps)
spaces = st.sampled_from(["", "", " ", "\t", "  "])


@st.composite
def objects(draw: Any, inner: Any = nested) -> str:
    """An object as somebody may have written it, with equal keys and any white space."""
    space = draw(spaces)
    pairs = draw(st.lists(st.tuples(names, spaces, inner), max_size=4))
    return "{" + f",{space}".join(f"{n}{gap}:{space}{v}" for n, gap, v in pairs) + "}"


def exactly(text: str) -> Any:
    """Read by another library, whose numbers stay as they are."""
    return json.loads(text, parse_int=Number, parse_float=Number)


class Number(str):
    """The digits of one."""

    __slots__ = ()


def expected(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str) else None


@given(lines=st.lists(st.tuples(objects(), st.none() | values), min_size=1, max_size=4))
@example(lines=[('{"a":"x","b":1.10,"a":1.1}', None)])
@example(lines=[('{"a":"x: 1.1","b":1.10,"b":1.1}', None)])
@example(lines=[('{"a": 1.1}', "1.10"), ('{"b":1.10,"b":"x"}', None)])
@example(lines=[('{"a":0,"b":" :-0"}', None), ('{"a":-0,"b":0}', None)])
@example(lines=[('{"a":-9223372036854775809,"b":": -9223372036854775809.0"}', None)])
def test_a_text_is_that_of_the_file_or_none_is_given(lines: list[tuple[str, str | None]]) -> None:
    """For every JSON: equal keys, look-alikes in strings, exponents, `-0`, integers beyond 64 bits;
    with other numbers beside the object, or without."""
    found, objects, wholes = whole_lines(lines)
    try:
        answer = texts_of(objects, found, wholes)
    except (KeyError, TypeError):
        assert any(expected(v) is None for line in found for v in exactly_in(line).values())
        return
    if answer is not None:
        assert answer == [tuple(map(expected, exactly_in(line).values())) for line in found]


def whole_lines(
    lines: Sequence[tuple[str, str | None]],
) -> tuple[list[bytes], list[dict[str, Any]], list[dict[str, Any]]]:
    """Records, their objects, and what they are as a whole."""
    found = [
        (f'{{"o":{text}}}' if beside is None else f'{{"o":{text},"n":{beside}}}').encode()
        for text, beside in lines
    ]
    wholes = [orjson.loads(line) for line in found]
    return found, [whole["o"] for whole in wholes], wholes


def exactly_in(line: bytes) -> dict[str, Any]:
    inside: dict[str, Any] = exactly(line.decode())["o"]
    return inside


@given(
    lines=st.lists(objects(values), min_size=1, max_size=5),
    beside=st.sampled_from(["", ',"id":1.50', ',"note":"at 1:1.5"']),
)
def test_every_way_sends_the_digits_of_the_file(lines: list[str], beside: str) -> None:
    """The same through the whole stage: as a block, one by one, and the exact way behind both."""
    sound = '{"a":1.5,"b":2}'
    texts = [
        f'{{"conversationId":"{C}","participantId":"{P}","attributes":{text}{beside}}}'.encode()
        for text in [sound, *lines, *lines]
    ]
    maker = LineMaker(ReadOptions(), source=0)
    for block in (texts, texts, *[[text] for text in texts]):
        rows = maker.rows(1, Block(range(len(block)), block))
        for row, text in zip(rows, block, strict=True):
            if isinstance(row, Row):
                given = exactly(text.decode())["attributes"]
                sent = {k: expected(v) for k, v in given.items() if v is not None}
                assert dict(zip(row.names, row.values, strict=True)) == sent


@pytest.mark.parametrize(
    "attributes",
    [
        [{"n": 1.5, "s": "x"}, {"n": 2.25, "s": "y"}],
        [{"n": 1.5, "s": "at 12:30:05"}, {"n": 2, "s": "y"}],
        [{"n": 1, "f": 2.5, "g": 1e300, "t": True}],
        [{"n": 10**18}, {"n": 0, "m": -1.5}],
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_ordinary_numbers_take_the_quick_way(
    attributes: list[dict[str, Any]], separators: tuple[str, str]
) -> None:
    """A second reading of each line costs more than all the rest of `check`."""
    lines = [json.dumps({"o": one}, separators=separators).encode() for one in attributes]
    wholes = [orjson.loads(line) for line in lines]
    expected = [tuple(exactly_in(line).values()) for line in lines]
    found = texts_of([whole["o"] for whole in wholes], lines, wholes)
    assert found == [tuple(str(v) if v is not True else "true" for v in row) for row in expected]
