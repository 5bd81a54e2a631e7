"""Which runs there are in a directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchpatch.reporting.runs import list_runs

if TYPE_CHECKING:
    import pytest


def test_a_directory_of_another_user_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A test may run as one who may read all, so the system's refusal is made up."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    is_file = Path.is_file

    def refused(path: Path, **more: Any) -> bool:
        if path.parent.name == "a":
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path, **more)

    monkeypatch.setattr(Path, "is_file", refused)
    found = list_runs(tmp_path)
    assert found.runs == []
    (sentence,) = found.unread
    assert sentence.startswith(f"{tmp_path / 'a'} cannot be read: Permission denied")
