"""Streams that may block: in order, never a hole, never far ahead, never in the way of the exit."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import InputError
from batchpatch.model import Batch, InvalidRow
from batchpatch.reading.streams import BATCHES_AHEAD, BackgroundReader, Tee

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stream() -> Iterator[tuple[io.FileIO, int]]:
    """A pipe: the raw stream, and the descriptor to write to."""
    reading, writing = os.pipe()
    raw = io.FileIO(reading, "rb")
    yield raw, writing
    raw.close()


def test_what_is_left_unread_is_copied_behind_what_was_read(
    stream: tuple[io.FileIO, int],
) -> None:
    """The reader takes what it wants and goes; the copy must not show where that was."""
    raw, writing = stream
    os.write(writing, b"header,row,rest")
    os.close(writing)
    copy: list[bytes] = []
    ends: list[int] = []
    tee = Tee(copy.append, ended=lambda: ends.append(len(copy)))
    outlet = tee.attach(raw)
    assert outlet.read(7) == b"header,"
    outlet.close()
    tee.copy_rest()
    assert b"".join(copy) == b"header,row,rest"
    assert ends == [2]
    assert tee.at_end


def test_two_readers_share_one_copy(stream: tuple[io.FileIO, int]) -> None:
    """On a stop the reader's thread still waits for bytes while another begins to copy: whoever
    gets them, they are copied in their order."""
    raw, writing = stream
    sent = os.urandom(500_000)
    copy: list[bytes] = []
    tee = Tee(copy.append)
    outlet = tee.attach(raw)
    threads = [
        threading.Thread(target=tee.copy_rest),
        threading.Thread(target=lambda: all(iter(lambda: outlet.read(1000), b""))),
    ]
    for thread in threads:
        thread.start()
    with os.fdopen(writing, "wb") as file:
        file.write(sent)
    for thread in threads:
        thread.join()
    assert b"".join(copy) == sent


def test_a_copy_that_failed_once_gets_nothing_more(stream: tuple[io.FileIO, int]) -> None:
    """The disk is full for one chunk and not for the next: a copy with a hole would join the
    halves of two rows into one."""
    raw, writing = stream
    os.write(writing, b"abcdef")
    os.close(writing)
    copy: list[bytes] = []

    def write(data: bytes) -> None:
        if data == b"b":
            raise RuntimeError("full")
        copy.append(data)

    tee = Tee(write)
    outlet = tee.attach(raw)
    assert outlet.read(1) == b"a"
    for _ in range(2):
        with pytest.raises(RuntimeError, match="full"):
            outlet.read(1)
    with pytest.raises(RuntimeError, match="full"):
        tee.copy_rest()
    assert copy == [b"a"]


def test_a_stream_that_is_opened_twice_is_read_once(stream: tuple[io.FileIO, int]) -> None:
    """A stop may come just as the reader opens it."""
    raw, writing = stream
    os.write(writing, b"ab")
    os.close(writing)
    copy: list[bytes] = []
    tee = Tee(copy.append)
    first = tee.attach(raw)
    second = tee.attach(io.FileIO(os.dup(raw.fileno()), "rb"))
    assert (first.read(1), second.read(1)) == (b"a", b"b")
    assert copy == [b"a", b"b"]


def test_closed_it_reads_no_more(stream: tuple[io.FileIO, int]) -> None:
    """The rest was left on purpose; the thread that copied it ends without a word."""
    raw, writing = stream
    os.write(writing, b"ab")
    os.close(writing)
    copy: list[bytes] = []
    tee = Tee(copy.append)
    tee.attach(raw)
    tee.close()
    tee.copy_rest()
    assert raw.closed
    assert copy == []


def test_a_stream_that_is_opened_too_late_is_not_read(stream: tuple[io.FileIO, int]) -> None:
    """The rest was left before it was opened: it stays where it is, and no descriptor is kept."""
    raw, writing = stream
    os.write(writing, b"ab")
    copy: list[bytes] = []
    tee = Tee(copy.append)
    tee.close()
    outlet = tee.attach(raw)
    with pytest.raises(OSError, match="closed"):
        outlet.read(1)
    assert raw.closed
    assert copy == []
    os.close(writing)


def batch_of(last: int) -> Batch:
    """One that holds a row, and ends with it."""
    return Batch([InvalidRow(last, last, 0, "bad", "bad", "mend it")], last)


async def taken(reader: BackgroundReader) -> list[int]:
    """The numbers of all batches up to the end."""
    found = []
    while (batch := await reader.next()) is not None:
        found.append(batch.last)
    return found


@pytest.mark.asyncio
async def test_batches_arrive_in_their_order() -> None:
    """Order of rows begins here."""
    assert await taken(BackgroundReader(batch_of(n) for n in range(100))) == list(range(100))


@pytest.mark.asyncio
@pytest.mark.parametrize("after", [[], [batch_of(1001)], [Batch([], 1001, idle=True)]])
async def test_what_is_settled_is_passed_over_in_few_steps(after: list[Batch]) -> None:
    """A resume of millions of settled rows would hand over thousands of batches without one; how
    far it was read is known all the same."""
    last = 1000 + len(after)
    numbers = await taken(BackgroundReader([*(Batch([], n) for n in range(1, 1001)), *after]))
    assert numbers == sorted(numbers)
    assert numbers[-1] == last
    assert len(numbers) < 50


@pytest.mark.asyncio
async def test_what_the_reader_raises_comes_after_what_it_read() -> None:
    """An input that turns bad halfway has its good rows sent, and then says so."""

    def batches() -> Iterator[Batch]:
        yield batch_of(1)
        yield batch_of(2)
        raise InputError("bad")

    reader = BackgroundReader(batches())
    assert await reader.next() == batch_of(1)
    assert await reader.next() == batch_of(2)
    with pytest.raises(InputError, match="bad"):
        await reader.next()


@pytest.mark.asyncio
async def test_the_thread_does_not_run_far_ahead() -> None:
    """Memory is bounded by what is taken: a fast disk does not fill it before slow requests."""
    read: list[int] = []
    ahead = threading.Event()

    def batches() -> Iterator[Batch]:
        for number in range(50):
            if number == BATCHES_AHEAD:
                ahead.set()
            read.append(number)
            yield batch_of(number)

    reader = BackgroundReader(batches())
    await asyncio.to_thread(ahead.wait)
    for number in range(20):
        assert await reader.next() == batch_of(number)
        assert len(read) <= number + 2 + BATCHES_AHEAD
    assert await taken(reader) == list(range(20, 50))


@pytest.mark.asyncio
async def test_a_stopped_reader_lets_go_of_its_input() -> None:
    """After a stop the files are closed, by the thread that reads them."""
    closed = threading.Event()

    def batches() -> Iterator[Batch]:
        try:
            for number in range(1_000_000):
                yield batch_of(number)
        finally:
            closed.set()

    reader = BackgroundReader(batches())
    await reader.next()
    reader.stop()
    assert await asyncio.to_thread(closed.wait, 30)


@pytest.mark.asyncio
async def test_a_cancelled_wait_loses_no_batch() -> None:
    """Whoever waits with a timeout gets the batch the next time."""
    go = threading.Event()

    def batches() -> Iterator[Batch]:
        go.wait(30)
        yield batch_of(1)

    reader = BackgroundReader(batches())
    waiting = asyncio.ensure_future(reader.next())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    go.set()
    assert await taken(reader) == [1]


BLOCKED = """
import asyncio
from batchpatch.reading.streams import BackgroundReader
from batchpatch.options.read import ReadOptions
from batchpatch.reading.reader import Reader

async def main():
    source = BackgroundReader(Reader(["-"], ReadOptions()))
    print((await source.next()).last, flush=True)
    source.stop()

asyncio.run(main())
"""


def test_a_blocked_input_does_not_hold_the_exit() -> None:
    """Ctrl-C on a run that waits for a pipe ends it, though a read cannot be interrupted."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", BLOCKED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write("conversationId,participantId,attr.a\nrow\n")
        process.stdin.flush()
        assert process.wait(60) == 0  # with its input still open
        assert process.stdout is not None
        assert process.stdout.read() == "1\n"
        assert process.stderr is not None
        assert process.stderr.read() == ""
