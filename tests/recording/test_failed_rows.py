"""Failed rows in the input's own form, to be mended and sent again."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import RecordError
from batchpatch.formats.skips import parse_skips
from batchpatch.model import Outcome, RowResult
from batchpatch.options.fields import is_skip
from batchpatch.recording.bitmap import Bitmap
from batchpatch.recording.checkpoint import prove
from batchpatch.recording.failed_objects import RawRecord, spliced
from batchpatch.recording.failed_rows import CsvShape, JsonlShape, write_failed
from batchpatch.recording.failure_reasons import FailedRow, FailedRows, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Make = Callable[..., RowResult]
    File = Callable[[Iterable[RowResult]], Path]
    Fresh = Callable[[str], Path]

HEADER = ["conversationId", "participantId", "attr.x"]
OWN = ["batchpatch_error", "batchpatch_hint", "batchpatch_skip"]
SHAPE = CsvShape(HEADER, ",", "utf-8")


def read_csv(path: Path, shape: CsvShape) -> list[list[str]]:
    text = path.read_bytes().decode(shape.encoding)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=shape.delimiter, strict=True))


def write(
    path: Path,
    results: Path,
    records: list[RawRecord],
    shape: CsvShape | JsonlShape,
    **sizes: int,
) -> int:
    failed = prove(results, rows=10**6).failed
    with FailedRows(results, failed, **sizes) as rows:
        return write_failed(path, iter(records), failed=rows, shape=shape)


def participant(number: int) -> str:
    return f"22222222-2222-4222-8222-{number:012d}"


cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
shapes = st.builds(
    CsvShape,
    header=st.just(HEADER),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]),
    keeps_text=st.just(False),
    marks_cells=st.just(False),
)


@given(records=st.lists(st.lists(cells, min_size=1, max_size=5), min_size=1), shape=shapes)
def test_the_inputs_cells_come_back_to_the_character(
    records: list[list[str]],
    shape: CsvShape,
    make_result: Make,
    results_file: File,
    fresh_path: Fresh,
) -> None:
    """What is fed back must be what was given: quotes, newlines, NULs and ragged ends included."""
    results = results_file(
        make_result(row, Outcome.REJECTED, code="c", message="m", hint="h")
        for row, _ in enumerate(records, 1)
    )
    raw = [RawRecord(row, row + 1, cells=list(record)) for row, record in enumerate(records, 1)]
    path = fresh_path("failed.csv")
    assert write(path, results, raw, shape) == len(records)
    rows = read_csv(path, shape)
    assert rows[0] == OWN + HEADER
    assert [row[3:] for row in rows[1:]] == records
    assert {tuple(row[:3]) for row in rows[1:]} == {("c: m", "h", "")}


@pytest.mark.parametrize("sizes", [{}, {"rows_at_once": 3, "skips_at_once": 2}])
def test_each_failed_row_gets_its_own_reason(
    sizes: dict[str, int], make_result: Make, results_file: File, fresh_path: Fresh
) -> None:
    """Reasons are fetched in chunks and lines are out of order; neither may mix them up."""
    results = [
        make_result(
            row, Outcome.UPDATED if row % 3 else Outcome.REJECTED, who=row % 7, code=f"c{row}"
        )
        for row in range(1, 101)
    ]
    path = fresh_path("failed.csv")
    records = [RawRecord(row, row + 1, cells=["c", "p", str(row)]) for row in range(1, 101)]
    write(path, results_file(reversed(results)), records, SHAPE, **sizes)
    rows = [(row[0], row[2], row[5]) for row in read_csv(path, SHAPE)[1:]]
    later = {
        row: max((n for n in range(row + 1, 101) if n % 3 and n % 7 == row % 7), default=0)
        for row in range(101)
    }
    assert rows == [
        (
            f"c{row}",
            f"wrapUp@{participant(row % 7)} (row {later[row]})" if later[row] else "",
            str(row),
        )
        for row in range(3, 101, 3)
    ]


def test_no_failed_row_makes_no_file(
    make_result: Make, results_file: File, fresh_path: Fresh
) -> None:
    """An empty failed.csv would look like work to do."""
    path = fresh_path("failed.csv")
    records = [RawRecord(1, 2, cells=["c", "p", "1"])]
    assert write(path, results_file([make_result(1)]), records, SHAPE) == 0
    assert list(path.parent.iterdir()) == []


def test_the_input_is_read_no_further_than_the_last_failed_row(
    make_result: Make, results_file: File, fresh_path: Fresh
) -> None:
    """One bad row at the head of a huge file must not cost another pass over it."""

    def records() -> Iterable[RawRecord]:
        yield RawRecord(1, 2, cells=["c", "p", "1"])
        yield RawRecord(2, 3, cells=["c", "p", "2"])
        pytest.fail("read on")

    results = results_file([make_result(1, Outcome.REJECTED), make_result(2), make_result(3)])
    with FailedRows(results, Bitmap([1])) as rows:
        assert write_failed(fresh_path("failed.csv"), records(), failed=rows, shape=SHAPE) == 1


def test_a_failed_file_fed_back_has_the_tools_columns_once(
    make_result: Make, results_file: File, fresh_path: Fresh
) -> None:
    """Failing twice replaces the reason, and keeps what was not to be sent the first time."""
    shape = CsvShape(
        ["Batchpatch Error", *HEADER, "batchpatch_skip", "batchpatch_hint"], ",", "utf-8"
    )
    results = results_file(
        [
            make_result(1, Outcome.UNKNOWN, who=1, code="new", keys=["b", "c"]),
            make_result(2, who=1, keys=["b"]),
        ]
    )
    path = fresh_path("failed.csv")
    write(path, results, [RawRecord(1, 2, cells=["old", "c", "p", "1", "a;b", "do"])], shape)
    skips = json.dumps({"": {"a": 0, "b": 0}, participant(1): {"b": 2}})
    assert read_csv(path, shape) == [OWN + HEADER, ["new", "", skips, "c", "p", "1"]]


@pytest.mark.parametrize(
    "record", [["e", "c", "p", "1"], ["e", "c"], ["e", "c", "p", "1", "s", "y"]]
)
def test_a_ragged_record_stays_ragged(
    record: list[str], make_result: Make, results_file: File, fresh_path: Fresh
) -> None:
    """Losing the tool's columns must not make a record fit whose cells may all be shifted."""
    shape = CsvShape(["batchpatch_error", *HEADER, "batchpatch_skip"], ",", "utf-8")
    results = results_file([make_result(1, Outcome.INVALID, code="ragged")])
    path = fresh_path("failed.csv")
    write(path, results, [RawRecord(1, 2, cells=record)], shape)
    header, row = read_csv(path, shape)
    assert len(row) != len(header)
    assert row[3:5] == record[1:3]


