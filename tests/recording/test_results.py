"""Lines of results: what they say, and how they reach the disk."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchpatch.errors import RecordError
from batchpatch.formats.result_line import encode
from batchpatch.model import Outcome, RowResult
from batchpatch.recording import append_log, results
from batchpatch.recording.results import BUFFER_BYTES, ResultsLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., RowResult]

text = st.text()
number = st.integers(0, 2**53)
any_result = st.builds(
    RowResult,
    row=st.integers(1, 2**33),
    line=number,
    source=text,
    outcome=st.sampled_from(Outcome),
    at=text,
    conversation_id=st.none() | text,
    participant_id=st.none() | text,
    keys=st.none() | st.lists(text),
    status=st.none() | number,
    code=st.none() | text,
    message=st.none() | text,
    hint=st.none() | text,
    attempts=st.none() | number,
    patch=st.none() | number,
    superseded_by=st.none() | number,
    correlation_id=st.none() | text,
    elapsed_ms=st.none() | number,
    verified=st.none() | st.booleans(),
    unverified=st.none() | text,
)
CONTRACT = [
    "row",
    "line",
    "source",
    "conversation_id",
    "participant_id",
    "participants",
    "applied_to",
    "keys",
    "outcome",
    "status",
    "code",
    "message",
    "hint",
    "attempts",
    "patch",
    "superseded_by",
    "correlation_id",
    "at",
    "elapsed_ms",
    "verified",
    "unverified",
    "id",
]


@given(any_result)
def test_every_field_comes_back(result: RowResult) -> None:
    """The line is the only memory of what became of a row, so no field may be lost or bent."""
    line = encode(result)
    fields = json.loads(line)
    assert fields == {k: v for k, v in result._asdict().items() if v is not None}
    assert list(fields) == [name for name in CONTRACT if name in fields]
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1


def test_a_file_name_that_is_not_utf8_still_makes_a_line(make_result: Make) -> None:
    """A name with stray bytes must not cost the report of its rows."""
    line = encode(make_result(1, source=os.fsdecode(b"caf\xe9.csv")))
    assert json.loads(line)["source"] == (
        "caf\\udce9.csv" if sys.platform != "win32" else "café.csv"
    )


def test_lines_are_written_in_blocks_and_in_order(
    tmp_path: Path, make_result: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write for each row would cost more than the request it reports."""
    sizes: list[int] = []
    write = os.write

    def counting(descriptor: int, data: Any) -> int:
        sizes.append(len(data))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", counting)
    log = ResultsLog(tmp_path / "results.jsonl")
    expected = [make_result(row) for row in range(1, 3001)]
    for result in expected:
        log.add(result)
    assert len(sizes) == sum(map(len, map(encode, expected))) // BUFFER_BYTES
    log.close()
    assert min(sizes[:-1]) >= BUFFER_BYTES
    assert (tmp_path / "results.jsonl").read_bytes() == b"".join(map(encode, expected))


def test_nothing_waits_in_the_buffer_after_flush(tmp_path: Path, make_result: Make) -> None:
    """A quiet run flushes by the clock; what is flushed must be readable at once."""
    log = ResultsLog(tmp_path / "results.jsonl")
    log.add(make_result(1))
    log.flush()
    assert (tmp_path / "results.jsonl").read_bytes() == encode(make_result(1))
    log.close()


