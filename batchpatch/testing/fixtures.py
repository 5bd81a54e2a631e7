"""The fixtures. Their names begin with the library's, because they are guests in a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from batchpatch.service.patcher import Patcher
from batchpatch.service.sync import made_by, patch_sync
from batchpatch.testing.sandbox import Sandbox, open_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from batchpatch.model import RowResult

    asynchronous: Callable[..., Any] = pytest.fixture
else:
    try:
        # Its own decorator serves in each of its modes; pytest's alone would not in the strict one.
        from pytest_asyncio import fixture as asynchronous
    except ImportError:  # another plugin runs asynchronous tests, such as anyio's
        asynchronous = pytest.fixture


@pytest.fixture(scope="session")
def batchpatch_sandbox() -> Iterator[Sandbox]:
    """A sandbox of its own for all tests of the process."""
    with open_sandbox() as sandbox:
        yield sandbox


@asynchronous
async def batchpatch_patcher(batchpatch_sandbox: Sandbox) -> AsyncIterator[Patcher]:
    """A patcher that sends to the sandbox, open on the loop of the test and drained at its end."""
    async with Patcher(account=batchpatch_sandbox.account) as patcher:
        yield patcher


@pytest.fixture
def batchpatch_sync(batchpatch_sandbox: Sandbox) -> Iterator[Callable[..., RowResult]]:
    """`patch_sync`, which sends to the sandbox, whoever calls it, until the test ends."""
    with made_by(lambda: Patcher(account=batchpatch_sandbox.account)):
        yield patch_sync
