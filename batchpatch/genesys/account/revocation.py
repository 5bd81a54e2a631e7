"""Revocation: the tokens that a run has minted are given back at its end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchpatch.genesys.account.tokens import Token, TokenRequester


_log = logging.getLogger(__name__)


_PATH = "/api/v2/tokens/me"


# A token that is not given back dies of its age: nobody waits longer than this for its sake.
_PATIENCE_S = 2.0


async def revoke(sender: TokenRequester, api_url: str, tokens: Iterable[Token]) -> None:
    """Revoke these tokens, as far as the platform answers in time. Raises nothing of its own.

    Each request asks with the token that it revokes, and is in no count and under no limit of ours.
    """
    requests = [sender.send("DELETE", api_url + _PATH, one.headers, None) for one in tokens]
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await asyncio.gather(*requests)
    except TimeoutError:
        _log.debug("not every token was revoked in time")
