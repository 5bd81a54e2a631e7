"""The run's directory: its name, its modes, its lock, and no trace of a run that was none."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import RecordError, SettingsError
from batchpatch.recording.files import record_error, write_atomically
from batchpatch.recording.results import ResultsLog
from batchpatch.recording.run_directory import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchpatch.model import RowResult

    Make = Callable[..., RowResult]

NOW = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def create(out: Path | None = None, *, base: Path, name: str = "rows.csv") -> RunDirectory:
    return RunDirectory.create(out, input_name=name, now=NOW, base=base)


@pytest.fixture(params=[0, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """An umask that gives everything away, and one that takes everything."""
    previous = os.umask(request.param)
    yield
    os.umask(previous)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("rows.csv", "rows"),
        ("/data/July wrap-up.csv.gz", "July-wrap-up"),
        ("-", "stdin"),
        ("../..", "run"),
        ("a.b.jsonl", "a.b"),
        ("=é\n.csv", "run"),
        ("x" * 300, "x" * 80),
    ],
)
def test_the_name_says_which_input_and_when(tmp_path: Path, name: str, stem: str) -> None:
    """A user finds last night's run by its name; no input name may lead out of the base."""
    with create(base=tmp_path, name=name) as run:
        assert run.path == tmp_path / f"{stem}-20250304T050607Z"
        assert run.path.is_dir()


def test_runs_of_one_second_get_numbers(tmp_path: Path) -> None:
    """Two runs started by one script must not share a directory."""
    with create(base=tmp_path) as one, create(base=tmp_path) as two, create(base=tmp_path) as three:
        names = [run.path.name for run in (one, two, three)]
    assert names == [f"rows-20250304T050607Z{end}" for end in ("", "-2", "-3")]


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
@pytest.mark.usefixtures("umask")
def test_only_the_owner_can_read_whatever_the_umask(tmp_path: Path, make_result: Make) -> None:
    """Results name participants, and failed rows hold their data: both are nobody else's."""
    own = tmp_path / "runs"
    with create(base=own) as run, create(tmp_path / "given", base=own) as given:
        write_atomically(run.manifest_path, b"{}")
        log = ResultsLog(run.results_path)
        log.add(make_result(1))
        log.close()
        modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (own, run.path, given.path)}
        files = {p.name: stat.S_IMODE(p.stat().st_mode) for p in run.path.iterdir()}
    assert set(modes.values()) == {0o700}
    assert files == {".lock": 0o600, "run.json": 0o600, "results.jsonl": 0o600}


def test_out_that_is_in_use_for_something_else_is_refused(tmp_path: Path) -> None:
    """Results of two runs in one file could never be told apart again."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    with pytest.raises(SettingsError, match=r"full is not empty; name a new directory with --out"):
        create(tmp_path / "full", base=tmp_path)
    with pytest.raises(SettingsError, match="is a file"):
        create(tmp_path / "full" / "notes.txt", base=tmp_path)
    assert [entry.name for entry in (tmp_path / "full").iterdir()] == ["notes.txt"]


def test_out_may_be_an_empty_directory(tmp_path: Path) -> None:
    """`mktemp -d` hands one out; so does a run that died before it wrote anything."""
    (tmp_path / "empty").mkdir()
    create(tmp_path / "empty", base=tmp_path).close()
    create(tmp_path / "empty", base=tmp_path).close()
    assert [entry.name for entry in (tmp_path / "empty").iterdir()] == [".lock"]


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    """A path through a file fails in the system's words; the user gets ours."""
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"cannot be made: "):
        create(base=tmp_path / "file" / "runs")


def test_what_was_never_begun_is_not_to_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk there is no run yet: what helps is the same command again."""

    def full(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(SettingsError, match="cannot be made: disk full; free some space and try a"):
        create(base=tmp_path / "runs")


def test_a_lock_that_cannot_be_written_leaves_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt with a full disk would leave one more that is no run."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(SettingsError, match=r"\.lock cannot be locked: disk full; free some space"):
        create(base=tmp_path / "runs")
    assert list(tmp_path.iterdir()) == []


def test_open_wants_a_run(tmp_path: Path) -> None:
    """`resume` with the wrong directory is a typo, found before anything is sent."""
    with pytest.raises(SettingsError, match=r"not the directory of a run: it has no run\.json"):
        RunDirectory.open(tmp_path)
    with pytest.raises(SettingsError, match=r"gone does not exist\. `batchpatch runs` lists"):
        RunDirectory.open(tmp_path / "gone")


def test_what_a_killed_process_was_writing_goes_with_the_next_one(tmp_path: Path) -> None:
    """Where the file is not written again, its half would lie beside the run for ever. What others
    write without the lock stays: a pace, and files that are not the run's."""
    kept = {".lock", "run.json", ".pace.tmp", ".o.csv.tmp", ".tmp", "notes.tmp"}
    killed = {".run.json.tmp", ".summary.json.tmp", ".failed-2.csv.tmp", ".undo-input.jsonl.tmp"}
    with create(base=tmp_path) as run:
        for name in (kept | killed) - {".lock"}:
            (run.path / name).write_text("{}")
    RunDirectory.open(run.path, lock=False).close()
    assert {entry.name for entry in run.path.iterdir()} == kept | killed
    RunDirectory.open(run.path).close()
    assert {entry.name for entry in run.path.iterdir()} == kept