def test_a_record_that_could_not_be_parsed_names_its_line(
    make_result: Make, results_file: File, fresh_path: Fresh
) -> None:
    """There are no cells to show, so the user has to find it in the input."""
    results = results_file([make_result(1, Outcome.INVALID, code="bad", message="unclosed quote")])
    path = fresh_path("failed.csv")
    write(path, results, [RawRecord(1, 41)], SHAPE)
    assert read_csv(path, SHAPE)[1] == ["line 41: bad: unclosed quote", "", "", "", "", ""]


def test_words_that_the_inputs_encoding_lacks_are_spelled_out(
    make_result: Make, results_file: File, fresh_path: Fresh
) -> None:
    """The platform's message may hold any character; the file must stay what the reader expects."""
    shape = SHAPE._replace(encoding="cp1252")
    results = results_file(
        [
            make_result(1, Outcome.REJECTED, message="→ no", keys=["→"], who=4),
            make_result(2, keys=["→"], who=4),
        ]
    )
    path = fresh_path("failed.csv")
    write(path, results, [RawRecord(1, 2, cells=["c", "p", "é"])], shape)
    skips = json.dumps({participant(4): {"→": 2}})
    assert read_csv(path, shape)[1] == ["\\u2192 no", "", skips, "c", "p", "é"]


