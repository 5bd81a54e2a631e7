"""A tee: the copy has the bytes of the stream, in their order, and never a hole."""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING

import pytest

from batchpatch.reading.streams import Tee

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
