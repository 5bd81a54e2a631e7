"""Inputs become numbered rows, in order, up to where the user said."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import InputError, SettingsError
from batchpatch.model import InvalidRow, Row
from batchpatch.options.fields import parse_participant
from batchpatch.options.read import ReadOptions
from batchpatch.reading import rows as rows_module
from batchpatch.reading.reader import Reader
from batchpatch.recording.bitmap import Bitmap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Read = Callable[..., list[Row | InvalidRow]]
    Write = Callable[..., str]

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"
CSV = (
    f"conversationId,participantId,attr.a,note\r\n{C},{P},gold,x\r\n\r\n"
    f'{C.upper()},{{{P}}},"two\nlines",é\r\n{C},,none,\r\n{C},{P},"a ""b""",last\r\n'
)
JSONL = (
    f'{{"conversationId": "{C}", "participantId": "{P}", "attributes": {{"a": "gold"}}}}\n\n'
    f'{{"conversationId": "{C}", "participantId": "{P}", "attributes": {{"a": 1.10}}}}\n'
    f'{{"conversationId": "{C}", "participantId": "", "attributes": {{"a": "é"}}}}\n'
)
KEEP: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def test_the_rows_of_a_csv(read: Read) -> None:
    """Numbers count records and lines count lines; an invalid row has both."""
    rows = read(CSV.encode())
    assert [(row.number, row.line) for row in rows] == [(1, 2), (2, 4), (3, 6), (4, 7)]
    assert rows[1] == Row(2, 4, 0, C, P, ("a",), ("two\nlines",))
    assert isinstance(rows[2], InvalidRow)
    assert rows[3] == Row(4, 7, 0, C, P, ("a",), ('a "b"',))


def test_the_rows_of_a_jsonl(read: Read) -> None:
    """The same, and numbers with the digits of the file."""
    rows = read(JSONL.encode(), "rows.jsonl")
    assert rows[:2] == [
        Row(1, 1, 0, C, P, ("a",), ("gold",)),
        Row(2, 3, 0, C, P, ("a",), ("1.10",)),
    ]
    assert (rows[2].number, rows[2].line) == (3, 4)


def test_an_export_of_a_spreadsheet_is_read_as_it_is(read: Read) -> None:
    """Excel in many countries: a byte order mark, `;`, CRLF, quotes where it likes, and delimiters
    in rows that are empty."""
    text = f'\ufeffConversation ID;Participant ID;attr.Betrag\r\n{C};{P};"1,50"\r\n;;\r\n'
    assert read(text.encode()) == [Row(1, 2, 0, C, P, ("Betrag",), ("1,50",))]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "a.csv"),
        (b"", "a.jsonl"),
        (b"\n \r\n", "a.csv"),
        (b"\n \r\n", "a.jsonl"),
        (b"\xef\xbb\xbf", "a.jsonl"),
        (b"\n" * 100_000, "a.jsonl"),
        (b"\n" * 100_000, "a.csv"),
        (gzip.compress(b"", mtime=0), "a.csv.gz"),
    ],
)
def test_an_empty_input_is_refused(read: Read, data: bytes, name: str) -> None:
    """An export that produced nothing is not a run that went well."""
    with pytest.raises(InputError, match="is empty"):
        read(data, name)


def test_blank_lines_in_front_are_not_the_whole_input(read: Read) -> None:
    """However many there are."""
    rows = read(b"\n" * 100_000 + JSONL.encode(), "a.jsonl")
    assert [row.line for row in rows] == [100_001, 100_003, 100_004]


def test_a_header_alone_has_no_rows(read: Read) -> None:
    """Nothing to do is no error."""
    assert read(CSV.encode().splitlines(keepends=True)[0]) == []


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b'[{"a": 1}]', "a.jsonl", "one JSON array"),
        ('\n [{"a": 1}]'.encode("utf-16"), "a.json", "one JSON array"),
        (JSONL.encode(), "a.csv", "--format jsonl"),
        (b"a,b\n1,2\n", "a.csv", "--map conversation=COLUMN"),
        (b"\xe9,b\n1,2\n", "a.csv", "--encoding"),
        ("a,b".encode("utf-16-le"), "a.csv", "--encoding utf-16-le"),
        (gzip.compress(CSV.encode(), mtime=0)[:-9], "a.csv.gz", "cut off"),
    ],
)
def test_what_cannot_be_used_as_a_whole_is_one_sentence(
    read: Read, data: bytes, name: str, words: str
) -> None:
    """With what to do about it."""
    with pytest.raises(InputError, match=words):
        read(data, name)


