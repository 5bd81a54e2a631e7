"""Lines go to a reader of any pace: nothing blocks the loop, is lost, or is told twice."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchpatch.cli.results_pipe import MOST_UNREAD_BYTES, ResultsPipe
from batchpatch.errors import ExitCode
from batchpatch.formats.result_line import encode
from batchpatch.model import Outcome, RowResult, Stop
from batchpatch.pipeline.stop import Stopper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[..., subprocess.Popen[str]]

MANY = 10_000
IDS = "3f2504e0-4f89-41d3-9a0c-0305e82c3301,22222222-2222-4222-8222-000000000001"


def result(number: int) -> RowResult:
    """Of the row with this number; some hundred bytes."""
    return RowResult(number, number, "-", Outcome.UPDATED, "now", message="x" * 100)


LINES = b"".join(encode(result(number)) for number in range(1, MANY + 1))


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe."""
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        with suppress(OSError):
            os.close(end)


class Reader:
    """Reads a pipe to its end, in a thread."""

    def __init__(self, descriptor: int) -> None:
        self.data = b""
        self._descriptor = descriptor
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while data := os.read(self._descriptor, 1000):
            self.data += data

    def end(self, writing: int) -> bytes:
        """All there was, once the other end is closed."""
        os.close(writing)
        self._thread.join()
        return self.data


@pytest.mark.parametrize("blocking", [True, False])
def test_every_line_is_written_once_and_in_order(pipe: tuple[int, int], blocking: bool) -> None:
    """Whatever pieces the pipe takes, and whoever has made its end a non-blocking one."""
    reading, writing = pipe
    os.set_blocking(writing, blocking)

    async def scene() -> bytes:
        results = ResultsPipe(writing, Stopper(), patience_s=60)
        for number in range(1, MANY + 1):
            results.add(result(number))
        reader = Reader(reading)
        assert await results.drain(10) == 0
        return await asyncio.to_thread(reader.end, writing)

    assert asyncio.run(scene()) == LINES


