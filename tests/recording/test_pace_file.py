"""The pace file is whole or it is not there: a run at work obeys what it says."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import RecordError
from batchpatch.options.spelling import parse_rate
from batchpatch.recording.pace_file import ask_pace, take_pace

if TYPE_CHECKING:
    from pathlib import Path


def test_a_pace_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked for is asked for again; the run is at work, and is not to be resumed."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("write", "fsync"):
        monkeypatch.setattr(os, name, full)
    with pytest.raises(RecordError, match=r"pace cannot be written: disk full; .* and try again"):
        ask_pace(tmp_path / "pace", parse_rate("5/s"))
    assert list(tmp_path.iterdir()) == []


def test_a_pace_is_taken_once(tmp_path: Path) -> None:
    """Obeyed twice, it would undo what somebody else has asked for since."""
    path = tmp_path / "pace"
    ask_pace(path, None)
    assert (take_pace(path), take_pace(path)) == ((None,), None)