def test_an_input_that_turns_bad_late_has_had_its_first_rows(write: Write) -> None:
    """They were read; where the rest is broken is said with its line."""
    data = b"conversationId,participantId,attr.a\n" + f"{C},{P},x\n".encode() * 5000 + b"\xff"
    reader = Reader([write(data)], ReadOptions())
    batches = iter(reader)
    assert next(batches).last == reader.rows > 0
    with pytest.raises(InputError, match="line 5002"):
        list(batches)
    assert not reader.exhausted


@pytest.mark.parametrize(("bad", "refused"), [(999, False), (1000, True), (1700, True)])
@pytest.mark.parametrize("width", [10, 1000])
def test_an_input_without_a_valid_row_is_refused_early(
    write: Write, bad: int, refused: bool, width: int
) -> None:
    """A wrong mapping of a million rows is told before anything is sent, however they are read."""
    line = f"{C},{'x' * width},secret\n"
    data = "conversationId,participantId,attr.a\n" + line * bad + f"{C},{P},x\n"
    reader = Reader([write(data.encode())], ReadOptions())
    if refused:
        with pytest.raises(InputError, match=r"first 1,000 rows.*line 1001") as caught:
            list(reader)
        assert reader.rows < 1000
        assert "secret" not in str(caught.value)
        assert len(str(caught.value)) < 400
    else:
        assert sum(len(batch.rows) for batch in reader) == bad + 1


@given(
    sizes=st.lists(st.integers(0, 5), min_size=1, max_size=4), limit=st.none() | st.integers(1, 12)
)
def test_rows_are_numbered_through_all_inputs(
    write: Write, sizes: list[int], limit: int | None
) -> None:
    """A limit counts over them too, and says whether it left anything."""
    header = "conversationId,participantId,attr.a\n"
    paths = [write((header + f"{C},{P},x\n" * size + "\n").encode()) for size in sizes]
    reader = Reader(paths, ReadOptions(limit=limit))
    rows = [row for batch in reader for row in batch.rows]
    total = sum(sizes)
    wanted = [(s, 2 + n) for s, size in enumerate(sizes) for n in range(size)][:limit]
    assert [(row.source, row.line) for row in rows] == wanted
    assert [row.number for row in rows] == list(range(1, len(wanted) + 1))
    assert reader.rows == len(rows) == reader.rows_expected
    assert reader.limit_reached != reader.exhausted
    if limit is None or total != limit:
        assert reader.exhausted == (limit is None or total < limit)
    elif sizes[-1]:  # it was just enough
        assert reader.exhausted
    firsts = [1 + sum(sizes[:n]) for n in range(len(reader.first_rows))]
    assert reader.first_rows == list(zip(paths, firsts, strict=False))


def test_one_input_may_be_named_twice(write: Write) -> None:
    """The library allows what the command line refuses; a limit holds all the same."""
    path = write(CSV.encode())
    reader = Reader([path, path], ReadOptions(limit=4))
    assert sum(len(batch.rows) for batch in reader) == 4
    assert reader.limit_reached


@pytest.mark.parametrize("pack", sorted(KEEP))
def test_the_number_of_rows_is_judged_while_reading(write: Write, pack: str) -> None:
    """Progress shows what is left: roughly at first, exactly at the end."""
    lines = [f"{C},{P},{n}" for n in range(20_000)]
    data = "\n".join(["conversationId,participantId,attr.a", *lines]).encode()
    reader = Reader([write(KEEP[pack](data), "rows")], ReadOptions())
    assert reader.rows_expected is None
    judged = [reader.rows_expected for _ in reader]
    assert judged[-1] == reader.rows_expected == 20_000
    assert pack or all(abs(rows - 20_000) < 5000 for rows in judged if rows is not None)


@given(settled=st.sets(st.integers(1, 1200)))
def test_settled_rows_are_counted_and_left_out(write: Write, settled: set[int]) -> None:
    """A resumed run numbers its rows as the run before did."""
    line = f"{C},{P},x\n"
    path = write(f"conversationId,participantId,attr.a\n{line * 1100}".encode())
    reader = Reader([path], ReadOptions(), settled=Bitmap(settled))
    batches = list(reader)
    found = [row.number for batch in batches for row in batch.rows]
    assert found == [number for number in range(1, 1101) if number not in settled]
    assert batches[-1].last == reader.rows == 1100


_LONG = "x" * 3000  # so that a file of few rows is read in several blocks
_CSV_LINES = {
    "ordinary": f"{C},{P},{_LONG}",
    "by purpose": f"{C},,{_LONG}",
    "null text": f"{C},{P},#N/A",
    "cut short": f"{C},{P},1.2E+15",
    "too large": f"{C},{P},{_LONG * 8}",
    "ragged": f"{C},{P}",
    "other id": f"7,{P},{_LONG}",
    "blank": "",
    "header": "conversationId,participantId,attr.a",
    "two lines": f'{C},{P},"a\nb"',
}
_JSON_LINES = {
    "ordinary": _CSV_LINES["ordinary"],
    **{name: _CSV_LINES[name] for name in ("null text", "cut short", "too large", "other id")},
}


