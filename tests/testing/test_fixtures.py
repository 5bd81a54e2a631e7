"""batchpatch.testing, in a project of one's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchpatch.errors import OutageError
from batchpatch.testing import open_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
IDS = """
CONVERSATION = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
PARTICIPANT = "3f2504e0-4f89-41d3-9a0c-0305e82c3302"
"""

SETTINGS = """
[pytest]
asyncio_mode = {mode}
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""

ASYNCHRONOUS = """
import pytest

async def handle(event, patcher):
    return await patcher.patch(event["id"], {"tier": "gold"}, participant="customer")

@mark
async def test_it_is_stored(batchpatch_patcher, batchpatch_sandbox):
    batchpatch_sandbox.know(CONVERSATION, PARTICIPANT, purpose="customer")
    result = await handle({"id": CONVERSATION}, batchpatch_patcher)
    assert result.outcome == "updated"
    assert batchpatch_sandbox.stored(CONVERSATION, PARTICIPANT) == {"tier": "gold"}

@mark
async def test_a_refusal(batchpatch_patcher, batchpatch_sandbox):
    with batchpatch_sandbox.failing("status=400"):
        result = await batchpatch_patcher.patch(
            CONVERSATION, {"a": "b"}, participant=PARTICIPANT
        )
    assert (result.outcome, result.status) == ("rejected", 400)
    assert batchpatch_sandbox.tokens_minted == 2  # a patcher a test
"""

SYNCHRONOUS = """
import batchpatch

def task():
    return batchpatch.patch_sync(CONVERSATION, {"tier": "gold"}, participant=PARTICIPANT)

def test_what_calls_patch_sync(batchpatch_sync, batchpatch_sandbox):
    assert task().outcome == "updated"
    assert batchpatch_sync(CONVERSATION, {"n": 1}, participant=PARTICIPANT).status == 202
    assert batchpatch_sandbox.stored(CONVERSATION, PARTICIPANT) == {"tier": "gold", "n": "1"}

def test_afterwards_it_is_as_before():
    try:
        task()
    except batchpatch.AccessError:
        return
    raise AssertionError("it went to the sandbox")
"""


@pytest.fixture
def run_project(tmp_path: Path) -> Callable[..., str]:
    """Runs the tests of a project that uses the plugin; gives what pytest says of them."""

    def run(tests: str, *, mode: str = "strict") -> str:
        (tmp_path / "conftest.py").write_text('pytest_plugins = ["batchpatch.testing"]\n')
        (tmp_path / "test_it.py").write_text(IDS + tests)
        (tmp_path / "pytest.ini").write_text(SETTINGS.format(mode=mode))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GENESYS", "PYTEST"))}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no"],
            cwd=tmp_path,
            env={**kept, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    return run


@pytest.mark.parametrize(("mode", "mark"), [("strict", "@pytest.mark.asyncio\n"), ("auto", "")])
def test_a_patcher_in_an_asynchronous_test(
    run_project: Callable[..., str], mode: str, mark: str
) -> None:
    """A plugin that asks for a mode of pytest-asyncio would break the other tests of a project."""
    assert "2 passed" in run_project(ASYNCHRONOUS.replace("@mark\n", mark), mode=mode)


def test_patch_sync_in_a_synchronous_test(run_project: Callable[..., str]) -> None:
    """What calls patch_sync has no parameter for another address, and needs none."""
    assert "2 passed" in run_project(SYNCHRONOUS)


def test_an_option_that_it_does_not_know() -> None:
    """A fixture of one's own with a typo ends in a sentence, not in a wait."""
    with pytest.raises(OutageError, match="did not start"), open_sandbox("--alowed", "300"):
        pass
