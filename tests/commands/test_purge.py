"""What a purge of many runs does when others are at them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from batchpatch.commands import purge as purging
from batchpatch.formats.run_json import Manifest
from batchpatch.recording.manifest import write_manifest
from batchpatch.reporting.runs import list_runs

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

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