def test_partial_writes_are_completed(
    tmp_path: Path, make_result: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may take less than it was given; the rest has to follow, not be forgotten."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    log = ResultsLog(tmp_path / "results.jsonl")
    for row in (1, 2, 3):
        log.add(make_result(row))
    log.close()
    expected = b"".join(encode(make_result(row)) for row in (1, 2, 3))
    assert (tmp_path / "results.jsonl").read_bytes() == expected


def test_a_disk_that_fills_up_leaves_whole_lines_and_stops_the_log(
    tmp_path: Path, make_result: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A torn line with good ones after it would make the whole file unusable for resuming."""
    path = tmp_path / "results.jsonl"
    log = ResultsLog(path)
    log.add(make_result(1))
    log.flush()
    room = [len(encode(make_result(2))) + 20]
    write = os.write

    def filling(descriptor: int, data: Any) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = write(descriptor, data[: room[0]])
        room[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", filling)
    log.add(make_result(2))
    log.add(make_result(3))
    with pytest.raises(RecordError, match=r"results\.jsonl cannot be written: disk full"):
        log.flush()
    monkeypatch.undo()
    for call in (log.flush, lambda: log.add(make_result(4))):
        with pytest.raises(RecordError, match="disk full"):
            call()
    log.close()
    assert path.read_bytes() == encode(make_result(1)) + encode(make_result(2))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a disk that is always full")  # noqa: PTH110
def test_the_kernels_own_disk_full_is_one_sentence(tmp_path: Path, make_result: Make) -> None:
    """The injected error above is only as good as the real one that it stands for."""
    path = tmp_path / "results.jsonl"
    path.symlink_to("/dev/full")
    mode = stat.S_IMODE(os.stat("/dev/full").st_mode)  # noqa: PTH116
    log = ResultsLog(path)
    log.add(make_result(1))
    with pytest.raises(RecordError, match="disk full; free some space"):
        log.close()
    assert stat.S_IMODE(os.stat("/dev/full").st_mode) == mode  # noqa: PTH116


def test_a_failed_sync_stops_the_log(
    tmp_path: Path, make_result: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an I/O error in sync the system may have dropped the data: going on would hide that."""

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    log = ResultsLog(tmp_path / "results.jsonl")
    log.add(make_result(1))
    log.flush()
    monkeypatch.setattr(append_log, "_sync_data", broken)
    with pytest.raises(RecordError, match="Input/output error"):
        log.sync()
    with pytest.raises(RecordError, match="Input/output error"):
        log.add(make_result(2))
    log.close()


def test_sync_in_another_thread_does_not_disturb_the_writer(
    tmp_path: Path, make_result: Make
) -> None:
    """The pipeline syncs in a thread, so that the disk never holds up the requests."""
    path = tmp_path / "results.jsonl"
    log = ResultsLog(path)
    errors: list[Exception] = []
    closed = threading.Event()

    def keep_syncing() -> None:
        try:
            while not closed.is_set():
                log.sync()
            log.sync()
        except (OSError, RecordError, ValueError) as error:
            errors.append(error)

    thread = threading.Thread(target=keep_syncing)
    thread.start()
    expected = [make_result(row) for row in range(1, 501)]
    for result in expected:
        log.add(result)
        log.flush()
    log.close()
    closed.set()
    thread.join()
    assert not errors
    assert path.read_bytes() == b"".join(map(encode, expected))


def test_appends_to_what_is_there_and_refuses_a_torn_end(tmp_path: Path, make_result: Make) -> None:
    """A resumed run goes on behind the last line, never inside it."""
    path = tmp_path / "results.jsonl"
    for row in (1, 2):
        log = ResultsLog(path)
        log.add(make_result(row))
        log.close()
    whole = encode(make_result(1)) + encode(make_result(2))
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-1])
    with pytest.raises(RecordError, match="middle of a line"):
        ResultsLog(path)


def test_a_directory_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    """An unplugged disk is the user's to fix, not a traceback."""
    with pytest.raises(RecordError, match=r"results\.jsonl cannot be written: No such file"):
        ResultsLog(tmp_path / "gone" / "results.jsonl")


def test_a_long_tail_without_an_end_is_read_in_one_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros that a power cut has left: each piece is copied once, however many there are."""
    monkeypatch.setattr(results, "BLOCK_BYTES", 64)
    path = tmp_path / "results.jsonl"
    path.write_bytes(b"{}\n" + bytes(4 << 20))
    before = time.process_time()
    whole, tail = results.blocks(path)
    assert (whole.data, tail.torn, len(tail.data)) == (b"{}\n", True, 4 << 20)
    assert time.process_time() - before < 2
