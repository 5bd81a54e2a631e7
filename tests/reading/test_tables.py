"""Files that were joined, and tables below one another: what is no row, and what must be none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import InputError
from batchpatch.model import InvalidRow, Row
from batchpatch.options.fields import parse_participant
from batchpatch.options.read import ReadOptions
from batchpatch.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[..., list[Row | InvalidRow]]
    Write = Callable[..., str]

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"
HEADER = "conversationId,participantId,attr.tier\n"
ROW = f"{C},{P},gold\n"


@pytest.mark.parametrize(
    "between",
    [
        HEADER,
        HEADER.replace("\n", "\r\n"),
        f"\ufeff{HEADER}",
        f"\x1a{HEADER}",
        f"\n\n{HEADER}",
        '"conversationId","participantId","attr.tier"\n',
        "Conversation ID,participant_id,attr.tier,,\n",
        f"sep=,\n{HEADER}",
    ],
)
@pytest.mark.parametrize("rows", [1, 2000])
def test_a_header_that_is_there_again_is_no_row(write: Write, between: str, rows: int) -> None:
    """Exports that were joined have it in the middle, in one spelling or another; it is counted."""
    path = write((HEADER + ROW * rows + between + ROW * rows).encode())
    reader = Reader([path], ReadOptions())
    found = [row for batch in reader for row in batch.rows]
    assert [type(row) for row in found] == [Row] * 2 * rows
    (table,) = [opened.table for opened in reader.inputs]
    assert table is not None
    assert table.repeated == 1
    (notice,) = reader.inputs[0].notices.values()
    assert "1 line repeats the header (line " in notice


@pytest.mark.parametrize(
    "between",
    [
        "conversationId,participantId,attr.city\n",
        "conversationId,participantId,attr.Tier\n",
        "participantId,conversationId,attr.tier\n",
        "conversationId,participantId\n",
        "conversationId;participantId;attr.city\n",
        "\ninteractionId,participant,attr.city\n",
        "\n\ncall,person,city\n",
        ",,\ncall,person,city\n\n",
    ],
)
@pytest.mark.parametrize("rows", [1, 2000])
def test_another_table_is_refused(write: Write, between: str, rows: int) -> None:
    """Its rows would be written to attributes of the first table, for ever; those of the first are
    handed over, for a pipe cannot be looked at before."""
    data = HEADER + ROW * rows + between + ROW * 2
    line = 1 + rows + between.rstrip("\n").count("\n") + 1
    reader = Reader([write(data.encode())], ReadOptions())
    found: list[Row | InvalidRow] = []
    with pytest.raises(InputError, match=rf"^Line {line} of .* another table \(") as caught:
        found.extend(row for batch in reader for row in batch.rows)
    assert "a file of its own" in str(caught.value)
    assert not any(isinstance(row, Row) and row.line > line for row in found)


@pytest.mark.parametrize(
    ("joined", "line"),
    [
        ("conversationId,participantId,attr.city\n", 2),
        ("\ufeffconversationId,participantId,attr.city\n", 2),
        ("Conversation ID,Participant ID,attr.city,attr.tier\n", 2),
        ("attr.city,conversationId,participantId\n", 2),
        ('"conversationId","participantId","attr.city"\n', 2),
        (f'\n{C},{P},"gold\nconversationId,participantId,attr.city\n', 4),
    ],
)
def test_another_table_that_begins_within_a_record_is_refused(
    read: Read, joined: str, line: int
) -> None:
    """Files are joined where the first has no line break at its end, or one has a stray quote."""
    with pytest.raises(InputError, match=rf"^Line {line} of .* another table \("):
        read((HEADER + ROW.rstrip("\n") + joined + ROW).encode())


@pytest.mark.parametrize(
    "joined",
    [
        HEADER,
        f"\ufeff{HEADER}",
        HEADER.replace("conversationId", "Conversation ID"),
        '"conversationId","participantId","attr.tier"\n',
        ROW,
    ],
)
def test_two_lines_that_became_one_are_one_invalid_row(read: Read, joined: str) -> None:
    """The same header, or a row: what is below means what it did. The hint says what is missing."""
    made = read((HEADER + ROW.rstrip("\n") + joined + ROW).encode())
    assert [type(row) for row in made] == [InvalidRow, Row]
    assert isinstance(made[0], InvalidRow)
    assert made[0].hint.startswith("Two lines seem to have become one")


@pytest.mark.parametrize(
    ("cells", "hint"),
    [
        (f"{C},Hello, world,{P}", "Put a cell that contains the delimiter"),
        (f"{C},Hello\\, world,{P}", "If a backslash takes the meaning"),
        (f'{C},"Hello\nworld", x,{P}', "If these are several rows, a quote"),
    ],
)
def test_an_id_behind_a_cell_that_is_not_quoted_is_no_second_line(
    read: Read, cells: str, hint: str
) -> None:
    """A line break would be looked for in vain: the cell before is what is to be mended."""
    (made,) = read(f"conversationId,attr.note,participantId\n{cells}\n".encode())
    assert isinstance(made, InvalidRow)
    assert made.hint.startswith(hint)


@pytest.mark.parametrize(
    "text",
    [
        "had a conversation, address, phone",
        "asked for id, purpose, birth date",
        "She paid, address unknown, address",
    ],
)
def test_a_text_that_is_not_quoted_is_no_header_at_the_end_of_a_row(
    write: Write, text: str
) -> None:
    """One such row among a million is one invalid row: the words in it name columns by chance."""
    data = f"id,attr.note\n{C},gold\n{C},{text}\n{C},gold\n".encode()
    options = ReadOptions(columns={"conversation": "id"}, participant=parse_participant("customer"))
    reader = Reader([write(data)], options)
    made = [type(row) for batch in reader for row in batch.rows]
    assert made == [Row, InvalidRow, Row]


@pytest.mark.parametrize(
    ("header", "row", "mark"), [(",", ";", "Semicolons"), (";", ",", "Commas"), ("\t", "|", "Bars")]
)
def test_a_row_that_is_divided_otherwise_is_told_so(
    read: Read, header: str, row: str, mark: str
) -> None:
    """Nothing was cut off, and no cell is missing: what is to be mended is another thing."""
    (made,) = read((HEADER.replace(",", header) + ROW.replace(",", row)).encode())
    assert isinstance(made, InvalidRow)
    assert made.code == "ragged"
    assert made.hint.startswith(f"{mark} seem to separate its cells")


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n"])
def test_the_rest_of_a_cell_that_is_not_quoted_says_that_the_row_above_lacks_it(
    read: Read, line_break: str
) -> None:
    """That row is sent, with half of the text: only the row below shows that anything is amiss."""
    above, rest = read(f"{HEADER}{C},{P},Call back{line_break}on Monday\n".encode())
    assert isinstance(above, Row)
    assert isinstance(rest, InvalidRow)
    assert "which the row above then lacks" in rest.hint


@pytest.mark.parametrize("row", [ROW, ROW.replace("\n", ",\n"), ROW.replace("\n", ",x,,\n")])
def test_columns_without_a_name_at_the_end_need_no_cells(read: Read, row: str) -> None:
    """A spreadsheet writes trailing delimiters for some rows and not for others."""
    header = HEADER.replace("\n", ",,\n")
    for made in read((header + row + ROW).encode()):
        assert isinstance(made, Row)
        assert made.values == ("gold",)
    (made,) = read(f"{header}{C},{P}\n".encode())
    assert isinstance(made, InvalidRow)


def test_rows_before_another_table_are_handed_over(write: Write) -> None:
    """They are sound, and a run over a pipe has sent most of them already."""
    data = HEADER + ROW * 3 + "conversationId,participantId,attr.city\n" + ROW
    batches = iter(Reader([write(data.encode())], ReadOptions()))
    assert [row.line for row in next(batches).rows] == [2, 3, 4]
    with pytest.raises(InputError, match="Line 5"):
        next(batches)


@pytest.mark.parametrize(
    "record",
    [
        "Total,2,rows\n",
        "\nTotal,2,rows\n",
        f"\nunknown,{P},gold\n",
        "\nNULL,NULL,gold\n",
        "x,y,conversation\n",
        "\nsame,same,gold\n",
        f"{C},{P},about a conversation, and more\n",
        f"{C},{P},gold,conversation\n",
        f"{C},{P},gold,conversation,purpose,{C}\n",
        f'{C},{P},"gold\nconversation,{P},conversation\n" x\n',
    ],
)
def test_a_bad_row_is_no_header(read: Read, record: str) -> None:
    """It is one invalid row, and those around it are sent."""
    kinds = [type(row) for row in read((HEADER + ROW + record + ROW).encode())]
    assert kinds == [Row, InvalidRow, Row]


def test_names_of_ones_own_are_known_too(read: Read) -> None:
    """`--map` says what the columns are called, and so what the other header has."""
    data = f"call;who;tier\n{ROW}call;who;city\n{ROW}".replace(",", ";")
    columns = {"conversation": "call", "participant": "who"}
    with pytest.raises(InputError, match="Line 3"):
        read(data.encode(), columns=columns, attributes=("tier",))


def test_a_file_without_a_header_gets_its_columns_from_the_user(read: Read) -> None:
    """The first line is a row; a column without a name has no use; a header is one that repeats."""
    columns = ("conversationId", "participantId", "", "attr.tier")
    row = f"{C},{P},x,gold\n"
    rows = read((row * 2).encode(), columns_given=columns)
    assert [row.line for row in rows] == [1, 2]
    assert isinstance(rows[0], Row)
    assert (rows[0].names, rows[0].values) == (("tier",), ("gold",))
    assert len(read((",".join(columns) + "\n" + row).encode(), columns_given=columns)) == 1


@pytest.mark.parametrize(
    ("above", "wanted"),
    [
        ("Report of May\n\n", {"skip_lines": 2}),
        ('a "title\nof two lines\n', {"skip_lines": 2}),
        ("Report\nsep=;\n", {"skip_lines": 1}),
        ("# made by a tool\n#\n", {"comment": "#"}),
        (";;;\n \n", {}),
        ('\ufeff"sep=;"\r\n', {}),
        ("sep=;;;\n", {}),
    ],
)
def test_what_stands_above_the_header(read: Read, above: str, wanted: dict[str, object]) -> None:
    """Titles and comments where the user says so; blank rows and Excel's line by themselves."""
    (row,) = read((above + HEADER + ROW).replace(",", ";").encode(), **wanted)
    assert isinstance(row, Row)
    assert row.line == above.count("\n") + 2


