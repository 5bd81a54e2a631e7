"""Pytest fixtures for programs that use batchpatch: a sandbox, and patchers that send to it.

In the `conftest.py` of a project, beside its tests' root:

    pytest_plugins = ["batchpatch.testing"]

and then, with pytest-asyncio in whatever mode, or anyio:

    async def test_tier(batchpatch_patcher, batchpatch_sandbox):
        await handle_event(event, batchpatch_patcher)
        assert batchpatch_sandbox.stored(conversation_id, participant_id) == {"tier": "gold"}

    def test_task(batchpatch_sync, batchpatch_sandbox):  # what calls patch_sync sends there
        assert my_task(conversation_id, participant_id) == "updated"

The sandbox is a process of its own that ends with the tests; one of each worker of pytest-xdist.
Participants that it has never heard of are adopted: any two UUIDs will do for a patch.
"""

from __future__ import annotations

from batchpatch.testing.fixtures import batchpatch_patcher, batchpatch_sandbox, batchpatch_sync
from batchpatch.testing.sandbox import Sandbox, open_sandbox

__all__ = [
    "Sandbox",
    "batchpatch_patcher",
    "batchpatch_sandbox",
    "batchpatch_sync",
    "open_sandbox",
]
