"""A client with the real network, clock and randomness."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from batchpatch.errors import SettingsError
from batchpatch.genesys.client import GenesysClient
from batchpatch.genesys.credentials import AccessToken, Account
from batchpatch.genesys.gate import Gate
from batchpatch.genesys.lanes import QuotaOptions
from batchpatch.genesys.outage import MAX_OUTAGE_S
from batchpatch.genesys.pacer import Pacer
from batchpatch.genesys.rate import DEFAULT_PACE, PaceOptions
from batchpatch.genesys.retry import DEFAULT_POLICY, RetryPolicy
from batchpatch.genesys.tokens import MintedTokens, ReadyToken, Token, TokenSource, bearer_headers
from batchpatch.genesys.transport import DEFAULT_CONNECT, ConnectOptions, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def open_client(
    account: Account,
    connect: ConnectOptions = DEFAULT_CONNECT,
    policy: RetryPolicy = DEFAULT_POLICY,
    pace: PaceOptions = DEFAULT_PACE,
    *,
    version: str,
    max_outage_s: float = MAX_OUTAGE_S,
) -> AsyncIterator[GenesysClient]:
    """Open a client with the real network, clock and randomness.

    `max_outage_s` is how long everything may fail before calls raise `OutageError`. Raises
    `SettingsError` for a CA file or a proxy that cannot be used, and for several tokens of an
    account that has one; nothing is sent before the first call.
    """
    async with Transport(account.hosts, connect, version=version) as transport:
        sources = _token_sources(account, transport, pace.tokens)
        assumed_per_s = None if pace.assumed is None else pace.assumed.per_s
        gate = Gate(
            sources,
            QuotaOptions(share=pace.share, assumed_per_s=assumed_per_s),
            clock=time.monotonic,
        )
        try:
            yield GenesysClient(
                account.hosts.api_url,
                transport=transport,
                gate=gate,
                pacer=None if pace.rate is None else Pacer(pace.rate),
                # Each of the tokens may be an old one when all are revoked at once.
                policy=policy._replace(renewals=policy.renewals + len(sources) - 1),
                sleep=asyncio.sleep,
                random=random.random,
                max_outage_s=max_outage_s,
            )
        finally:
            gate.close()


def _token_sources(account: Account, transport: Transport, tokens: int) -> list[TokenSource]:
    """Where so many tokens come from.

    Raises:
        SettingsError: a token that was given to us is the only one.
    """
    credentials = account.credentials
    if isinstance(credentials, AccessToken):
        if tokens > 1:
            raise SettingsError(
                f"--tokens {tokens} needs an OAuth client to mint them, and {account.origin} gives"
                " one access token: set a client id and secret instead."
            )
        headers = bearer_headers(credentials.token, transport)
        return [ReadyToken(Token(credentials.token, headers, 0.0), origin=account.origin)]
    lock = asyncio.Lock()
    return [
        MintedTokens(
            account,
            credentials,
            transport,
            clock=time.monotonic,
            sleep=asyncio.sleep,
            random=random.random,
            lock=lock,
        )
        for _ in range(tokens)
    ]