def test_failed_rows_are_private_and_written_whole_or_not_at_all(
    make_result: Make, results_file: File, fresh_path: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They hold customers' values; and half a file would lose the other half when fed back."""
    results = results_file([make_result(1, Outcome.REJECTED)])
    records = [RawRecord(1, 2, cells=["c", "p", "1"])]
    path = fresh_path("failed.csv")
    previous = os.umask(0)
    try:
        write(path, results, records, SHAPE)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordError, match=r"failed\.csv cannot be written: disk full"):
        write(path, results, [RawRecord(1, 2, cells=["other", "p", "1"])], SHAPE)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["failed.csv"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OWN_NAMES = {*OWN, "batchpatch_line"}


@given(
    fields=st.dictionaries(st.text() | st.sampled_from(OWN), json_values, max_size=5),
    indent=st.sampled_from([None, " "]),
    skip=st.lists(st.text(), max_size=3),
    error=st.text(),
)
def test_an_objects_own_fields_survive_any_number_of_rounds(
    fields: dict[str, object], indent: str | None, skip: list[str], error: str
) -> None:
    """A line may fail many times; its fields stay, the reason is the last one, it does not grow."""
    line = json.dumps(fields, separators=None if indent else (",", ":")).encode() + b"\r\n"
    skips = {participant(1): dict.fromkeys(skip, 2)} if skip else {}
    once = spliced(RawRecord(1, 1, raw=line), FailedRow("first", "hint", skips))
    twice = spliced(RawRecord(1, 1, raw=once), FailedRow(error, "", {}))
    found = json.loads(twice)
    assert found["batchpatch_error"] == error
    name = next(filter(is_skip, fields), "batchpatch_skip")
    try:
        parse_skips(fields.get(name))
    except ValueError:  # then the row is refused for it, as it was
        with pytest.raises(ValueError):  # noqa: PT011 - json's own among them
            parse_skips(found[name])
    else:
        left_out = parse_skips(found.get(name))
        assert set(skip) <= set(left_out.get(participant(1), ()))
    kept = {n: value for n, value in found.items() if n not in OWN_NAMES and n != name}
    assert kept == {n: v for n, v in fields.items() if n not in OWN_NAMES and n != name}
    thrice = spliced(RawRecord(1, 1, raw=twice), FailedRow(error, "", {}))
    assert thrice == twice


@pytest.mark.parametrize(
    ("line", "head"),
    [
        (b'{"a": 1.10 }\n', b'{"a": 1.10,'),
        (b'{"n":12345678901234567890123}', b'{"n":12345678901234567890123,'),
        (b'{"n":' + b"9" * 5000 + b"}", b'{"n":' + b"9" * 5000 + b","),
        (b'{"s":"\\ud800"}', b'{"s":"\\ud800",'),
        (b"{ }", b'{"batchpatch_error"'),
        (b'{"a":{"b":1,"batchpatch_error":2}}', b'{"a":{"b":1,"batchpatch_error":2},'),
    ],
)
def test_numbers_and_spelling_are_not_touched(line: bytes, head: bytes) -> None:
    """`1.10` that came back as 1.1 would be another value on the platform."""
    found = spliced(RawRecord(1, 1, raw=line), FailedRow("e", "h", {}))
    assert found.startswith(head)
    assert json.loads(found.decode().replace("9" * 5000, "9"))["batchpatch_error"] == "e"


def as_text(line: bytes | None) -> str:
    """What a person can still make of a line that is no JSON."""
    return (line or b"").decode("utf-8", "backslashreplace")


def test_an_object_of_many_lines_comes_back_on_one() -> None:
    """The failed file has a line a row, for whoever greps in it; what was given stays as it was."""
    line = b'{\r\n  "a": "x  y",\r\n  "b": {\r\n    "n": 1.10\r\n  }\r\n}'
    found = spliced(RawRecord(1, 1, raw=line), FailedRow("e", "h", {}))
    assert found.startswith(b'{ "a": "x  y", "b": { "n": 1.10 },"batchpatch_error"')
    assert found.count(b"\n") == 1
    assert orjson.loads(found).keys() == {"a", "b", "batchpatch_error", "batchpatch_hint"}


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"[1]", b"{", b"7", b"\xff\xfe{}", b'{"a":1}{', None, b"[" * 99_999),
        *(b'\xef\xbb\xbf{"a":1}', b'\x0b{"a":1}', b'{"a":1}\xc2\xa0'),
    ],
)
def test_a_line_that_is_no_object_says_where_it_was(line: bytes | None) -> None:
    """It cannot be sent as it is, so its text is kept beside the reason, where it is small."""
    found = spliced(RawRecord(3, 12, raw=line), FailedRow("bad_json", "mend it", {}))
    assert json.loads(found) == {
        "batchpatch_error": "line 12: bad_json",
        "batchpatch_hint": "mend it",
        "batchpatch_line": 12,
    } | ({} if len(line or b"") > 65_536 else {"batchpatch_text": as_text(line)})