def test_there_is_no_room_while_nobody_reads(pipe: tuple[int, int]) -> None:
    """Whoever feeds waits before it takes more in, and goes on when the reader does."""
    reading, writing = pipe

    async def scene() -> None:
        results = ResultsPipe(writing, Stopper(), patience_s=60)
        await results.room()  # nothing waits yet
        for number in range(2 * MOST_UNREAD_BYTES // len(encode(result(1)))):
            results.add(result(number))
        room = asyncio.create_task(results.room())
        done, _ = await asyncio.wait([room], timeout=0.05)
        assert not done
        reader = Reader(reading)
        await room
        assert await results.drain(10) == 0
        await asyncio.to_thread(reader.end, writing)

    asyncio.run(scene())


def test_a_reader_that_takes_nothing_for_too_long_asks_for_a_stop(pipe: tuple[int, int]) -> None:
    """One that has stalled would hold the run for ever; it ends, and all is in its directory. Only
    what the reader takes counts: one that is slow is waited for."""
    reading, writing = pipe
    patience_s = 0.2

    async def scene() -> tuple[bool, Stopper]:
        stopper = Stopper()
        results = ResultsPipe(writing, stopper, patience_s=patience_s)
        for number in range(2 * MOST_UNREAD_BYTES // len(encode(result(1)))):
            results.add(result(number))
        room = asyncio.create_task(results.room())
        for _ in range(3):  # a chunk each time, for longer than its patience in all
            await asyncio.wait([room], timeout=patience_s / 2)
            os.read(reading, 1 << 16)
        was_patient = not stopper.is_asked
        async with asyncio.timeout(30):
            await stopper.asked()
        assert not room.done()
        room.cancel()
        results.close()
        return was_patient, stopper

    was_patient, stopper = asyncio.run(scene())
    Reader(reading).end(writing)  # lets the thread go
    assert was_patient
    assert stopper.stop is not None
    assert stopper.stop.exit_code == ExitCode.STOPPED
    assert "--max-outage" in stopper.stop.because


def test_a_feeder_that_is_cancelled_leaves_the_others_their_room(pipe: tuple[int, int]) -> None:
    """A stop cancels whoever waits; the end still has to be told that lines were written."""
    reading, writing = pipe

    async def scene() -> int:
        results = ResultsPipe(writing, Stopper(), patience_s=60)
        for number in range(1, MANY + 1):
            results.add(result(number))
        room = asyncio.create_task(results.room())
        await asyncio.sleep(0)
        room.cancel()
        await asyncio.wait([room])
        reader = Reader(reading)
        left = await results.drain(10)
        await asyncio.to_thread(reader.end, writing)
        return left

    assert asyncio.run(scene()) == 0


def test_what_nobody_takes_is_counted_by_the_line(pipe: tuple[int, int]) -> None:
    """The sentence at the end says how many are to be looked for in the file."""
    reading, writing = pipe

    async def scene() -> int:
        results = ResultsPipe(writing, Stopper(), patience_s=60)
        for number in range(1, MANY + 1):
            results.add(result(number))
        return await results.drain(0.1)

    left = asyncio.run(scene())
    Reader(reading).end(writing)  # lets the thread go
    assert 0 < left < MANY
    assert MANY - left <= 1 << 10


def test_a_request_to_stop_ends_the_wait_for_a_reader(pipe: tuple[int, int]) -> None:
    """Whoever presses Ctrl-C once more does not want to wait for the grace."""
    _, writing = pipe

    async def scene() -> int:
        stopper = Stopper()
        results = ResultsPipe(writing, stopper, patience_s=60)
        for number in range(1, MANY + 1):
            results.add(result(number))
        draining = asyncio.create_task(results.drain(1000))
        await asyncio.wait([draining], timeout=0.05)
        stopper.request(Stop(ExitCode.INTERRUPTED, "SIGINT"))
        return await draining

    assert asyncio.run(scene()) > 0


@pytest.mark.parametrize(("busy", "asked"), [(False, False), (True, False), (True, True)])
def test_a_reader_that_has_gone_asks_for_a_stop_once(
    pipe: tuple[int, int], busy: bool, asked: bool
) -> None:
    """With nothing to write, too. A second request would cut off what is in flight."""
    reading, writing = pipe

    async def scene() -> Stopper:
        stopper = Stopper()
        if asked:
            stopper.request(Stop(ExitCode.INTERRUPTED, "SIGTERM"))
        results = ResultsPipe(writing, stopper, patience_s=60)
        os.close(reading)
        if busy:
            results.add(result(1))
        await stopper.asked()
        assert await results.drain(10) == busy
        urged = asyncio.create_task(stopper.asked_again())
        done, _ = await asyncio.wait([urged], timeout=0.05)
        assert not done
        return stopper

    stop = asyncio.run(scene()).stop
    assert stop is not None
    assert stop.exit_code == (ExitCode.INTERRUPTED if asked else ExitCode.STOPPED)


def test_a_full_disk_is_a_sentence() -> None:
    """Standard output may be a file; what is wrong with it is said in the system's words."""

    async def scene() -> Stop | None:
        stopper = Stopper()
        with open("/dev/full", "wb") as full:  # noqa: ASYNC230, PTH123 - a device
            results = ResultsPipe(full.fileno(), stopper, patience_s=60)
            results.add(result(1))
            await stopper.asked()
            assert await results.drain(10) == 1
        return stopper.stop

    stop = asyncio.run(scene())
    assert stop is not None
    assert "cannot be written to standard output: No space left" in stop.because


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the machine has no full device")
def test_a_document_that_a_full_disk_has_cut_is_no_success(
    start_batchpatch: Start, tmp_path: Path
) -> None:
    """A script would go on with half a document, and the disk is not a reader that has left."""
    (tmp_path / "rows.csv").write_text(f"conversationId,participantId,attr.a\n{IDS},x\n")
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        for words in (["run", "rows.csv", "--sandbox", "--json"], ["check", "rows.csv", "--json"]):
            process = start_batchpatch(*words, stdout=full, stderr=subprocess.PIPE)
            _, said = process.communicate(timeout=60)
            assert "Standard output cannot be written (No space left on device)" in said
            assert process.returncode == 3
