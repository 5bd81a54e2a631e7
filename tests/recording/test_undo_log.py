"""The values before each PATCH, on disk before it goes out."""

from __future__ import annotations

import asyncio
import errno
import gc
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import RecordError
from batchpatch.formats.undo_line import UndoEntry, encode_undo, parse_undo
from batchpatch.model import Patch, Row
from batchpatch.recording import append_log
from batchpatch.recording.undo_log import UndoLog, highest_patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
CONVERSATION = "11111111-1111-4111-8111-111111111111"


def patch_of(number: int, **attributes: str) -> Patch:
    """A patch of a participant of its own."""
    attributes = attributes or {"wrapUp": "closed"}
    who = f"22222222-2222-4222-8222-{number:012d}"
    row = Row(number, number, 0, CONVERSATION, who, tuple(attributes), tuple(attributes.values()))
    return Patch(number, (row,), attributes)


def numbers_in(path: Path) -> list[int]:
    """Which patches have a whole line."""
    return [parse_undo(line).patch for line in path.read_bytes().splitlines(keepends=True)]


class Disk:
    """Stands in for the sync: counts, waits while it is held, fails when told to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.synced = b""
        self.syncs = 0
        self.error: OSError | None = None
        self.free = threading.Event()
        self.free.set()
        self.began = threading.Event()

    def __call__(self, _: int) -> None:
        content = self.path.read_bytes()
        self.began.set()
        assert self.free.wait(30)
        if self.error is not None:
            raise self.error
        self.syncs += 1
        self.synced = content


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """The disk under `undo.jsonl`."""
    fake = Disk(tmp_path / "undo.jsonl")
    monkeypatch.setattr(append_log, "_sync_data", fake)
    yield fake
    fake.free.set()


async def held_by(disk: Disk, log: UndoLog, number: int) -> asyncio.Task[None]:
    """A task whose line the disk is syncing, and does not finish to sync."""
    disk.free.clear()
    disk.began.clear()
    task = asyncio.create_task(log.add(patch_of(number), {}))
    await asyncio.to_thread(disk.began.wait, 30)
    return task


async def waiting_for(log: UndoLog, *numbers: int) -> list[asyncio.Task[None]]:
    """Tasks that have handed their lines over."""
    tasks = [asyncio.create_task(log.add(patch_of(number), {})) for number in numbers]
    await asyncio.sleep(0)
    return tasks


@pytest.mark.asyncio
async def test_a_line_says_what_is_overwritten_and_by_what(tmp_path: Path) -> None:
    """The file's form is what an undo years later, or by hand, has to go by."""
    path = tmp_path / "undo.jsonl"
    async with UndoLog(path) as log:
        before = {"wrapUp": "open", "note": "", "campaign": None, "phone": "not overwritten"}
        await log.add(patch_of(7, wrapUp="closed", note="x", campaign="spring", added="y"), before)
    assert json.loads(path.read_bytes()) == {
        "conversation_id": CONVERSATION,
        "participant_id": "22222222-2222-4222-8222-000000000007",
        "before": {"wrapUp": "open", "note": "", "campaign": None},
        "written": {"wrapUp": "closed", "note": "x", "campaign": "spring", "added": "y"},
        "patch": 7,
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


texts = st.text() | st.sampled_from(["\ud800", "\0", "\u2028", "a\nb"])


@given(values=st.dictionaries(texts, st.tuples(st.none() | texts, texts)), patch=st.integers(0, 9))
def test_every_value_comes_back_to_the_letter(
    values: dict[str, tuple[str | None, str]], patch: int
) -> None:
    """What is restored must be what was there, whatever people have typed."""
    before = {name: pair[0] for name, pair in values.items()}
    written = {name: pair[1] for name, pair in values.items()}
    line = encode_undo(UndoEntry("c", "p", before, written, patch))
    assert parse_undo(line) == ("c", "p", before, written, patch, None)
    assert line.count(b"\n") == 1
    assert b"\0" not in line


@pytest.mark.asyncio
async def test_nothing_returns_before_it_is_synced(disk: Disk) -> None:
    """A PATCH that goes out before its line is on disk may be one that cannot be undone."""
    async with UndoLog(disk.path) as log:
        task = await held_by(disk, log, 1)
        assert numbers_in(disk.path) == [1]  # written, but a power loss may still take it
        await asyncio.sleep(0)
        assert not task.done()
        disk.free.set()
        await task
        assert disk.synced == disk.path.read_bytes()


@pytest.mark.asyncio
async def test_all_that_come_during_a_sync_share_the_next(disk: Disk) -> None:
    """A sync for each of a hundred workers would make the disk the ceiling."""
    async with UndoLog(disk.path) as log:
        first = await held_by(disk, log, 1)
        others = await waiting_for(log, *range(2, 102))
        assert numbers_in(disk.path) == [1]
        disk.free.set()
        await asyncio.gather(first, *others)
        assert disk.syncs == 2
        assert numbers_in(disk.path) == list(range(1, 102))


@pytest.mark.asyncio
async def test_who_returns_is_on_disk_however_many_add(disk: Disk) -> None:
    """The promise holds at every moment, not only where a test stops the clock."""
    async with UndoLog(disk.path) as log:
        numbers = iter(range(1, 501))

        async def work() -> None:
            for number in numbers:
                await log.add(patch_of(number), {})
                assert b'"patch":%d}' % number in disk.synced

        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(work())
    assert sorted(numbers_in(disk.path)) == list(range(1, 501))
    assert disk.syncs < 250


@pytest.mark.asyncio
async def test_a_cancelled_waiter_takes_nothing_from_the_others(disk: Disk) -> None:
    """Workers are cancelled when a run stops; others may still be on their way out."""
    async with UndoLog(disk.path) as log:
        first = await held_by(disk, log, 1)
        second, third = await waiting_for(log, 2, 3)
        first.cancel()
        second.cancel()
        await asyncio.wait([first, second])
        assert not third.done()
        disk.free.set()
        await third
        assert numbers_in(disk.path) == [1, 2, 3]
        await log.add(patch_of(4), {})
        assert disk.synced == disk.path.read_bytes()


@pytest.mark.asyncio
async def test_cancelled_anywhere_the_log_still_closes(
    tmp_path: Path, cancel_at_each_await: Callable[..., Any]
) -> None:
    """A stop may come at any await, and must leave whole lines and nothing that hangs."""
    numbers = iter(range(1000))

    def scene() -> tuple[Any, Any]:
        path = tmp_path / f"{next(numbers)}.jsonl"
        log = UndoLog(path)

        async def use() -> None:
            await log.add(patch_of(1), {})
            await log.add(patch_of(2), {})
            await log.close()

        async def check() -> None:
            await log.close()
            assert numbers_in(path) in ([1], [1, 2])

        return use(), check

    assert await cancel_at_each_await(scene) >= 2


@pytest.mark.asyncio
async def test_close_waits_for_what_is_on_its_way(disk: Disk) -> None:
    """A run that ends closes the log while its last workers may still wait."""
    log = UndoLog(disk.path)
    tasks = [await held_by(disk, log, 1), *(await waiting_for(log, 2, 3))]
    closing = asyncio.create_task(log.close())
    await asyncio.sleep(0)
    assert not closing.done()
    disk.free.set()
    await asyncio.gather(closing, *tasks)
    assert numbers_in(disk.path) == [1, 2, 3]
    with pytest.raises(ValueError, match="closed"):
        await log.add(patch_of(4), {})
    await log.close()


@pytest.mark.asyncio
async def test_a_close_that_is_cancelled_closes_later(disk: Disk) -> None:
    """The file must not stay open because whoever waited for it was in a hurry."""
    log = UndoLog(disk.path)
    task = await held_by(disk, log, 1)
    closing = asyncio.create_task(log.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    disk.free.set()
    await task
    assert log._file is None


@pytest.mark.asyncio
async def test_a_failed_sync_reaches_everyone_now_and_later(disk: Disk) -> None:
    """After an I/O error nobody knows what is on disk, so nothing more may be sent."""
    log = UndoLog(disk.path)
    first = await held_by(disk, log, 1)
    others = await waiting_for(log, 2, 3)
    others[0].cancel()
    disk.error = OSError(errno.EIO, "Input/output error")
    disk.free.set()
    answers = await asyncio.gather(first, *others, return_exceptions=True)
    assert [type(answer) for answer in answers] == [
        RecordError,
        asyncio.CancelledError,
        RecordError,
    ]
    disk.error = None
    with pytest.raises(RecordError, match=r"undo\.jsonl cannot be written: Input/output error"):
        await log.add(patch_of(4), {})
    await log.close()
    assert numbers_in(disk.path) == [1]


@pytest.mark.asyncio
async def test_a_failure_that_nobody_waits_for_is_not_a_complaint(disk: Disk) -> None:
    """A run that was stopped ends with its report, not with asyncio's lines about lost errors."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    log = UndoLog(disk.path)
    tasks = [await held_by(disk, log, 1), *(await waiting_for(log, 2))]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    disk.error = OSError(errno.EIO, "Input/output error")
    disk.free.set()
    await log.close()
    del tasks, task
    gc.collect()
    assert complaints == []


@pytest.mark.asyncio
async def test_a_disk_that_fills_up_leaves_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A torn line with good ones behind it would make the file unusable for an undo."""
    path = tmp_path / "undo.jsonl"
    log = UndoLog(path)
    await log.add(patch_of(1), {})
    room = [len(path.read_bytes()) + 20]
    write = os.write

    def filling(descriptor: int, data: Any) -> int:
        if descriptor != log._file._descriptor:  # type: ignore[union-attr]
            return write(descriptor, data)  # the loop wakes itself by writing
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = write(descriptor, data[: room[0]])
        room[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", filling)
    tasks = [asyncio.create_task(log.add(patch_of(number), {})) for number in (2, 3, 4)]
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert answers[0] is None
    assert {str(answer) for answer in answers[1:]} == {
        f"{path} cannot be written: disk full; free some space and resume the run"
    }
    await log.close()
    assert numbers_in(path) == [1, 2]


@pytest.mark.asyncio
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
async def test_the_kernels_own_disk_full_is_one_sentence(tmp_path: Path) -> None:
    """The injected error above is only as good as the real one that it stands for."""
    path = tmp_path / "undo.jsonl"
    path.symlink_to("/dev/full")
    async with UndoLog(path) as log:
        with pytest.raises(RecordError, match="disk full; free some space"):
            await log.add(patch_of(1), {})


@pytest.mark.asyncio
async def test_a_directory_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    """An unplugged disk is the user's to fix, not a traceback."""
    async with UndoLog(tmp_path / "gone" / "undo.jsonl") as log:
        with pytest.raises(RecordError, match=r"undo\.jsonl cannot be written: No such file"):
            await log.add(patch_of(1), {})


@pytest.mark.asyncio
async def test_a_log_that_nobody_used_leaves_no_file(tmp_path: Path) -> None:
    """Most runs keep no values, and a file would say that they can be undone."""
    async with UndoLog(tmp_path / "undo.jsonl"):
        pass
    assert os.listdir(tmp_path) == []  # noqa: PTH208


@pytest.mark.asyncio
@pytest.mark.parametrize("block_bytes", [16, 1 << 16])
@pytest.mark.parametrize(
    "tail", [b"", b"{", b"\0" * 5000, b"\0\0\n\0{\n", b"\0\n{", b"x" * 70_000, b'{"a":1']
)
async def test_a_resumed_run_goes_on_behind_the_last_whole_line(
    tail: bytes, block_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a kill or a power loss the end may be half a line or zeros; its PATCH never went."""
    monkeypatch.setattr(append_log, "_BLOCK_BYTES", block_bytes)
    path = tmp_path / "undo.jsonl"
    for number in (1, 2):
        async with UndoLog(path) as log:
            await log.add(patch_of(number), {})
    with path.open("ab") as file:
        file.write(tail)
    async with UndoLog(path) as log:
        await log.add(patch_of(3), {})
    assert numbers_in(path) == [1, 2, 3]


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (b"", 12),
        (b'{"conversation_id":"', 12),
        (b"\0" * 5000, 12),
        (b'{"conversation_id": "c", "written": {}, "patch": 13}\n', 13),
        (b'{"written":{"x":"\\"patch\\":99,","patch":"98"},"patch":14,"refused":13}\n', 14),
    ],
    ids=["whole", "torn", "zeros", "written again", "values like it"],
)
def test_the_highest_number_is_found_wherever_it_stands(
    tail: bytes, expected: int, tmp_path: Path
) -> None:
    """A number given twice would take one entry for the other's; entries come in any order."""
    path = tmp_path / "undo.jsonl"
    entries = [UndoEntry("c", "p", {}, {"x": "1"}, number) for number in (12, 3, 7)]
    path.write_bytes(b"".join(map(encode_undo, entries)) + tail)
    assert highest_patch(path) == expected


@pytest.mark.asyncio
async def test_a_file_without_a_whole_line_begins_anew(tmp_path: Path) -> None:
    """A kill in the very first line leaves no line at all."""
    path = tmp_path / "undo.jsonl"
    path.write_bytes(b'{"conversation_id":')
    async with UndoLog(path) as log:
        await log.add(patch_of(1), {})
    assert numbers_in(path) == [1]


_ADDING = """
import asyncio, sys
from pathlib import Path
from batchpatch.model import Patch, Row
from batchpatch.recording.undo_log import UndoLog

async def main():
    log = UndoLog(Path(sys.argv[1]))
    numbers = iter(range(int(sys.argv[2]), 10**9))

    async def work():
        for number in numbers:
            row = Row(number, number, 0, "c", f"p{number}", ("wrapUp",), ("closed",))
            await log.add(Patch(number, (row,), {"wrapUp": "closed"}), {"wrapUp": "open"})
            print(number, flush=True)

    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(work())

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_killed_process_leaves_every_line_that_it_answered_for(tmp_path: Path) -> None:
    """What was answered for may have been sent, so it must be there; also after a second kill."""
    path = tmp_path / "undo.jsonl"
    answered: list[int] = []
    for first in (1, 100_000):
        with subprocess.Popen(
            [sys.executable, "-c", _ADDING, str(path), str(first)], cwd=ROOT, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            answered += [int(process.stdout.readline()) for _ in range(200)]
            process.send_signal(signal.SIGKILL)
            answered += [int(line) for line in process.stdout if line.endswith(b"\n")]
    append_log.mend(path)
    logged = numbers_in(path)
    assert set(answered) <= set(logged)
    assert len(logged) == len(set(logged))
