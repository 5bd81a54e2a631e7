"""A failed file that is sent back unedited: what was invalid in the input is invalid in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batchpatch.errors import InputError
from batchpatch.formats.result_line import encode
from batchpatch.model import InvalidRow, Outcome, Row, RowResult
from batchpatch.options.read import ReadOptions
from batchpatch.pipeline.failed_files import raw_records, shape_of
from batchpatch.reading.inputs import Input
from batchpatch.recording.bitmap import Bitmap
from batchpatch.recording.failed_rows import write_failed
from batchpatch.recording.failure_reasons import FailedRows

if TYPE_CHECKING:
    from pathlib import Path

CONVERSATION = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
PARTICIPANT = "22222222-2222-4222-8222-000000000001"
IDS = f"{CONVERSATION},{PARTICIPANT}"
OBJECT_IDS = f'"conversationId":"{CONVERSATION}","participantId":"{PARTICIPANT}","attributes":{{}}'
TEXT_ONLY = frozenset({"bad_json", "not_an_object"})
"""The line is kept as text beside the reason: another fault, and one all the same."""
UNREAD = frozenset({"bad_quotes", "unclosed_quote"})
"""The text is kept too, and read again from there."""


class Seen(NamedTuple):
    """The input as a run has read it."""

    has_unread: bool
    has_unfit: bool


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all examples."""
    return tmp_path_factory.mktemp("again")


def rows_of(path: Path, options: ReadOptions) -> list[Row | InvalidRow]:
    opened = Input(str(path), options)
    try:
        return [row for batch in opened.batches(source=0, first=1) for row in batch.rows]
    finally:
        opened.close()


def failed_of(path: Path, rows: list[Row | InvalidRow], options: ReadOptions) -> Path:
    """The failed file of a run in which every row failed."""
    results = path.with_name("results.jsonl")
    lines = []
    for row in rows:
        code = row.code if isinstance(row, InvalidRow) else "x"
        outcome = Outcome.INVALID if isinstance(row, InvalidRow) else Outcome.REJECTED
        lines.append(encode(RowResult(row.number, row.line, "in", outcome, "", code=code)))
    results.write_bytes(b"".join(lines))
    failed = path.with_name(f"failed{path.suffix}")
    failed.unlink(missing_ok=True)
    opened = Input(str(path), options)
    codes = {row.code for row in rows if isinstance(row, InvalidRow)}
    seen = Seen(not UNREAD.isdisjoint(codes), "ragged" in codes)
    try:
        with FailedRows(results, Bitmap(row.number for row in rows)) as told:
            write_failed(
                failed, raw_records(opened, 1), failed=told, shape=shape_of(opened, seen=seen)
            )
    finally:
        opened.close()
    return failed


def judged(rows: list[Row | InvalidRow]) -> list[object]:
    """What is wrong with each row, or what it asks for; and what it says of itself."""
    return [
        row.code if isinstance(row, InvalidRow) else (*row[3:7], *(row.context or ())[-4:])
        for row in rows
    ]


def check(path: Path, options: ReadOptions) -> None:
    """Once, and once more with the failed file of the failed file."""
    try:
        rows = rows_of(path, options)
    except InputError:
        return
    before = judged(rows)
    for _ in range(2):
        if not rows:
            return
        path = failed_of(path, rows, options)
        path = path.rename(path.with_name(f"again{path.suffix}"))
        ids = [row.id for row in rows]
        rows = rows_of(path, options)
        after = judged(rows)
        if len(after) > len(before):
            # Without the tool's own columns, lines within a quoted cell may look like rows.
            assert "ragged" in before
            assert all(isinstance(one, str) for one in (*before, *after))
            return
        assert [row.id for row in rows] == ids
        assert len(after) == len(before)
        for was, now in zip(before, after, strict=True):
            if was in TEXT_ONLY:
                assert isinstance(now, str)
            else:
                assert now == was


pieces = st.sampled_from(
    [
        *(IDS, CONVERSATION, PARTICIPANT, ",", ",,", "x", "\n", "\r\n", '"', "a;b", "[a", "\ufeff"),
        *(f"a@{PARTICIPANT} (row 3)", "{", "\0", "\t", " "),
    ]
)
headers = st.sampled_from(
    [
        "conversationId,participantId,attr.a",
        "conversationId,participantId,attr.a,batchpatch_skip",
        "batchpatch_error,batchpatch_hint,batchpatch_skip,conversationId,participantId,attr.a",
        "conversationId,batchpatch_skip,participantId,attr.a,attr.b,batchpatch_error",
        "Ticket,conversationId,participantId,How,attr.a",
    ]
)

