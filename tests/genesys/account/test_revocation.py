"""Tokens that a run has minted do not outlive it, and nobody waits long for that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from batchpatch.genesys.account.token_endpoint import revoke
from batchpatch.genesys.replies import NoReply

if TYPE_CHECKING:
    from batchpatch.genesys.account.tokens import MintedTokens

RunVirtual = Callable[[Any], Any]
Make = Callable[[Any], "MintedTokens"]
API = "https://api.mypurecloud.ie"


def revoked(platform: Any) -> list[str]:
    """With which tokens it was asked, in order."""
    return [token for _, url, token in platform.seen if url == f"{API}/api/v2/tokens/me"]


def test_each_revokes_itself(platform: Any, token_source: Make, run_virtual: RunVirtual) -> None:
    """The one that was renewed lately still holds; one that was rejected is gone already."""

    async def run() -> None:
        tokens = token_source(platform)
        platform.mints = [platform.grant(), platform.grant(expires_in=100), platform.grant()]
        rejected = await tokens.current()
        rejected.accepted = True
        tokens.reject(rejected)
        await tokens.current()
        await asyncio.sleep(95)
        await tokens.current()
        await revoke(platform, API, tokens.valid())

    run_virtual(run())
    assert revoked(platform) == ["Bearer hush-2", "Bearer hush-3"]


def test_one_that_has_expired_is_left_alone(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """A run of days has had many; what is kept of them does not grow."""

    async def run() -> int:
        tokens = token_source(platform)
        platform.mints = [platform.grant(expires_in=100) for _ in range(20)]
        for _ in range(20):
            await tokens.current()
            await asyncio.sleep(200)
        return len(tokens.valid())

    assert run_virtual(run()) <= 1


def test_a_platform_that_does_not_answer_is_not_waited_for(
    platform: Any, token_source: Make, run_virtual: RunVirtual
) -> None:
    """Two seconds at most, and no error: the token dies of its age."""

    async def run() -> float:
        tokens = token_source(platform)
        await tokens.current()
        platform.answers = [NoReply("connection", "refused", sent=False)]
        await revoke(platform, API, tokens.valid())
        platform.latency_s = 100.0
        await revoke(platform, API, tokens.valid())
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) < 2.5
