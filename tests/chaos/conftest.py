"""Lets the tests here import the harness that `run.py` beside it uses as well."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchpatch.genesys.rate_limit import shared_limit, window_state

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def quick_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is a fault like others here: seconds of patience would only cost time."""
    from harness.client import QUICK_HOLD, QUICK_SHARED

    for name, value in QUICK_HOLD.items():
        monkeypatch.setattr(window_state, name, value)
    for name, value in QUICK_SHARED.items():
        monkeypatch.setattr(shared_limit, name, value)


@pytest.fixture
def refuse_broken(tmp_path: Path) -> Callable[..., None]:
    """Fail where promises were broken, in a few lines; what the case has left stays for a look.

    What stops comes at an instant that nobody can repeat, and pytest removes its own directories.
    """
    from harness.telling import told

    def refuse(broken: Sequence[str], *details: object) -> None:
        if broken:
            kept = Path(tempfile.mkdtemp(prefix="batchpatch-chaos-"))
            shutil.copytree(tmp_path, kept, dirs_exist_ok=True)
            pytest.fail(told(broken, kept, details=details), pytrace=False)

    return refuse