def test_a_live_directory_is_refused_and_a_closed_one_is_free(tmp_path: Path) -> None:
    """Two writers of one results file would settle rows twice."""
    with create(base=tmp_path) as run:
        write_atomically(run.manifest_path, b"{}")
        with pytest.raises(RecordError, match=rf"in use by process {os.getpid()}: wait"):
            RunDirectory.open(run.path)
        RunDirectory.open(run.path, lock=False).close()
        with pytest.raises(RecordError, match="in use"):
            RunDirectory.open(run.path)
    with RunDirectory.open(run.path) as again:
        assert again.results_path == run.results_path


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_killed_process_holds_no_lock(tmp_path: Path) -> None:
    """Resuming after `kill -9` is the point of the lock; it must not need a hand to remove it."""
    (tmp_path / "run.json").write_text("{}")
    holder = (
        "import sys; from pathlib import Path\n"
        "from batchpatch.recording.run_directory import RunDirectory\n"
        "run = RunDirectory.open(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(RecordError, match=f"process {process.pid}:"):
            RunDirectory.open(tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
        RunDirectory.open(tmp_path).close()


def test_discard_leaves_nothing_of_a_run_that_settled_nothing(tmp_path: Path) -> None:
    """An input refused at once should not litter the user's directory."""
    base = tmp_path / "runs"
    run = create(base=base)
    write_atomically(run.manifest_path, b"{}")
    run.results_path.touch()
    run.spool_path.write_bytes(b"half an input")
    assert run.discard()
    assert not base.exists()


def test_discard_keeps_what_others_made(tmp_path: Path) -> None:
    """The directory given with --out, and files put into it meanwhile, are the user's."""
    (tmp_path / "mine").mkdir()
    run = create(tmp_path / "mine", base=tmp_path)
    (run.path / "notes.txt").touch()
    write_atomically(run.manifest_path, b"{}")
    assert run.discard()
    assert [entry.name for entry in run.path.iterdir()] == ["notes.txt"]


def test_discard_never_removes_results(tmp_path: Path, make_result: Make) -> None:
    """One settled row is enough to make the directory worth keeping, and so is an older run."""
    with create(base=tmp_path) as run:
        write_atomically(run.manifest_path, b"{}")
        log = ResultsLog(run.results_path)
        log.add(make_result(1))
        log.close()
        assert not run.discard()
    run.results_path.write_bytes(b"")
    with RunDirectory.open(run.path) as again:
        assert not again.discard()
    assert run.manifest_path.exists()


def test_failed_files_are_numbered_only_when_there_are_several(tmp_path: Path) -> None:
    """One input is the usual case and deserves the plain name."""
    with create(base=tmp_path) as run:
        assert run.failed_path("csv").name == "failed.csv"
        assert run.failed_path("jsonl", source=1, sources=2).name == "failed-2.jsonl"


def test_atomic_writing_keeps_the_old_file_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk must not cost the summary of yesterday."""
    path = tmp_path / "summary.json"
    write_atomically(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordError, match=r"summary\.json cannot be written: disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["summary.json"]


@pytest.mark.parametrize(
    ("code", "of_run", "to_do"),
    [
        (errno.EIO, True, "see to the disk and resume the run"),
        (errno.EIO, False, "see to the disk and try again"),
        (errno.EDQUOT, True, "free some space and resume the run"),
        (errno.EROFS, True, "check the permissions or choose another directory"),
    ],
)
def test_what_cannot_be_written_says_what_to_do(code: int, of_run: bool, to_do: str) -> None:
    """A run's files have the names that they have: another name is nothing to be told of them."""
    error = OSError(code, os.strerror(code))
    told = str(record_error(Path("r/results.jsonl"), error, of_run=of_run))
    assert told.startswith("r/results.jsonl cannot be written: ")
    assert told.endswith(f"; {to_do}")
