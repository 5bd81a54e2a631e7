"""A sandbox for each test, patchers that send to it, and programs that use the library."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import forked
import pytest

from batchpatch.service.patcher import Patcher
from batchpatch.testing import Sandbox, open_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    StartSandbox = Callable[..., Sandbox]
    MakePatcher = Callable[..., Patcher]
    StartProgram = Callable[[str, Sandbox], subprocess.Popen[str]]

ROOT = Path(__file__).parents[2]
forked.fork_sandboxes()


@pytest.fixture
def start_sandbox() -> Iterator[StartSandbox]:
    """Starts sandboxes with options, which end with the test."""
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(open_sandbox(*options))


@pytest.fixture
def sandbox(start_sandbox: StartSandbox) -> Sandbox:
    """A sandbox without limits or faults."""
    return start_sandbox()


@pytest.fixture
def make_patcher(sandbox: Sandbox) -> MakePatcher:
    """Makes patchers that send to `sandbox`, or to `at`."""

    def make(at: Sandbox = sandbox, **options: Any) -> Patcher:
        return Patcher(account=at.account, **options)

    return make


@pytest.fixture
def start_program(tmp_path: Path) -> Iterator[StartProgram]:
    """Starts a program of a few lines that uses the library, with `URL` and `ids` at hand."""
    started: list[subprocess.Popen[str]] = []
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GENESYS", "GC_", "HTTP"))}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))

    def start(text: str, sandbox: Sandbox) -> subprocess.Popen[str]:
        program = tmp_path / f"program{len(started)}.py"
        program.write_text(_BEGIN.format(url=sandbox.url) + textwrap.dedent(text))
        process = subprocess.Popen(
            # From Python 3.12 on a fork amid threads is warned of, and some tests fork there.
            [sys.executable, "-W", "ignore:This process:DeprecationWarning", str(program)],
            cwd=tmp_path,
            env={**kept, **sandbox.environment, "PYTHONPATH": path, "HOME": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


_BEGIN = """
import os, sys, threading, uuid
from time import monotonic
import batchpatch
from batchpatch import Patcher, close_sync, configure_sync, patch_sync
from batchpatch.testing import Sandbox

URL = {url!r}

def ids(number):
    return str(uuid.UUID(int=2 * number + 1)), str(uuid.UUID(int=2 * number + 2))

def patch(number, **more):
    conversation, participant = ids(number)
    return patch_sync(conversation, {{"n": str(number)}}, participant=participant, **more).outcome

def await_in_flight(count):
    until_s = monotonic() + 20
    while Sandbox(URL).stats()["in_flight"] < count:
        assert monotonic() < until_s, "nothing is in flight"

configure_sync(lambda: Patcher(api_url=URL))
"""


def ids(number: int) -> tuple[str, str]:
    """A conversation and a participant."""
    return str(uuid.UUID(int=2 * number + 1)), str(uuid.UUID(int=2 * number + 2))


@pytest.fixture(name="ids")
def ids_fixture() -> Callable[[int], tuple[str, str]]:
    """A conversation and a participant, by a number."""
    return ids


@pytest.fixture
def outcome_of() -> Callable[[subprocess.Popen[str]], tuple[list[str], str]]:
    """Waits for a program: its lines, and what it has said of errors."""

    def wait(process: subprocess.Popen[str]) -> tuple[list[str], str]:
        out, err = process.communicate(timeout=60)
        return out.splitlines(), err

    return wait
