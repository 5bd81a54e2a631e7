"""Lets the tests here import the harness that `run.py` beside it uses as well."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from batchpatch.genesys.rate_limit import shared_limit, window_state

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def quick_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is a fault like others here: seconds of patience would only cost time."""
    from harness.client import QUICK_HOLD, QUICK_SHARED

    for name, value in QUICK_HOLD.items():
        monkeypatch.setattr(window_state, name, value)
    for name, value in QUICK_SHARED.items():
        monkeypatch.setattr(shared_limit, name, value)
