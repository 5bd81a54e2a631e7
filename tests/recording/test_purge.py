"""Removing what holds customers' values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batchpatch.recording.run_directory import RunDirectory, purge

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = {"input", "failed.csv", "failed-12.jsonl", "undo.jsonl", ".failed.csv.tmp"}
KEPT = {"run.json", "results.jsonl", "summary.json", "failed.csv.notes", "failed-0.csv", ".lock"}


def test_values_go_and_results_stay(tmp_path: Path) -> None:
    """Also what a kill left half written holds values; what others put there is not ours."""
    out = tmp_path / "run"
    with RunDirectory.create(out, input_name="-", now=datetime.now(UTC)) as run:
        for name in PRIVATE | KEPT - {".lock"}:
            (out / name).write_bytes(b"x")
        assert {path.name for path in purge(run)} == PRIVATE
        assert {path.name for path in out.iterdir()} == KEPT
        assert purge(run) == []
