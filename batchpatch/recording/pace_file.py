"""The pace file: a rate that another process asks of a run at work, in the run's directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchpatch.errors import SettingsError
from batchpatch.options.spelling import parse_rate
from batchpatch.recording.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from batchpatch.options.run import Rate

_MOST_BYTES = 100


def ask_pace(path: Path, rate: Rate | None) -> None:
    """Ask for a rate; None for no cap. Raises RecordError where it cannot be written."""
    write_atomically(path, f"{rate or 'none'}\n".encode(), of_run=False)


def take_pace(path: Path) -> tuple[Rate | None] | None:
    """The rate that was asked for, once: its file goes. None where there is none, or it is none."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("ascii", "replace")
        path.unlink()
        return (parse_rate(text.strip()),)
    except (OSError, SettingsError):
        return None