def test_jsonl_rows_get_their_reason_and_skips(
    make_result: Make, results_file: File, fresh_path: Fresh
) -> None:
    """The same report for the other kind of input, with the names as a list."""
    results = results_file(
        [
            make_result(1, Outcome.UNKNOWN, who=1, code="timeout", keys=["b", "a"]),
            make_result(2, who=1, keys=["a"]),
        ]
    )
    path = fresh_path("failed.jsonl")
    records = [RawRecord(row, row, raw=b'{"attributes":{"a":1.10}}\n') for row in (1, 2)]
    assert write(path, results, records, JsonlShape()) == 1
    assert path.read_text() == (
        '{"attributes":{"a":1.10},"batchpatch_error": "timeout", "batchpatch_hint": "", '
        f'"batchpatch_skip": {{"{participant(1)}": {{"a": 2}}}}}}\n'
    )


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-be", "utf-32", "shift_jis"])
def test_a_failed_file_is_in_the_encoding_of_its_input(
    encoding: str, make_result: Make, results_file: File, fresh_path: Fresh
) -> None:
    """The printed command reads it with the input's --encoding; a name that came back as mojibake
    would make an attribute that nobody can delete."""
    text = '{"attributes": {"größe": "x"}}' if "cp" in encoding else '{"attributes": {"名": "x"}}'
    results = results_file([make_result(1, Outcome.REJECTED, message="→ no")])
    path = fresh_path("failed.jsonl")
    records = [RawRecord(1, 1, raw=text.encode())]
    assert write(path, results, records, JsonlShape(encoding)) == 1
    fields = json.loads(path.read_bytes().decode(encoding))
    assert fields.pop("batchpatch_error") == "→ no"
    assert fields["attributes"] == json.loads(text)["attributes"]


@given(text=st.text())
def test_no_reason_is_a_formula(text: str) -> None:
    """A message from elsewhere must not run when the file is opened in a spreadsheet."""
    safe = safe_text(text)
    assert not safe.startswith(("=", "+", "-", "@"))
    assert len(safe.splitlines()) <= 1


def test_a_failed_row_without_a_line_is_still_handed_back(
    make_result: Make, results_file: File, fresh_path: Fresh
) -> None:
    """Better a row without its reason than a row that is missing."""
    path = fresh_path("failed.csv")
    with FailedRows(results_file([make_result(1)]), Bitmap([2])) as rows:
        records = [RawRecord(2, 3, cells=["c", "p", "2"])]
        assert write_failed(path, records, failed=rows, shape=SHAPE) == 1
    assert read_csv(path, SHAPE)[1] == ["no reason was recorded", "", "", "c", "p", "2"]


def test_the_text_of_what_could_not_be_parsed_has_a_column(
    make_result: Make, results_file: File, fresh_path: Fresh
) -> None:
    """It can be mended there; a row that failed again keeps the text that it was read from."""
    shape = CsvShape([*OWN, "batchpatch_text", *HEADER], ",", "utf-8", keeps_text=True)
    results = results_file(
        make_result(row, Outcome.INVALID, code="c", message="m", hint="h") for row in (1, 2, 3)
    )
    records = [
        RawRecord(1, 2, raw=b'c,p,"x'),
        RawRecord(2, 3, cells=["e", "h", "", 'c,"p', "", "", ""]),
        RawRecord(3, 4, cells=["e", "h", "", "", "c", "p", "1"]),
    ]
    path = fresh_path("failed.csv")
    write(path, results, records, shape)
    header, *rows = read_csv(path, shape)
    assert header == [*OWN, "batchpatch_text", *HEADER]
    assert [row[3:] for row in rows] == [
        ['c,p,"x', "", "", ""],
        ['c,"p', "", "", ""],
        ["", "c", "p", "1"],
    ]


def test_a_kept_text_survives_any_number_of_rounds() -> None:
    """It is all that is left of the record: a second run that fails on it must hand it on."""
    line = b'{"conversationId": "broken'
    once = spliced(RawRecord(3, 12, raw=line), FailedRow("bad_json", "mend it", {}))
    twice = spliced(RawRecord(1, 1, raw=once), FailedRow("bad_json again", "", {}))
    assert json.loads(twice) == {
        "batchpatch_error": "bad_json again",
        "batchpatch_hint": "",
        "batchpatch_line": 12,
        "batchpatch_text": as_text(line),
    }
    assert spliced(RawRecord(1, 1, raw=twice), FailedRow("bad_json again", "", {})) == twice


@given(
    pieces=st.lists(st.sampled_from(["\\", '\\"', "u0041", "\\n", "x", "ü"]), max_size=6),
    at=st.data(),
)
def test_a_byte_that_is_no_text_is_not_mended_by_being_shown(
    pieces: list[str], at: st.DataObject
) -> None:
    """The kept text is read again: behind a backslash, the escape of such a byte was a text of four
    characters, and a value that nobody has written was sent."""
    where = at.draw(st.integers(0, len(pieces)))
    before, behind = ("".join(part).encode() for part in (pieces[:where], pieces[where:]))
    line = b'{"a": "' + before + b"\xb0" + behind + b'"}'
    found = json.loads(spliced(RawRecord(1, 1, raw=line), FailedRow("e", "h", {})))
    with pytest.raises(ValueError):  # noqa: PT011 - json's own
        json.loads(found["batchpatch_text"])
