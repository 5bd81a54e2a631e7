"""Whatever the bytes, an input is rows or one sentence, and the same each time it is read."""

from __future__ import annotations

import bz2
import gzip
import lzma
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import InputError, SettingsError
from batchpatch.model import InvalidRow, Row
from batchpatch.options.read import ReadOptions
from batchpatch.reading.inputs import Input
from batchpatch.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

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
PRETTY = JSONL.replace(", ", ",\n ").replace(": {", ": {\n  ").replace("}}", "}\n}")
KEEP: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
options = st.fixed_dictionaries(
    {},
    optional={
        "format": st.sampled_from(["csv", "jsonl"]),
        "encoding": st.sampled_from(
            ["utf-8", "utf-16", "utf-16-be", "cp1252", "ascii", "hz", "big5"]
        ),
        "delimiter": st.sampled_from([",", ";", "é", " "]),
        "quote": st.sampled_from(["'", "none"]),
        "escape": st.sampled_from(["\\", "^"]),
        "comment": st.sampled_from(["#", "c"]),
        "skip_lines": st.integers(0, 2),
        "columns_given": st.sampled_from([("conversation", "participant", "attr.a", ""), ("x",)]),
        "multiline": st.just("any"),
        "null": st.sampled_from([("none",), ("gold", "two\nlines")]),
        "all_columns": st.just(True),
        "nested": st.just("json"),
        "empty": st.just("set"),
        "constants": st.just({"c": "1"}),
        "attributes": st.just(("note",)),
        "limit": st.integers(1, 4),
    },
)
mutations = st.lists(
    st.tuples(st.integers(0), st.integers(0, 3), st.binary(max_size=3)), max_size=4
)


def mutated(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for place, gone, new in changes:
        at = place % (len(data) + 1)
        data = data[:at] + new + data[at + gone :]
    return data


def looks_like_rows(rows: list[Row | InvalidRow], limit: int | None) -> None:
    """What is true of the rows of any input."""
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    lines = [row.line for row in rows]
    assert lines == sorted(lines)  # objects may share one
    assert limit is None or len(rows) <= limit
    assert {type(row) for row in rows} <= {Row, InvalidRow}


@given(data=st.binary(max_size=80), name=st.sampled_from(["a.csv", "a.jsonl", "a"]), wanted=options)
def test_any_bytes_are_rows_or_one_sentence(
    read: Read, data: bytes, name: str, wanted: dict[str, Any]
) -> None:
    """Never a traceback, never a silent skip: bad input is a value."""
    with suppress(InputError, SettingsError):
        looks_like_rows(read(data, name, **wanted), wanted.get("limit"))


@given(
    text=st.sampled_from([CSV, JSONL, PRETTY]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"]),
    changes=mutations,
    packed=st.sampled_from(sorted(KEEP)),
    repacked=mutations,
    wanted=options,
)
def test_a_damaged_file_is_rows_or_one_sentence(
    read: Read,
    text: str,
    encoding: str,
    changes: list[tuple[int, int, bytes]],
    packed: str,
    repacked: list[tuple[int, int, bytes]],
    wanted: dict[str, Any],
) -> None:
    """Files that once were sound are the likelier bad ones: in their text, or in their archive."""
    data = KEEP[packed](mutated(text.encode(encoding), changes))
    with suppress(InputError, SettingsError):
        rows = read(mutated(data, repacked), f"rows{packed}", **wanted)
        looks_like_rows(rows, wanted.get("limit"))


@given(
    text=st.sampled_from([(CSV, "csv"), (JSONL, "jsonl"), (PRETTY, "json")]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    packed=st.sampled_from(sorted(KEEP)),
    named=st.booleans(),
)
def test_however_it_is_stored_an_input_has_the_same_rows(
    read: Read, text: tuple[str, str], encoding: str, packed: str, named: bool
) -> None:
    """Format, byte order mark and packing are found out, by name or by content."""
    data = KEEP[packed](text[0].encode(encoding))
    name = f"rows.{text[1]}{packed}" if named else "download"
    assert read(data, name) == read(text[0].encode(), f"rows.{text[1]}")


@given(changes=mutations, name=st.sampled_from(["a.csv", "a.jsonl", "a.json"]), wanted=options)
def test_reading_again_finds_the_same_records(
    write: Write, changes: list[tuple[int, int, bytes]], name: str, wanted: dict[str, Any]
) -> None:
    """Failed rows are cut out of the input by their numbers: both ways must count alike."""
    text = {"a.csv": CSV, "a.jsonl": JSONL, "a.json": PRETTY}[name]
    path = write(mutated(text.encode() * 2, changes), name)
    wanted.pop("limit", None)
    with suppress(InputError, SettingsError):
        rows = [row for batch in Reader([path], ReadOptions(**wanted)) for row in batch.rows]
        again = Input(path, ReadOptions(**wanted))
        assert [line for line, _ in again.records] == [row.line for row in rows]
        again.close()
