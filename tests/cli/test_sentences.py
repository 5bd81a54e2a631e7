"""What a refusal says: whole sentences, in the system's words, and who has set the flag."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from batchpatch.commands.undo_preview import undo_preview
from batchpatch.recording.lock import acquire

Run = Callable[..., subprocess.CompletedProcess[str]]
Rows = Callable[..., Path]


@pytest.mark.parametrize(
    "words",
    [
        ["run", "rows.csv", "--sandbox", "--out", "rows.csv"],
        ["run", "rows.csv", "--sandbox", "--out", "used"],
        ["run", "rows.csv", "--sandbox", "--out", "/proc/x"],
        ["plan", "rows.csv", "--sandbox", "--out", "rows.csv"],
        ["plan", "rows.csv", "--sandbox", "--out", "used"],
        ["report", "used"],
        ["runs", "nowhere"],
        ["check", "nowhere.csv"],
        ["run", "--nope"],
    ],
    ids=" ".join,
)
def test_a_refusal_is_a_whole_sentence(
    words: list[str], batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """Whoever has composed it, in whatever stage: what, of what, what to do, and a full stop."""
    make_rows(1).rename(tmp_path / "rows.csv")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "x").write_text("")
    done = batchpatch(*words)
    assert done.returncode == 2
    assert done.stderr.endswith((".\n", "?\n"))
    assert ": " in done.stderr.removeprefix("batchpatch: ") or "; " in done.stderr


def test_a_flag_that_was_not_typed_is_told_with_its_place(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """Nobody finds `--rules` on a command line on which it does not stand."""
    rows = str(make_rows(1))
    (tmp_path / "batchpatch.toml").write_text('rules = "gone.toml"\nwindow = 5\n')
    done = batchpatch("check", rows)
    assert done.returncode == 2
    assert done.stderr.endswith("check the path. --rules comes from batchpatch.toml.\n")
    done = batchpatch("check", rows, env={"BATCHPATCH_RULES": "other.toml"})
    assert done.stderr.endswith("check the path. --rules comes from BATCHPATCH_RULES.\n")
    assert "comes from" not in batchpatch("check", rows, "--rules", "typed.toml").stderr


def test_a_pair_in_a_file_is_asked_for_without_a_command_line(
    batchpatch: Run, make_rows: Rows, tmp_path: Path
) -> None:
    """`batchpatch.toml: map FIELD=COLUMN` is nothing that one could write there."""
    (tmp_path / "batchpatch.toml").write_text('map = "foo"\n')
    done = batchpatch("check", str(make_rows(1)))
    assert done.stderr == "batchpatch: batchpatch.toml: map 'foo': write FIELD=COLUMN.\n"


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
@pytest.mark.parametrize(
    "words",
    [
        ["check", "rows.csv"],
        ["plan", "rows.csv", "--sandbox", "--out", "-"],
        ["report", "r", "--csv", "-"],
    ],
    ids=" ".join,
)
def test_a_full_disk_behind_standard_output_is_told_in_one_way(
    words: list[str], batchpatch: Run, make_rows: Rows, environment: dict[str, str], tmp_path: Path
) -> None:
    """Whether it was lines, a plan or a table: what is there is not whole."""
    make_rows(3).rename(tmp_path / "rows.csv")
    batchpatch("run", "rows.csv", "--sandbox", "--out", "r")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "batchpatch", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
    assert done.returncode == 3
    told = "Standard output cannot be written (No space left on device), so what went there is not"
    assert told in done.stderr
    assert "- has" not in done.stderr


def test_a_closed_port_is_told_in_the_systems_words(batchpatch: Run) -> None:
    """`Connect call failed ('127.0.0.1', 1)` are a library's."""
    credentials = {
        "GENESYSCLOUD_OAUTHCLIENT_ID": "x",
        "GENESYSCLOUD_OAUTHCLIENT_SECRET": "y",
        "HURRIED": "mints",
    }
    done = batchpatch("doctor", "--api-url", "http://127.0.0.1:1", "--json", env=credentials)
    assert "cannot connect to 127.0.0.1:1: Connection refused" in done.stdout


def test_an_undo_of_an_archive_that_is_read_only_can_be_looked_at(
    batchpatch: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written by looking, so no lock is needed where none can be made."""
    rows = batchpatch("sandbox", "rows", "--count", "2").stdout
    (tmp_path / "rows.csv").write_text(rows, encoding="utf-8")
    batchpatch("run", "rows.csv", "--sandbox", "--keep-before", "--out", "r")
    acquire(tmp_path / "r" / ".lock")  # to see that it is not asked for
    monkeypatch.setattr("os.access", lambda *_: False)
    preview = undo_preview(tmp_path / "r")
    assert preview is not None
    assert preview.participants == 2