cells = st.sampled_from(["", "x", "a", "[a", f"a@{PARTICIPANT} (row 3)", f"a@{PARTICIPANT} b"])
nearly_right = st.builds(
    lambda before, between, after: (
        ",".join([*before, CONVERSATION, *between, PARTICIPANT, *after]) + "\n"
    ),
    *(st.lists(cells, max_size=most) for most in (3, 1, 3)),
)


@settings(deadline=None)
@given(header=headers, body=st.lists(nearly_right | pieces, max_size=25), encoding=st.sampled_from(
    ["utf-8", "utf-8-sig", "utf-16"]
))  # fmt: skip
@example(
    header="conversationId,participantId,attr.a,batchpatch_skip",
    body=[f"{IDS},x,[a\n"],
    encoding="utf-8",
)
@example(
    header="conversationId,participantId,attr.a,batchpatch_skip",
    body=[f"{IDS},x\n"],
    encoding="utf-8",
)
@example(
    header="conversationId,batchpatch_skip,participantId,attr.a,attr.b,batchpatch_error",
    body=['"', f"{IDS}\n", '"'],
    encoding="utf-8",
)
@example(
    header="conversationId,participantId,attr.a",
    body=['"', f",{IDS}\n", f",,,{IDS},,\n", f",{IDS}\n"],
    encoding="utf-8",
)
def test_csv_that_was_invalid_stays_so(
    header: str, body: list[str], encoding: str, directory: Path
) -> None:
    """A row that mends itself would put an old value over the newer ones of the run."""
    path = directory / "rows.csv"
    path.write_bytes(f"{header}\n{''.join(body)}\n".encode(encoding))
    said = {"id": "Ticket", "priority": "How"} if "Ticket" in header else {}
    check(path, ReadOptions(columns=said))


fields = st.sampled_from(
    [
        *(f'"conversationId":"{CONVERSATION}"', f'"participantId":"{PARTICIPANT}"'),
        *('"participantId":"no"', '"attributes":{"a":"1"}', '"attributes":{"a":[1]}'),
        *('"batchpatch_skip":0', '"batchpatch_skip":1.5', '"batchpatch_skip":["a"]'),
        *('"batchpatch_skip":"[a"', '"Batchpatch Skip":{"x":1}', '"batchpatch_error":NaN'),
        *('"id":"t1"', '"id":7.10', '"id":[]', '"priority":"high"', '"priority":"low"'),
        *('"deadline":"30s"', '"deadline":1.50', '"deadline":"soon"'),
        *('"batchpatch_error":"e"', '"batchpatch_hint":"h"', '"x":"\\ud800"', '"x":1e999'),
        *('"batchpatch_skip":' + "9" * 5000, f'"batchpatch_skip":{{"{PARTICIPANT}":{{"a":2}}}}'),
    ]
)
junk = st.sampled_from(["\ufeff", "\x0b", "\xa0", "[1]", "7", "{", "}", " ", "\r"])
RIGHT = (
    f'"conversationId":"{CONVERSATION}","participantId":"{PARTICIPANT}","attributes":{{"a":"1"}}'
)
right = st.just([RIGHT])
lines = st.builds(
    lambda before, right, inner, after: f"{before}{{{','.join([*right, *inner])}}}{after}",
    st.just("") | junk,
    right | st.just([]),
    st.lists(fields, max_size=4),
    st.just("") | junk,
)


@settings(deadline=None)
@given(
    body=st.lists(lines, min_size=1, max_size=5),
    encoding=st.sampled_from(["utf-8", "cp1252", "utf-16", "utf-32-be"]),
)
@example(body=[f'{{{RIGHT},"batchpatch_error":"e","batchpatch_skip":0}}'], encoding="utf-8")
@example(body=[f"\ufeff{{{RIGHT}}}", f"\ufeff{{{RIGHT}}}"], encoding="utf-8")
@example(body=[f'{{{RIGHT},"batchpatch_error":NaN}}'], encoding="utf-8")
@example(body=[f'{{{RIGHT},"x":1e999,"batchpatch_error":NaN}}'], encoding="utf-8")
@example(
    body=[f'{{{OBJECT_IDS},"Batchpatch Skip":0,"batchpatch_error":"e","batchpatch_skip":0}}'],
    encoding="utf-8",
)
def test_jsonl_that_was_invalid_stays_so(body: list[str], encoding: str, directory: Path) -> None:
    """The same for lines: byte order marks, odd blanks, damaged fields of our own."""
    path = directory / "rows.jsonl"
    path.write_bytes("\n".join(body).encode(encoding, "ignore"))
    check(path, ReadOptions(encoding=encoding))
