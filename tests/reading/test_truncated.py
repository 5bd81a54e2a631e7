"""A copy that was not made to its end: what is not whole in front of that end is no row."""

from __future__ import annotations

import bz2
import gzip
import lzma
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.options.read import ReadOptions
from batchpatch.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchpatch.model import InvalidRow, Row

    Write = Callable[..., str]

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"
CSV = "conversationId,participantId,attr.a\r\n" + "".join(
    f"{C},{P},{cell}\r\n"
    for cell in ("gold", '"two\r\nlines"', '"say ""hi"""', "é€😀", '"bad"quote', "", "last one")
)
UNCLOSED = f'{CSV}{C},{P},"never closed\r\n{C},{P},x\r\n'
JSONL = "".join(
    f'{{"conversationId": "{C}", "participantId": "{P}", "attributes": {{"a": "{value}"}}}}\n'
    for value in ("gold", "é€😀", "a\\nb", "last")
)
PRETTY = JSONL.replace(", ", ",\n  ").replace("}}", "}\n}")
TEXTS = {
    "csv": CSV,
    "csv of a Mac": CSV.replace("\r\n", "\r"),
    "csv with an unclosed quote": UNCLOSED,
    "csv without a last line end": CSV.removesuffix("\r\n"),
    "jsonl": JSONL,
    "jsonl with a number": f"{JSONL}12345\n{JSONL}",
    "pretty json": PRETTY,
    "pretty json with a broken object": PRETTY + '{"a": [\n' + PRETTY,
    "jsonl without a last line end": JSONL.removesuffix("\n"),
}
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip, two members": lambda data: gzip.compress(data[:150]) + gzip.compress(data[150:]),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def rows_of(path: str, *, truncated: bool = False) -> tuple[list[Row | InvalidRow], int | None]:
    """The rows, and the number of the first that is not there."""
    reader = Reader([path], ReadOptions(), truncated=path if truncated else None)
    return [row for batch in reader for row in batch.rows], reader.missing_from


@given(
    text=st.sampled_from(sorted(TEXTS)),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    packed=st.sampled_from(sorted(PACKED)),
    cut=st.integers(0, 4000),
)
def test_wherever_it_is_cut_its_rows_are_the_first_rows_of_the_whole(
    write: Write, text: str, encoding: str, packed: str, cut: int
) -> None:
    """Half a cell that is taken for a cell is stored as the value, and reported as updated. Nor is
    it invalid: there is nothing wrong with it in the input."""
    data = PACKED[packed](TEXTS[text].encode(encoding))
    whole, _ = rows_of(write(data, "input"))
    rows, missing = rows_of(write(data[: cut % len(data)], "input"), truncated=True)
    assert rows == whole[: len(rows)]
    assert missing == len(rows) + 1


@pytest.mark.parametrize("text", ["csv", "jsonl", "pretty json"])
def test_every_row_that_is_there_whole_is_read(write: Write, text: str) -> None:
    """What was copied with its line end need not be sent again by hand."""
    data = TEXTS[text].replace("\r\n", "\n").encode()
    whole, _ = rows_of(write(data, "input"))
    starts = [row.line for row in whole] + [data.count(b"\n") + 1]
    for cut in range(len(data) + 1):
        here = data[:cut].count(b"\n")
        rows, _ = rows_of(write(data[:cut], "input"), truncated=True)
        assert len(rows) == sum(end - 1 <= here for end in starts[1:]), data[:cut][-20:]


def test_what_comes_behind_it_is_not_read(write: Write) -> None:
    """The rows that are missing come first: sent later, they would overwrite newer values."""
    cut, later = write(CSV.encode()[:-3], "input"), write(CSV.encode())
    reader = Reader([cut, later], ReadOptions(), truncated=cut)
    assert {row.source for batch in reader for row in batch.rows} == {0}
    assert (reader.missing_from, reader.unread) == (7, [later])


def test_what_comes_before_it_has_numbers_of_its_own(write: Write) -> None:
    """Whoever sends the rest counts rows in what they piped, not in all inputs."""
    first, cut = write(JSONL.encode(), "a.jsonl"), write(CSV.encode()[:-3], "input")
    reader = Reader([first, cut], ReadOptions(), truncated=cut)
    assert max(row.number for batch in reader for row in batch.rows) == 10
    assert (reader.missing_from, reader.unread) == (7, [])


@pytest.mark.parametrize(
    "half", [b"", b"\n\n", b"conver", b"\xff", b"\x1f", b"\xfd7z", b'"conversationId\n,', b"{"]
)
def test_half_a_header_has_no_rows(write: Write, half: bytes) -> None:
    """Killed in its first moments, a run can still be resumed, and says that all is missing."""
    found: Any = rows_of(write(half, "input"), truncated=True)
    assert found == ([], 1)