def test_a_comment_is_no_row_wherever_it_stands(read: Read) -> None:
    """Its quotes mean nothing, and in a quoted cell it is text."""
    data = HEADER + "# it's \"\n" + ROW + f'#x,y\n{C},{P},"a\n#b"\n' + ROW
    rows = read(data.encode(), comment="#")
    assert [row.line for row in rows] == [3, 5, 7]
    assert isinstance(rows[1], Row)
    assert rows[1].values == ("a\n#b",)


@pytest.mark.parametrize(
    ("wanted", "cell", "value"),
    [
        ({"quote": "'"}, "'it''s, \"x\"'", 'it\'s, "x"'),
        ({"quote": "none"}, '5" disk', '5" disk'),
        ({"quote": "none"}, '"open', '"open'),
        ({"escape": "\\"}, r'"a \"b\", c"', 'a "b", c'),
        ({"escape": "\\"}, r"a\, b", "a, b"),
        ({"escape": "^"}, '"say ^"x^""', 'say "x"'),
        ({"escape": "\\"}, r"\N", r"\N"),
        ({"escape": "\\", "quote": "none"}, r"\N", r"\N"),
        ({"escape": "^"}, "^N", "^N"),
        ({"escape": "\\"}, r"a\N", "aN"),
        ({"escape": "\\"}, r"\\N", r"\N"),
    ],
)
def test_cells_in_other_spellings(
    read: Read, wanted: dict[str, object], cell: str, value: str
) -> None:
    """As databases and shells write them."""
    (row,) = read(f"{HEADER}{C},{P},{cell}\n".encode(), **wanted)
    assert isinstance(row, Row)
    assert row.values == (value,)


def test_nothing_of_a_database_that_escapes_is_known_as_such(read: Read) -> None:
    r"""MySQL writes \N for NULL where it escapes: sent as N, nobody would ever find it again."""
    header = HEADER.replace("attr.tier", "attr.a,attr.b,attr.c")
    row = read(rf"{header}{C},{P},\N,\N,x".encode(), escape="\\", null=("\\N",))[0]
    assert isinstance(row, Row)
    assert (row.names, row.values) == (("c",), ("x",))