def _as_json(line: str) -> str:
    conversation, participant, value = line.split(",")
    return json.dumps(
        {
            "conversationId": conversation,
            "participantId": participant,
            "attributes": {"a": value},
        }
    )


_LINES = {
    "rows.csv": _CSV_LINES,
    "rows.jsonl": {name: _as_json(line) for name, line in _JSON_LINES.items()} | {"blank": ""},
}


@pytest.mark.parametrize("name", sorted(_LINES))
@given(data=st.data())
def test_rows_that_are_not_made_are_counted_as_if_they_were(
    write: Write, name: str, data: st.DataObject
) -> None:
    """Of settled rows mostly only the number is wanted, which must be the same as before; and what
    there is to say of their values belongs to the run's last word."""
    stretches = st.tuples(st.sampled_from(sorted(_LINES[name])), st.integers(1, 25))
    lines = [
        _LINES[name][kind]
        for kind, often in data.draw(st.lists(stretches, min_size=1, max_size=6))
        for _ in range(often)
    ]
    header = [_CSV_LINES["header"]] if name == "rows.csv" else []
    first = [_LINES[name]["ordinary"]]
    path = write("\n".join([*header, *first, *lines, ""]).encode(), name)
    limit = data.draw(st.none() | st.integers(1, len(lines)))
    options = ReadOptions(participant=parse_participant("customer"), limit=limit)
    everything = Reader([path], options, settled=Bitmap())
    rows = [row for batch in everything for row in batch.rows]
    some = st.tuples(*[st.integers(0, len(rows))] * 2)
    begin, end = sorted(data.draw(st.just((0, len(rows))) | some))
    settled = Bitmap(range(begin, end + 1))

    reader = Reader([path], options, settled=settled)
    batches = list(reader)

    left = [row for batch in batches for row in batch.rows]
    assert left == [row for row in rows if row.number not in settled]
    assert batches[-1].last == reader.rows == len(rows)
    assert reader.notices == everything.notices
    assert (reader.exhausted, reader.limit_reached) == (
        everything.exhausted,
        everything.limit_reached,
    )


def test_no_row_is_made_of_records_that_are_settled(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of a million rows that stopped near its end must not take long to begin again."""
    line = f"{C},{P},x\n"
    path = write(f"conversationId,participantId,attr.a\n{line * 5000}".encode())
    made: list[int] = []
    real = rows_module.rows_of

    def counted(number: int, lines: Sequence[int], *rest: Any) -> list[Row | InvalidRow]:
        made.append(len(lines))
        return real(number, lines, *rest)

    monkeypatch.setattr(rows_module, "rows_of", counted)
    reader = Reader([path], ReadOptions(), settled=Bitmap(range(1, 4991)))
    assert [row.number for batch in reader for row in batch.rows] == list(range(4991, 5001))
    assert sum(made) < 1000


def test_notices_and_uses_are_told(write: Write) -> None:
    """`check` shows how the columns were understood, and which names have a meaning."""
    data = f"conversationId,participantId,attr.context.genesys.x,y\n{C},{P},x,\n".encode()
    reader = Reader([write(data)], ReadOptions())
    list(reader)
    (opened,) = reader.inputs
    assert [use.use for use in opened.uses][-1] == "not sent"
    assert list(opened.notices) == ["context.genesys.x"]


def test_large_cells_make_small_batches(write: Write) -> None:
    """Memory is bounded in bytes as well as in rows."""
    text = io.StringIO()
    text.write("conversationId,participantId,attr.a\n")
    for _ in range(6):
        text.write(f"{C},{P},{'x' * (10 << 20)}\n")
    sizes = [len(b.rows) for b in Reader([write(text.getvalue().encode())], ReadOptions())]
    assert sizes == [1] * 6


def test_a_canary_of_bad_rows_is_no_hopeless_input(write: Write) -> None:
    """Only what was asked for is judged: --limit 10 reads ten rows."""
    path = write(b"conversationId,participantId,attr.a\n" + b"x,y,z\n" * 2000)
    reader = Reader([path], ReadOptions(limit=10))
    assert sum(len(batch.rows) for batch in reader) == 10


@pytest.mark.parametrize(
    ("field", "flag"),
    [("conversationId", "--map"), ("attr", "--map"), ("match.", "match.NAME")],
)
def test_a_field_that_nobody_reads_is_refused_before_any_row(
    field: str, flag: str, write: Write
) -> None:
    """A mistake in the command line is not found at row 1,000,000."""
    reader = Reader([write(CSV.encode())], ReadOptions(columns={field: "x"}))
    with pytest.raises(SettingsError, match=flag):
        next(iter(reader))
