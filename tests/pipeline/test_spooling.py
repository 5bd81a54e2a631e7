"""What a run that stops leaves of standard input: copied while it flows, left when it does not."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.formats.run_json import InputFile, Manifest
from batchpatch.model import Stop
from batchpatch.pipeline.spooling import SpooledInput, spooling
from batchpatch.pipeline.stop import Stopper
from batchpatch.recording.manifest import read_manifest, write_manifest
from batchpatch.recording.run_directory import RunDirectory

if TYPE_CHECKING:
    from pathlib import Path

RunVirtual = Callable[[Any], Any]
INTERRUPTED = Stop(130, "SIGINT")


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    """A run that reads standard input."""
    (tmp_path / "r").mkdir()
    made = RunDirectory(tmp_path / "r", lock=None, made=None)
    stdin = InputFile(path="-", size=None, sha256=None, kind="spool")
    write_manifest(
        made.manifest_path, Manifest(version="1", inputs=(stdin,), mapping={}, started="now")
    )
    return made


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Makes standard input a pipe; gives the end to write to."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "wb", buffering=0) as file:
        monkeypatch.setattr("sys.stdin", stdin)
        yield file.fileno()


def close(piped: int) -> None:
    """Closes the pipe, and leaves the number to whoever holds it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, piped)
    os.close(nowhere)


def copy_rest(
    directory: RunDirectory, stopper: Stopper, *, grace_s: float = 10
) -> Callable[[], Any]:
    """A coroutine that copies, and answers what became of it and the seconds that it took."""

    async def run() -> tuple[str | None, float]:
        began_s = asyncio.get_running_loop().time()
        with spooling(directory, ["-"], keep=True) as spooled:
            assert isinstance(spooled, SpooledInput)
            await spooled.copy_rest(stopper, grace_s=grace_s)
            return spooled.left, asyncio.get_running_loop().time() - began_s

    return run


def test_what_nobody_has_read_yet_is_copied_to_its_end(directory: RunDirectory, piped: int) -> None:
    """Stopped in the input before it, a run has not even opened the pipe: who wrote it is done,
    and has it no more."""
    os.write(piped, b"header\nrow\n")
    close(piped)
    left, _ = asyncio.run(copy_rest(directory, Stopper())())
    assert left is None
    assert directory.spool_path.read_bytes() == b"header\nrow\n"
    (stdin,) = read_manifest(directory.manifest_path).inputs
    assert stdin.size == 11
    assert stdin.sha256 == hashlib.sha256(b"header\nrow\n").hexdigest()


def test_a_pipe_that_gives_nothing_is_left_after_the_grace(
    directory: RunDirectory, piped: int, run_virtual: RunVirtual
) -> None:
    """Whoever follows a log would wait for ever; who waits at all is told for what, once."""
    said: list[str] = []
    stopper = Stopper(tell=said.append)
    stopper.request(INTERRUPTED)
    left, took_s = run_virtual(copy_rest(directory, stopper)())
    assert "left before its end" in left
    assert 10 <= took_s <= 12
    assert said == ["copying what is left of standard input (Ctrl-C again: leave it)"]
    assert read_manifest(directory.manifest_path).truncated


def test_a_pipe_that_flows_is_copied_beyond_the_grace(directory: RunDirectory, piped: int) -> None:
    """Its end may be a minute away, and then nothing is lost."""
    pieces = [b"x" * 1000] * 6

    async def run() -> tuple[str | None, float]:
        loop = asyncio.get_running_loop()

        def write_more() -> None:
            if pieces:
                os.write(piped, pieces.pop())
                loop.call_later(0.15, write_more)
            else:
                close(piped)

        write_more()
        found: tuple[str | None, float] = await copy_rest(directory, Stopper(), grace_s=0.6)()
        return found

    left, took_s = asyncio.run(run())
    assert left is None
    assert took_s > 0.6
    assert directory.spool_path.stat().st_size == 6000


@pytest.mark.parametrize("asked", [0, 1])
def test_one_more_signal_leaves_it(
    directory: RunDirectory, piped: int, run_virtual: RunVirtual, asked: int
) -> None:
    """After a stop that is the second one, after a limit the first."""
    said: list[str] = []

    def interrupt(text: str) -> None:
        said.append(text)
        stopper.request(INTERRUPTED)

    stopper = Stopper(tell=interrupt)
    for _ in range(asked):
        stopper.request(INTERRUPTED)
    left, took_s = run_virtual(copy_rest(directory, stopper, grace_s=1000)())
    assert "left before its end" in left
    assert took_s <= 1.1
    assert ("again" in said[0]) is bool(asked)


def test_a_full_disk_is_a_sentence(directory: RunDirectory, piped: int) -> None:
    """Nothing that happens while the rest is copied may take the report with it."""
    directory.spool_path.symlink_to("/dev/full")
    os.write(piped, b"header\n")
    left, _ = asyncio.run(copy_rest(directory, Stopper())())
    assert "disk full" in left
    assert read_manifest(directory.manifest_path).truncated


def test_a_live_stream_is_left_when_it_pauses(directory: RunDirectory, piped: int) -> None:
    """It never ends by itself: whoever stops it, such as a service that is deployed, is not kept
    waiting for more, and what was on its way is there."""
    os.write(piped, b"header\nrow\n")

    async def run() -> tuple[str | None, float]:
        loop = asyncio.get_running_loop()
        with spooling(directory, ["-"], keep=True) as spooled:
            assert spooled is not None
            began_s = loop.time()
            await spooled.copy_rest(Stopper(), grace_s=10, live=True)
            return spooled.left, loop.time() - began_s

    left, took_s = asyncio.run(run())
    assert left is not None
    assert took_s < 5
    assert directory.spool_path.read_bytes() == b"header\nrow\n"


def test_a_live_stream_that_never_pauses_is_left_after_the_grace(
    directory: RunDirectory, piped: int
) -> None:
    """A writer that does not notice would hold the end for ever."""
    stop = threading.Event()

    def write() -> None:
        with suppress(OSError):
            while not stop.wait(0.01):
                os.write(piped, b"row\n")

    async def run() -> str | None:
        with spooling(directory, ["-"], keep=True) as spooled:
            assert spooled is not None
            await spooled.copy_rest(Stopper(), grace_s=0.5, live=True)
            return spooled.left

    writing = threading.Thread(target=write, daemon=True)
    writing.start()
    try:
        assert asyncio.run(run()) is not None
    finally:
        stop.set()
        writing.join()
