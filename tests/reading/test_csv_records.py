"""CSV text becomes records, each with its line; what cannot be one is told with its lines."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchpatch.errors import InputError
from batchpatch.options.read import ReadOptions
from batchpatch.reading import csv_records, decoding
from batchpatch.reading.csv_records import CsvRecords, is_blank
from batchpatch.reading.row_errors import RowError

if TYPE_CHECKING:
    from collections.abc import Callable

    Open = Callable[..., CsvRecords]

HEADER = b"conversationId,participantId,attr.a\n"
BREAKS = re.compile(r"\r\n|\r|\n")
PLACES = st.lists(st.integers(0, 400), max_size=6)
tables = st.lists(
    st.lists(st.text(alphabet='ab,;"\n\r |\té', max_size=6), min_size=2, max_size=4).filter(
        lambda cells: not is_blank(cells)
    ),
    max_size=6,
)


@pytest.fixture(scope="session")
def open_records(pieces: Callable[..., Any]) -> Open:
    """Opens bytes, cut at these places, as a CSV."""

    def open_records(
        data: bytes, places: list[int] | None = None, delimiter: str | None = None
    ) -> CsvRecords:
        marks = sorted({place % (len(data) + 1) for place in places or ()} | {0, len(data)})
        chunks = [data[a:b] for a, b in zip(marks, marks[1:], strict=False)]  # noqa: RUF007
        options = ReadOptions(delimiter=delimiter)
        return CsvRecords(pieces(*chunks), encoding="utf-8", options=options)

    return open_records


def span(record: list[str]) -> int:
    """Physical lines that a record takes."""
    return 1 + sum(len(BREAKS.findall(cell)) for cell in record)


@given(
    table=tables,
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
    minimal=st.booleans(),
    blank=st.sampled_from(["", "\n", "  \r\n\n"]),
    places=PLACES,
)
def test_what_a_writer_wrote_is_read_back_with_its_lines(
    open_records: Open,
    table: list[list[str]],
    delimiter: str,
    end: str,
    minimal: bool,
    blank: str,
    places: list[int],
) -> None:
    """Quoted breaks, either line end, blank lines between, chunks cut anywhere: the line of each
    record is the one on which an editor shows it."""
    text = io.StringIO(newline="")
    # The writer sees no line break in a lone CR, unless its own are CRLF.
    quoting = csv.QUOTE_MINIMAL if minimal and end == "\r\n" else csv.QUOTE_ALL
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(["conversationId", "participantId", "x"])
    wanted = []
    for cells in table:
        text.write(blank)
        wanted.append((1 + len(BREAKS.findall(text.getvalue())), cells))
        writer.writerow(cells)
    records = open_records(text.getvalue().encode(), places)
    assert records.delimiter == delimiter
    assert list(records) == wanted


@given(text=st.text(alphabet='a,"\n\r\0', max_size=40), places=PLACES)
@example('a,"b\nc,d\n"e,f\n\ng,h', [])
@example('a,"b\n\n\nc,d', [])
def test_no_line_is_lost_without_being_named(
    open_records: Open, text: str, places: list[int]
) -> None:
    """Whatever the quotes do, each line is in a record, or in the message of a error, or has
    nothing but delimiters and empty cells."""
    lines = ["", *io.StringIO(HEADER.decode() + text, newline=""), ""]
    told = set()
    for line, record in open_records(HEADER + text.encode(), places):
        assert line not in told
        if isinstance(record, RowError):
            numbers = [int(number) for number in re.findall(r"\d+", record.message)]
            told.update(range(line, max(numbers) + 1))
        else:
            told.update(range(line, line + span(record)))
    left = set(range(2, len(lines))) - told
    assert not any(lines[line].strip('", \r\n') for line in left)
    assert max(told, default=0) <= len(lines)


@given(before=st.integers(0, 5), after=st.integers(0, 5), places=PLACES)
def test_an_unclosed_quote_names_the_line_that_opened_it(
    open_records: Open, before: int, after: int, places: list[int]
) -> None:
    """Also where its record began earlier, with a quoted line break that is in order."""
    data = HEADER + b"c,p,v\n" * before + b'c,"two\nlines","never closed\n' + b"c,p,v\n" * after
    *sound, (line, error) = open_records(data, places)
    begin = 2 + before
    assert [number for number, _ in sound] == list(range(2, begin))
    assert isinstance(error, RowError)
    assert (line, error.code) == (begin, "unclosed_quote")
    assert f"opened in line {begin + 1} " in error.message
    assert f"lines {begin} to {begin + 1 + after} " in error.message


def test_reading_goes_on_behind_broken_quotes(open_records: Open) -> None:
    """One bad cell costs its own record alone, and the lines that it took are named."""
    data = HEADER + b'c,p,"a"b\nc,p,sound\nc,p,"x\ny"z\nc,p,sound\n'
    records = list(open_records(data))
    assert [line for line, _ in records] == [2, 3, 4, 6]
    assert [r.code for _, r in records if isinstance(r, RowError)] == ["bad_quotes", "bad_quotes"]
    assert "lines 4 to 5" in records[2][1].message  # type: ignore[union-attr]


LINE = "A line of a transcript, as long as such lines are.\n"


@pytest.mark.parametrize("quoted", [True, False])
def test_a_cell_of_ten_megabytes_is_a_cell(open_records: Open, quoted: bool) -> None:
    """A transcript fits, with its line breaks if it is quoted."""
    cell = LINE * (10 * (1 << 20) // len(LINE)) if quoted else "words" * (2 << 20)
    data = HEADER + b"c,p," + (f'"{cell}"' if quoted else cell).encode() + b"\nc,p,next\n"
    records = list(open_records(data, list(range(0, len(data), 1 << 16))))
    assert [record for _, record in records] == [["c", "p", cell], ["c", "p", "next"]]
    assert records[1][0] == 3 + cell.count("\n")


@pytest.mark.parametrize("cell", ["x" * (17 << 20), '"' + LINE * ((20 << 20) // len(LINE))])
def test_a_cell_past_the_limit_is_an_invalid_row(open_records: Open, cell: str) -> None:
    """It names the line; memory stays bounded; the rows around it are read."""
    data = HEADER + b"c,p,first\nc,p," + cell.encode() + b"\nc,p,last\n"
    records = list(open_records(data, list(range(0, len(data), 1 << 16))))
    faults = [(line, record) for line, record in records if isinstance(record, RowError)]
    assert faults[0][0] == 3
    assert faults[0][1].code == "cell_too_large"
    assert "line 3" in faults[0][1].message or "lines 3 to" in faults[0][1].message
    assert (2, ["c", "p", "first"]) in records
    assert records[-1][1] == ["c", "p", "last"]


def test_a_record_that_never_ends_does_not_fill_the_memory(
    open_records: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many cells, each of them small, can make one record of a whole file."""
    monkeypatch.setattr(csv_records, "MAX_LINE_BYTES", 1000)
    data = HEADER + b'c,p,v\nc,p,"\n' + b'","\n' * 1000
    with pytest.raises(InputError, match=r"line 3\)"):
        list(open_records(data, list(range(0, 4000, 100))))


