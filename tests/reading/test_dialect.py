"""A stray quote costs the record that it is in, and none of its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.options.read import ReadOptions
from batchpatch.reading.csv_records import CsvRecords
from batchpatch.reading.dialect import Dialect, IdPlaces, swallowed
from batchpatch.reading.mapping import map_columns
from batchpatch.reading.row_errors import RowError

if TYPE_CHECKING:
    from collections.abc import Callable

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"
NOTES = {
    "sound": "fine",
    "inches": 'a 5" disk',
    "quoted": '"in ""quotes"", and more"',
    "empty": '""',
    "two lines": '"two\nlines, and\nthree"',
    "opened": '"call back',
    "closed": 'fine"',
    "both": '"a"b',
    "backslash": r'"he said \"hi\", ok"',
    "doubled": '"a""',
}
LAYOUTS = {
    "ids first": ("conversationId,participantId,attr.note", "{c},{p},{note}"),
    "ids last": ("attr.note,conversationId,participantId", "{note},{c},{p}"),
    "in between": ("conversationId,attr.note,participantId", "{c},{note},{p}"),
    "all quoted": ("conversationId,participantId,x,attr.note", '"{c}","{p}","x",{note}'),
    "no participant": ("conversationId,attr.note,purpose", "{c},{note},customer"),
}


def read(
    pieces: Callable[..., Any], text: str, places: list[int], **wanted: Any
) -> list[tuple[int, Any]]:
    """The records of a text that is cut at these places."""
    data = text.encode()
    marks = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    chunks = [data[a:b] for a, b in zip(marks, marks[1:], strict=False)]  # noqa: RUF007
    options = ReadOptions(**wanted)
    records = CsvRecords(pieces(*chunks), encoding="utf-8", options=options)
    records.table.use(map_columns(records.header, options, name="x"))
    return [(n, tuple(r)) if isinstance(r, RowError) else (n, r) for n, r in records]


@given(
    layout=st.sampled_from(sorted(LAYOUTS)),
    notes=st.lists(st.sampled_from(sorted(NOTES)), max_size=7),
    places=st.lists(st.integers(0, 900), max_size=6),
)
def test_a_record_without_quotes_is_always_a_row(
    pieces: Callable[..., Any], layout: str, notes: list[str], places: list[int]
) -> None:
    """Whatever the quotes around it do, and wherever the bytes are cut."""
    header, form = LAYOUTS[layout]
    lines, sound = [header], []
    for nth, note in enumerate(notes):
        if note == "sound":
            sound.append(1 + sum(line.count("\n") + 1 for line in lines))
        lines.append(form.format(c=C, p=P, note=NOTES[note] if note != "sound" else f"v{nth}"))
    text = "\n".join(lines) + "\n"
    found = read(pieces, text, places)
    assert found == read(pieces, text, [])
    rows = {line for line, record in found if C in record}
    assert set(sound) <= rows


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_text_of_several_lines_is_left_alone(pieces: Callable[..., Any], layout: str) -> None:
    """A quoted cell may hold line breaks, ids, delimiters and quotes, as long as no line of it
    could be a row."""
    header, form = LAYOUTS[layout]
    note = f'"see {C}\n{C}\nand {P},{C}\n""{P}"", or\n,,,{C},{P},\nend"'
    text = f"{header}\n{form.format(c=C, p=P, note=note)}\n{form.format(c=C, p=P, note='x')}\n"
    assert [len(record) for _, record in read(pieces, text, [])] == [header.count(",") + 1] * 2


def test_any_text_may_be_allowed(pieces: Callable[..., Any]) -> None:
    """Somebody may keep rows of a CSV in a cell."""
    text = f'conversationId,participantId,attr.note\n{C},{P},"rows:\n{C},{P},x\n"\n'
    (suspected, inner, *_) = read(pieces, text, [])
    assert suspected[1][0] == "unclosed_quote"
    assert inner == (3, [C, P, "x"])
    assert read(pieces, text, [], multiline="any") == [(2, [C, P, f"rows:\n{C},{P},x\n"])]


def test_a_quote_that_is_never_closed_costs_one_row_all_the_same(
    pieces: Callable[..., Any],
) -> None:
    """Also where any text is allowed: at the end of the file it is known to be stray."""
    text = f'conversationId,participantId,attr.note\n{C},{P},"oops\n{C},{P},x\n{C},{P},y\n'
    found = read(pieces, text, [], multiline="any")
    assert [line for line, _ in found] == [2, 3, 4]
    assert found[0][1][0] == "unclosed_quote"


@pytest.mark.parametrize(
    ("cells", "places", "expected"),
    [
        ([C, P, f"a\n{C},{P},b"], (0, 1, 3), (0, 1)),
        ([C, P, f"a\nb\n{C},{P},b\n"], (0, 1, 3), (0, 2)),
        ([f"{C},{P},a\nb"], (0, 1, 3), (0, 1)),
        (["x\ny", C, f"{P}\n{C}"], (1, 2, 3), (1, 2)),
        (["x\ny", C, P], (1, 2, 3), None),
        ([C, f"x\n{C}, y", P], (0, 2, 3), None),
        ([C, f"a\n{C},b"], (0, None, 2), (0, 1)),
        ([C, f"a\n{C},b,c"], (0, None, 2), None),
        ([C, P, "a\nb"], (0, 1, 3), None),
    ],
)
def test_where_a_cell_holds_records(
    cells: list[str],
    places: tuple[int, int | None, int],
    expected: tuple[int, int] | None,
) -> None:
    """The line that opened the cell, and the first behind it that is to be read on its own."""
    conversation, participant, width = places
    where = IdPlaces(conversation=conversation, participant=participant, width=width)
    assert swallowed(cells, where, Dialect(",")) == expected
