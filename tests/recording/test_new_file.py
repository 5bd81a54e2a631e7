"""What somebody asks to be written takes the place of nothing unsaid."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import SettingsError
from batchpatch.recording.new_file import new_file, refuse_taken
from batchpatch.recording.plan_output import refuse_output

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no named pipes there")


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """What is no regular file, like /dev/null, and may be lost."""
    os.mkfifo(tmp_path / "device")
    return tmp_path / "device"


@pytest.mark.parametrize("force", [False, True])
def test_a_device_is_refused_whatever_is_asked(device: Path, force: bool) -> None:
    """Whoever says /dev/null as root would have a file there, and all others with them."""
    with pytest.raises(SettingsError, match="is a device or a pipe: name a file"):
        refuse_taken(device, flag="--csv", force=force)


def test_a_plan_does_not_take_the_place_of_a_device(device: Path) -> None:
    """It is empty, as a file is that `mktemp` has made: that one may be replaced."""
    with pytest.raises(SettingsError, match="is a device or a pipe: name a file"):
        refuse_output(device)


def test_a_link_stays_one(tmp_path: Path) -> None:
    """It leads to where the file is kept, such as a shared drive."""
    (tmp_path / "kept.html").write_text("old")
    (tmp_path / "page.html").symlink_to("kept.html")
    with new_file(tmp_path / "page.html") as file:
        file.write(b"page")
    assert (tmp_path / "kept.html").read_text() == "page"
    assert (tmp_path / "page.html").is_symlink()


def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    """Nothing is lost of what `mktemp` has made."""
    (tmp_path / "empty.csv").touch()
    refuse_taken(tmp_path / "empty.csv", flag="--csv", force=False)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("full.csv", "is there already"), (".", "is a directory"), ("none/a.csv", "is no directory")],
)
def test_each_reason_is_a_sentence(name: str, reason: str, tmp_path: Path) -> None:
    """What is in the way is named with the flag that has named it."""
    (tmp_path / "full.csv").write_text("somebody's")
    with pytest.raises(SettingsError, match=f"--csv: .*{reason}"):
        refuse_taken(tmp_path / name, flag="--csv", force=False)


def test_a_name_that_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    """The system refuses even to look."""
    with pytest.raises(SettingsError, match=r"--csv: .*cannot be"):
        refuse_taken(tmp_path / ("x" * 300), flag="--csv", force=False)
