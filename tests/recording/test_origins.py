"""`origins.jsonl`: what other runs rely on, so that old values do not beat new ones."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import RecordError
from batchpatch.formats.origin import RunName, format_origin
from batchpatch.recording.origins import OriginsLog, read_origins

if TYPE_CHECKING:
    from pathlib import Path

RUN = RunName("/runs/first", "2026-03-04T05:06:07Z")


def cells(*rows: int) -> list[tuple[int, str]]:
    """Rows that have failed as the rows of the same numbers."""
    return [(row, format_origin(row, RUN)) for row in rows]


def kept(path: Path) -> list[int]:
    """The rows of which it is known where they have failed."""
    return [row for row, _ in read_origins(path)]


def test_a_torn_line_takes_no_other_with_it(tmp_path: Path) -> None:
    """A kill may leave half a line; what a resumed run adds must not become its end."""
    path = tmp_path / "origins.jsonl"
    OriginsLog(path).add(cells(1, 2))
    os.truncate(path, path.stat().st_size - 5)
    OriginsLog(path).add(cells(3))
    assert kept(path) == [1, 3]


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take a part of what is written: the rest is no loss to be silent about."""
    path = tmp_path / "origins.jsonl"
    log = OriginsLog(path)
    log.add(cells(1))
    write = os.write
    monkeypatch.setattr(os, "write", lambda to, data: write(to, data[:10]) if len(data) > 90 else 0)
    with pytest.raises(RecordError, match="disk full"):
        log.add(cells(2, 3))
    monkeypatch.undo()
    log.add(cells(4))
    assert kept(path) == [1, 4]
