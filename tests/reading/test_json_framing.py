"""Objects are found wherever they begin and end, and a broken one swallows no neighbour."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.model import InvalidRow
from batchpatch.options.read import ReadOptions
from batchpatch.reading import json_framing
from batchpatch.reading.json_framing import Framed, Framer
from batchpatch.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., str]

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"

texts = st.text(alphabet='{}[]",:\\ \n\r\x1aaé', max_size=6)
values = st.recursive(
    st.none() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, values, max_size=3)
indents: st.SearchStrategy[int | str | None] = st.sampled_from([None, None, 0, 1, 2, "\t"])
laid_out = st.builds(lambda value, indent: json.dumps(value, indent=indent), objects, indents)
between = st.sampled_from(["\n", "\n", "\r\n", "\n\n", "\n \n", "\n\ufeff"])


def frame(text: str, *cuts: int) -> list[Framed]:
    """The records of a text, whose lines come in pieces."""
    lines = text.encode().split(b"\n")
    framer, found, at = Framer(), [], 0
    for cut in [*sorted(cut % (len(lines) + 1) for cut in cuts), len(lines)]:
        found += framer.frame(at + 1, lines[at:cut])
        at = cut
    return found + framer.finish()


@given(laid=st.lists(laid_out, max_size=5), gap=st.sampled_from(["\n", "", " ", "\r\n", "\n\n\t"]))
def test_objects_are_found_however_they_are_laid_out(laid: list[str], gap: str) -> None:
    """On a line each, pretty-printed, without indentation, or one behind the other."""
    found = [json.loads(text) for _, text in frame(gap.join(laid))]
    assert found == list(map(json.loads, laid))


@given(
    before=st.lists(laid_out, max_size=3),
    after=st.lists(laid_out, max_size=3),
    victim=laid_out,
    gap=between,
    place=st.integers(0),
    gone=st.integers(0, 40),
    new=st.sampled_from(["", "", "{", "[", '"', ":", ",", "}", "]", "\\", '{"a":[', "x"]),
)
def test_a_broken_one_swallows_no_neighbour(
    before: list[str],
    after: list[str],
    victim: str,
    gap: str,
    place: int,
    gone: int,
    new: str,
) -> None:
    """Cut off anywhere, or with a quote or a bracket too many: who comes next is a row."""
    at = place % (len(victim) + 1)
    broken = victim[:at] + new + victim[at + gone :]
    found = [text for _, text in frame(gap.join([*before, broken, *after]))]
    known = [_value_of(text) for text in found]
    assert known[: len(before)] == list(map(json.loads, before))
    assert not after or known[-len(after) :] == list(map(json.loads, after))


def _value_of(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


@given(
    laid=st.lists(laid_out | st.text(alphabet='{}[]",:\\ \n1', max_size=8), max_size=8),
    cuts=st.lists(st.integers(0), max_size=5),
)
def test_records_do_not_depend_on_the_pieces_in_which_lines_come(
    laid: list[str], cuts: list[int]
) -> None:
    """Rows are numbered, and failed rows cut out of a second reading: both must count alike."""
    text = "\n".join(laid)
    assert frame(text, *cuts) == frame(text)


@given(laid=st.lists(laid_out | st.text(alphabet='{}[]",:\\ \n1', max_size=8), max_size=8))
def test_nothing_is_left_out(laid: list[str]) -> None:
    """Never a silent skip: all but white space is in some record, in its order."""
    text = "\n".join(laid)
    found = b"".join(b"".join(record.split()) for _, record in frame(text))
    assert found == b"".join(text.encode().replace(b"\x1a", b"").split())


@given(
    laid=st.lists(laid_out | st.sampled_from(["", "{", "}", "x", '{"a": 1,']), max_size=8),
    kept=st.sampled_from([1, 1, 2, 300]),
)
def test_a_file_is_read_as_its_lines_are_framed(write: Write, laid: list[str], kept: int) -> None:
    """The usual way, on which whole pieces are parsed at once, finds the same records."""
    data = "\n".join([*laid[:1], *laid] * kept)
    if data.lstrip(" \t\r\n\ufeff").startswith("[") or not data.strip():
        return
    reader = Reader([write(data.encode(), "a.jsonl")], ReadOptions(limit=900))
    lines = [row.line for batch in reader for row in batch.rows]
    assert lines == [line for line, _ in frame(data)][:900]


def row(value: str, **layout: Any) -> str:
    fields = {"conversationId": C, "participantId": P, "attributes": {"a": value}}
    return json.dumps(fields, **layout)


def test_a_broken_object_is_told_with_its_lines(read: Callable[..., Any]) -> None:
    """Whoever mends it has to find it; the rows around it have the lines on which they begin."""
    broken = row("x", indent=2).replace('"x"', '"x')
    data = "\n".join([row("1", indent=2), broken, "", row("2"), row("3", indent=0)])
    first, second, *others = read(data.encode(), "a.jsonl")
    assert (first.line, first.values) == (1, ("1",))
    assert isinstance(second, InvalidRow)
    assert (second.line, second.code) == (8, "bad_json")
    assert "in lines 8 to 14" in second.message
    assert [(one.line, one.values) for one in others] == [(16, ("2",)), (17, ("3",))]


def test_a_value_with_a_line_break_in_it_is_one_broken_row(read: Callable[..., Any]) -> None:
    """JSON has no line breaks in strings; whoever glued the line together wrote one row."""
    data = "\n".join([row("1"), row("first\nsecond").replace("\\n", "\n"), row("2")])
    assert [one.line for one in read(data.encode(), "a.jsonl")] == [1, 2, 4]


def test_objects_of_one_line_share_it(read: Callable[..., Any]) -> None:
    """As some logs have them; each is a row of its own."""
    rows = read((row("1") + row("2") + " " + row("3")).encode(), "a.jsonl")
    assert [(one.line, one.values) for one in rows] == [(1, ("1",)), (1, ("2",)), (1, ("3",))]


def test_a_mark_where_files_were_joined_is_not_part_of_a_line(read: Callable[..., Any]) -> None:
    """Each export begins with its byte order mark, and the rows are sound; so is a Ctrl-Z."""
    data = f"\ufeff{row('1')}\n\ufeff{row('2')}\n\ufeff{row('3', indent=1)}\n\x1a\n"
    assert [one.values for one in read(data.encode(), "a.jsonl")] == [("1",), ("2",), ("3",)]


def test_an_object_without_end_is_bounded(
    read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is never closed is not kept for ever, and what follows it is read."""
    monkeypatch.setattr(json_framing, "MAX_RECORD_BYTES", 2000)
    framer = Framer()
    framer.frame(1, [b'{"a": ['])
    for number in range(1000):
        framer.frame(2 + number, [b"  1234567,"])
        assert sum(map(len, framer._held)) <= 2000 + 20
    assert not framer._found
    data = row("1") + '\n{"a": [\n' + "  1234567,\n" * 150 + row("2") + "\n" + row("3")
    assert [one.line for one in read(data.encode(), "a.jsonl")] == [1, 2, 153, 154]


