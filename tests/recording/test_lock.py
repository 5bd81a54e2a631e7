"""A lock is a file of our own: it follows no link, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from batchpatch.errors import RecordError
from batchpatch.recording.append_log import Appender, cut_tail
from batchpatch.recording.files import Spool
from batchpatch.recording.lock import acquire, claimed, holder, own_folder
from batchpatch.recording.run_directory import RunDirectory

ROOT = Path(__file__).parents[2]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links and modes are POSIX")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file that somebody else needs."""
    path = tmp_path / "victim"
    path.write_text("theirs")
    path.chmod(0o644)
    return path


@POSIX
@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_lock_follows_no_link(link: object, tmp_path: Path, victim: Path) -> None:
    """Whoever may write into a directory could have any file of its owner emptied."""
    path = tmp_path / ".lock"
    link(path, victim)  # type: ignore[operator]
    with pytest.raises(RecordError, match=r"\.lock is a .*cannot be a lock: remove it"):
        acquire(path)
    assert (victim.read_text(), victim.stat().st_mode & 0o777) == ("theirs", 0o644)


@POSIX
def test_a_lock_is_no_pipe(tmp_path: Path) -> None:
    """It would be waited for, or written into."""
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(RecordError, match="cannot be a lock"):
        acquire(tmp_path / ".lock")


@POSIX
@pytest.mark.parametrize("variable", ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"])
def test_a_claim_is_in_a_folder_of_our_own_and_goes_with_its_end(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The temporary directory is everybody's; what is never removed grows with every client."""
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    with claimed("a client") as alone:
        assert alone
        (lock,) = tmp_path.rglob("*.lock")
        assert lock.parent.name == "batchpatch"
        assert lock.parent.stat().st_mode & 0o777 == 0o700
        with claimed("a client") as second, claimed("another") as third:
            assert (second, third) == (False, True)
        assert lock.exists()
    assert list(tmp_path.rglob("*.lock")) == []
    with claimed("a client") as alone:
        assert alone


def test_a_claim_of_a_killed_process_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is the system's, and the file that is left locks nothing."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    script = (
        "import os, signal\nfrom batchpatch.recording.lock import claimed\n"
        "with claimed('x'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert len(list(tmp_path.rglob("*.lock"))) == 1
    with claimed("x") as alone:
        assert alone
    assert list(tmp_path.rglob("*.lock")) == []


@POSIX
def test_no_usable_folder_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim is advice: a container without a home, or a variable that is wrong, ends no run."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    for home in ("", "relative", str(tmp_path / "nowhere"), "/proc"):
        monkeypatch.setenv("HOME", home)
        with claimed("x") as alone:
            assert alone
    assert not (tmp_path / "nowhere").exists()


@POSIX
def test_a_folder_that_others_can_reach_is_not_used(tmp_path: Path, victim: Path) -> None:
    """Neither one that they may write to, nor a link that they have put in its place."""
    shared, linked = tmp_path / "shared", tmp_path / "linked"
    shared.mkdir()
    shared.chmod(0o777)
    assert own_folder({"XDG_RUNTIME_DIR": str(shared)}) is None
    linked.mkdir(0o700)
    (linked / "batchpatch").symlink_to(tmp_path)
    assert own_folder({"XDG_RUNTIME_DIR": str(linked)}) is None
    found = own_folder({"XDG_RUNTIME_DIR": str(linked), "HOME": str(tmp_path)})
    assert found == tmp_path / ".local" / "state" / "batchpatch"
    found.chmod(0o755)
    assert own_folder({"HOME": str(tmp_path)}) == found
    assert found.stat().st_mode & 0o777 == 0o700


def test_a_look_at_a_lock_says_who_has_it_and_takes_nothing(tmp_path: Path) -> None:
    """Whoever watches a run must not be what keeps the next one from its directory."""
    path = tmp_path / ".lock"
    assert holder(path) is None
    assert not path.exists()
    descriptor = acquire(path)
    assert holder(path) == os.getpid()
    os.close(descriptor)
    assert holder(path) is None
    os.close(acquire(path))


@pytest.fixture
def complaining_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network file system, which may answer a close with what became of earlier writes."""
    close = os.close

    def complain(descriptor: int) -> None:
        close(descriptor)
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(os, "close", complain)


@pytest.mark.usefixtures("complaining_close")
def test_a_lock_is_let_go_whatever_its_close_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that was to be kept is kept by then: the work must not end as one that failed."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with claimed("a client") as alone:
        assert alone
    with RunDirectory(tmp_path, lock=acquire(tmp_path / ".lock"), made=None):
        assert holder(tmp_path / ".lock") == os.getpid()
    assert holder(tmp_path / ".lock") is None


@pytest.mark.usefixtures("complaining_close")
def test_what_was_synced_is_kept_whatever_its_close_says(tmp_path: Path) -> None:
    """A copy of standard input and a log are on disk before they are closed."""
    told: list[int] = []
    with Spool(tmp_path / "input", ended=lambda size, _: told.append(size)) as spool:
        spool.write(b"rows\n")
        spool.end()
    log = Appender(tmp_path / "log")
    log.append(b"line\n")
    log.sync()
    log.close()
    cut_tail(tmp_path / "log", 0)
    assert (told, (tmp_path / "log").read_bytes()) == ([5], b"")
