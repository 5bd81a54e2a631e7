"""The official Python SDK, unchanged, takes the sandbox for the platform."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from pathlib import Path

import pytest

from batchpatch.sandbox import SandboxOptions, running
from batchpatch.sandbox.codes import code_id
from batchpatch.sandbox.conversations import (
    Seed,
    agent_id,
    customer_id,
    external_contact_id,
    phone_number,
    user_id,
)

C = "0b8a3c1e-5f7d-4e2a-9c61-2d4f6a8b0c1d"
SESSION = Path(__file__).with_name("sdk_session.py")

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("PureCloudPlatformClientV2") is None,
    reason="needs the official SDK: pip install '.[sdk]'",
)


async def session(*words: str) -> bytes:
    """What a program that uses the SDK prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SESSION),
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return out


@pytest.mark.asyncio
async def test_the_sdk_sets_wrap_up_codes_both_ways() -> None:
    """Its models and paths are the platform's, so what it reads back is what a user would see."""
    async with running(SandboxOptions(allowed=300, strict=True)) as server:
        server.state.conversations.add(Seed(conversation_id=C, participant_id=agent_id(C)))
        out = await session("wrapup", server.url, C, agent_id(C))
        stats = server.state.stats()
        codes = len(server.state.codes.all())
    assert json.loads(out) == {
        "codes": codes,
        "allowed": True,
        "before": None,
        "first": [code_id("Sale"), "Größe", True],
        "second": [code_id("No answer"), ["a", "b"], 12],
        "found": ["No answer"],
    }
    assert (stats["patches"], stats["patches_applied"], stats["revoked"]) == (2, 2, 1)


@pytest.mark.asyncio
async def test_the_sdk_mints_patches_and_reads_back() -> None:
    """The sandbox was written from what the SDK expects, and this is the proof.

    The SDK runs in a process of its own: it blocks, starts threads and warns while importing.
    """
    attributes = {"vip": "yes", "notes": "Größe"}
    async with running(SandboxOptions(allowed=300, strict=True)) as server:
        server.state.conversations.add(Seed(conversation_id=C, ended="2100-01-01T00:00:00.000Z"))
        out = await session("attributes", server.url, C, customer_id(C), json.dumps(attributes))
        assert server.state.stats()["statuses"] == {"200": 2, "202": 1, "400": 1}
    contact, user = external_contact_id(C), user_id(C)
    assert json.loads(out) == {
        "participants": {customer_id(C): ["customer", attributes], agent_id(C): ["agent", {}]},
        "whom": {
            customer_id(C): [contact, phone_number(C), None],
            agent_id(C): [None, None, user],
        },
        "ended": True,
        # The other id is no conversation, and is left out.
        "details": {
            C: [[customer_id(C), contact, None, "voice"], [agent_id(C), None, user, "voice"]]
        },
        "refused": "invalid.value",
    }