@pytest.mark.parametrize("line_end", [" ", "\n"])
def test_a_large_object_is_told_to_be_too_large(read: Callable[..., Any], line_end: str) -> None:
    """Valid JSON, but more than any row can need: the reason is its size."""
    large = row("x" * (17 << 20)).replace(" ", line_end)
    rows = read(f"{row('1')}\n{large}\n{row('2')}".encode(), "a.jsonl")
    assert (rows[0].values, rows[-1].values) == (("1",), ("2",))
    assert rows[1].code == "record_too_large"
    assert "larger than 16 MiB" in rows[1].message


@pytest.mark.parametrize(
    "line", ['{"a":[', '{"a":', "}{[", "{", "{[", '{"a":[{},', "[{", '{"a":"', "  {", "}{"]
)
def test_no_input_is_looked_at_without_end(line: str) -> None:
    """Lines that could be anything's beginning are each looked at a bounded number of times."""
    looked, framer = 0, Framer()

    class Counting(Framer):
        def _look(self) -> None:
            nonlocal looked
            looked += 1
            super()._look()

    framer = Counting()
    framer.frame(1, [b"x", *[line.encode()] * 1000])
    framer.finish()
    assert looked < 1000 * 140


@pytest.mark.parametrize("inside", ["[" * 3000, '{"a":' * 3000, '"\\ud800"', '"a\0b"', "1e999"])
def test_odd_insides_are_values(read: Callable[..., Any], inside: str) -> None:
    """Brackets without end, half a character, a NUL: rows, invalid ones mostly, no traceback."""
    odd = row("odd", indent=1).replace('"odd"', inside)
    rows = read("\n".join([row("1"), odd, row("2", indent=1), row("3")]).encode(), "a.jsonl")
    assert [one.line for one in rows] == [1, 2, 9, 16]
    assert [one.values for one in rows if not isinstance(one, InvalidRow)][-2:] == [("2",), ("3",)]


@given(laid=st.lists(objects.map(json.dumps).map(str.encode), min_size=1, max_size=5))
def test_lines_that_parse_are_their_own_records(laid: list[bytes]) -> None:
    """The contract of JSONL comes first."""
    assert Framer().frame(1, laid) == list(enumerate(laid, 1))
