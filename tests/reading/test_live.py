"""A pipe never waits: what has arrived is handed over before the reader waits for more."""

from __future__ import annotations

import gzip
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.model import Batch, Row
from batchpatch.options.read import ReadOptions
from batchpatch.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

C = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
P = "16fd2706-8baf-433b-82eb-8c7fada847da"
HEADER = "conversationId,participantId,attr.a\n"


class Pipe:
    """Standard input whose other end is here. What is not written has not come."""

    def __init__(self) -> None:
        self.reading, self._writing = os.pipe()

    def write(self, text: str | bytes) -> None:
        os.write(self._writing, text if isinstance(text, bytes) else text.encode())

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._writing)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    """A pipe as standard input."""
    made = Pipe()
    with os.fdopen(made.reading) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield made
    made.close()


def until_idle(batches: Iterator[Batch]) -> list[Any]:
    """The values of the rows up to the first batch that says that no more are at hand."""
    found: list[Any] = []
    for batch in batches:
        found += [row.values[0] if isinstance(row, Row) else row.code for row in batch.rows]
        if batch.idle:
            return found
    return [*found, "the end"]


def row(value: str) -> str:
    return f"{C},{P},{value}\n"


def test_rows_are_handed_over_when_the_writer_pauses(pipe: Pipe) -> None:
    """One row or many, the run sends them while the writer thinks. A reader that waited would
    hang this test, which writes the rest only afterwards."""
    pipe.write(HEADER + row("1") + row("2"))
    batches = iter(Reader(["-"], ReadOptions()))
    assert until_idle(batches) == ["1", "2"]
    pipe.write(row("3"))
    assert until_idle(batches) == ["3"]
    pipe.close()
    assert until_idle(batches) == ["the end"]


@pytest.mark.parametrize("rows", [999, 1000, 1001])
def test_a_pause_after_a_full_batch_is_told_as_well(pipe: Pipe, rows: int) -> None:
    """Else the rows of that batch would wait for company that does not come."""
    pipe.write(HEADER + row("x") + "short\n" * (rows - 1))  # a pipe holds no more than 64 KiB
    batches = iter(Reader(["-"], ReadOptions()))
    assert len(until_idle(batches)) == rows


@pytest.mark.parametrize("half", [f"{C},{P}", f'{C},{P},"quoted\n', f'{C},{P},"a\nb\n'])
def test_half_a_record_does_not_hold_back_the_rows_before_it(pipe: Pipe, half: str) -> None:
    """A writer's buffer ends anywhere, also in a quoted cell of several lines."""
    pipe.write(HEADER + row("1") + half)
    batches = iter(Reader(["-"], ReadOptions()))
    assert until_idle(batches) == ["1"]
    pipe.write('"\n' if '"' in half else ",x\n")
    assert len(until_idle(batches)) == 1
    pipe.write(half)
    assert until_idle(batches) == []
    pipe.close()
    assert len(until_idle(batches)) == 2


def test_a_half_record_that_arrives_later_is_told_as_a_pause_too(pipe: Pipe) -> None:
    """The reader found something at hand, and then it was no row."""
    pipe.write(HEADER)
    batches = iter(Reader(["-"], ReadOptions()))
    pipe.write(row("1") + C)
    assert until_idle(batches) == ["1"]
    pipe.write(f",{P}")
    assert until_idle(batches) == []
    pipe.write(",2\n")
    assert until_idle(batches) == ["2"]


def test_lines_of_json_do_not_wait_either(pipe: Pipe) -> None:
    """The format is seen in the first bytes, the row handed over with its line end."""
    line = f'{{"conversationId":"{C}","participantId":"{P}","attributes":{{"a":"%s"}}}}\n'
    pipe.write(b"\n")
    pipe.write(line % 1 + "{")
    batches = iter(Reader(["-"], ReadOptions()))
    assert until_idle(batches) == ["1"]
    pipe.write("}\n" + line % 2)
    assert until_idle(batches) == ["unmapped", "2"]


def test_a_packed_stream_is_read_to_its_end(pipe: Pipe) -> None:
    """Nobody can ask a decompressor what it has at hand, so each chunk counts as a pause."""
    pipe.write(gzip.compress((HEADER + row("1") * 3).encode()))
    pipe.close()
    rows = [row for batch in Reader(["-"], ReadOptions()) for row in batch.rows]
    assert len(rows) == 3


@pytest.mark.parametrize(("more", "left"), [("", True), (row("3"), True), (None, False)])
def test_a_limit_does_not_wait_for_what_comes_after_it(
    pipe: Pipe, more: str | None, left: bool
) -> None:
    """A canary from a pipe ends with its last row; only an end that has come is an end."""
    pipe.write(HEADER + row("1") + row("2") + (more or ""))
    if more is None:
        pipe.close()
    reader = Reader(["-"], ReadOptions(limit=2))
    assert sum(len(batch.rows) for batch in reader) == 2
    assert (reader.limit_reached, reader.exhausted) == (left, not left)
    assert reader.rows_expected == 2


def test_the_rows_to_come_are_unknown(pipe: Pipe) -> None:
    """Progress shows no time left that it cannot know."""
    pipe.write(HEADER + row("1"))
    reader = Reader(["-"], ReadOptions())
    assert until_idle(iter(reader)) == ["1"]
    assert reader.rows_expected is None