@pytest.mark.parametrize(
    ("first", "delimiter"),
    [
        ("conversationId,participantId,a", ","),
        ("a|b|c;participantId;conversationId", ";"),
        ("conversationId\tparticipant, main", "\t"),
        ("x|y|z", "|"),
        ('"a,b,c,d";conversation_id;"Participant Id"', ";"),
        ("sep=;\r\na,b,c", ";"),
        ("SEP=|\na,b,c", "|"),
        ('\n\n"interactionId"', ","),
    ],
)
def test_the_delimiter_is_found(open_records: Open, first: str, delimiter: str) -> None:
    """By the columns that it makes known, else by how many; or by what Excel wrote above."""
    assert open_records(first.encode()).delimiter == delimiter


def test_the_delimiter_that_was_asked_for_wins(open_records: Open) -> None:
    """A file may have more of another one in its header."""
    assert open_records(b"a;b;c:d\n", delimiter=":").header == ["a;b;c", "d"]


@pytest.mark.parametrize("mark", ['"', "\r", "\0"])
def test_a_line_that_names_no_delimiter_is_a_header(open_records: Open, mark: str) -> None:
    """`sep=` with what means something else in a CSV is not an instruction."""
    assert open_records(f"sep={mark}\n;,\n".encode()).delimiter == ","


def test_lines_count_from_the_top_of_the_file(open_records: Open) -> None:
    """What stands above the header is part of what the user sees in an editor."""
    data = b'\r\nsep=;\r\n\r\n"a\nb";c\r\n\r\n1;2\r\n'
    records = open_records(data)
    assert records.header == ["a\nb", "c"]
    assert list(records) == [(7, ["1", "2"])]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \n\r\n\n", "is empty"),
        (b"sep=;\n", "is empty"),
        (b'"a\nb,c\n1,2\n', "line 1.*never closed"),
        (b'\n"a"b,c\n', "line 2"),
        (b'{"conversationId": "secret"}\n', "--format jsonl"),
        (b"3F2504E0-4F89-41D3-9A0C-0305E82C3301,x\n", "has no header"),
        (b"a,{3f2504e0-4f89-41d3-9a0c-0305e82c3301}\n", "has no header"),
    ],
)
def test_what_has_no_header_is_refused(open_records: Open, data: bytes, words: str) -> None:
    """One sentence says what is missing, and none of the content."""
    with pytest.raises(InputError, match=words) as caught:
        open_records(data)
    assert "secret" not in str(caught.value)


def test_a_header_that_never_ends_is_not_read_to_the_end_of_the_file(
    pieces: Callable[..., Any],
) -> None:
    """An unclosed quote in the first line of gigabytes is told at once."""
    source = pieces(b'"a,b\n', *[b"x" * 65535 + b"\n"] * 200)
    with pytest.raises(InputError, match="never closed"):
        CsvRecords(source, encoding="utf-8")
    assert decoding.MAX_LINE_BYTES > csv_records.MAX_HEADER_LENGTH


def test_a_pause_inside_a_record_holds_nothing_back(pieces: Callable[..., Any]) -> None:
    """The rows before a quoted cell that is still being written go their way."""
    source = pieces(HEADER + b'c,p,1\nc,p,"2\n', None, b'more"\nc,p,3', None, b"3\n")
    records = CsvRecords(source, encoding="utf-8")
    found = [block and list(zip(*block[:2], strict=True)) for block in records.blocks()]
    assert found == [
        [(2, ["c", "p", "1"])],
        None,
        [(3, ["c", "p", "2\nmore"])],
        None,
        [(5, ["c", "p", "33"])],
    ]


@pytest.mark.parametrize("nul", [b"\0", b"n"])
def test_cells_that_may_hold_a_nul_are_marked(open_records: Open, nul: bytes) -> None:
    """Only then is each cell looked at; a NUL stays in its cell until that look."""
    blocks = list(open_records(HEADER + b"c,p,a" + nul + b"\n").blocks())
    assert [block and block.plain for block in blocks] == [nul == b"n"]
    assert blocks[0].records == [["c", "p", "a" + nul.decode()]]  # type: ignore[union-attr]
