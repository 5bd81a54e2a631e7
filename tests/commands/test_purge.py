"""What a purge of many runs does when others are at them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from batchpatch.commands import purge as purging
from batchpatch.errors import RecordError
from batchpatch.formats.run_json import Manifest
from batchpatch.recording.manifest import write_manifest
from batchpatch.reporting.runs import list_runs

if TYPE_CHECKING:
    from pathlib import Path

BEGUN = Manifest(version="1", inputs=(), mapping={}, started="2020-01-01T00:00:00.000Z")


def test_a_run_that_goes_meanwhile_keeps_no_value_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two purges of a night may meet: what one has removed, the other need not."""
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        write_manifest(tmp_path / name / "run.json", BEGUN)
        (tmp_path / name / "failed.csv").write_text("a value")

    def listed(folder: Path) -> object:
        found = list_runs(folder)
        shutil.rmtree(tmp_path / "b")
        return found

    monkeypatch.setattr(purging, "list_runs", listed)
    done = purging.purge_old(tmp_path, older_than_s=60)
    assert sorted(path.parent.name for path in done.removed) == ["a", "c"]
    assert done.problems == []


def test_a_purge_that_ends_halfway_can_be_made_again(tmp_path: Path) -> None:
    """Values lay in what was no run's directory any more, and no command would remove them."""
    out = tmp_path / "run"
    (out / "undo.jsonl").mkdir(parents=True)  # no file, so it cannot be removed like one
    write_manifest(out / "run.json", BEGUN)
    for name in ("failed.csv", "results.jsonl", "timeline.jsonl"):
        (out / name).write_text("x")
    with pytest.raises(RecordError, match=r"run cannot be removed: .*; (?!.*resume)"):
        purging.purge(out, whole=True)
    (out / "undo.jsonl").rmdir()
    (out / "undo.jsonl").write_text("a value")
    purging.purge(out, whole=True)
    assert not out.exists()
